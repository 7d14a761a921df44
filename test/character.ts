/** Any character of Unicode, as the unit of random texts: `fc.string({ unit: character })`. */
import fc from 'fast-check'

/** Half surrogates, which are no characters, lie between the two ranges. */
const SURROGATES = { from: 0xd800, count: 0x800 }
const LAST = 0x10ffff

/** fast-check's own `binary` makes a table of all 1.1 million in each process that uses it, for 1.7 s of a core. */
export const character = fc.nat(LAST - SURROGATES.count).map(characterAt, placeOf)

function characterAt(place: number): string {
  return String.fromCodePoint(place < SURROGATES.from ? place : place + SURROGATES.count)
}

/** The way back, so that fast-check can put in texts of its own, such as `__proto__`. It throws at what is no character. */
function placeOf(text: unknown): number {
  const [first, ...more] = typeof text === 'string' && text.isWellFormed() ? text : []
  const code = first?.codePointAt(0)
  if (code === undefined || more.length > 0) throw new TypeError('no character')
  return code < SURROGATES.from ? code : code - SURROGATES.count
}
