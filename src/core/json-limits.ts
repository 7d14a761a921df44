/**
 * What JSON may look like before anything is built from it. JSON.parse takes five million levels, and a million keys hold
 * the event loop for over a second: both are refused in one pass over the text, which costs a tenth of parsing it.
 */

export interface JsonLimits {
  /** Objects and arrays within each other. */
  readonly depth: number
  /** Members of one object. */
  readonly keys: number
}

/** Far beyond what Customer.io documents (300 attributes), and far below what hurts. */
export const JSON_LIMITS: JsonLimits = { depth: 32, keys: 1000 }

const QUOTE = 34
const BACKSLASH = 92

/** The limit that the text breaks, in words; undefined when there is none. Whether it is JSON is for JSON.parse to say. */
export function brokenLimit(text: string, { depth, keys }: JsonLimits = JSON_LIMITS): string | undefined {
  if (text.charCodeAt(0) === 0xfeff) return 'The body begins with a byte order mark: send plain UTF-8.'
  /** Of every open object or array, how many members have come so far. */
  const open: number[] = []
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = closingQuote(text, at)
      if (at < 0) return undefined
    } else if (code === 123 || code === 91) {
      if (open.push(0) > depth) return `The body is nested more than ${depth} levels deep.`
    } else if (code === 125 || code === 93) open.pop()
    else if (code === 58) {
      const count = (open.pop() ?? 0) + 1
      if (count > keys) return `An object of the body has more than ${keys} members.`
      open.push(count)
    }
  }
  return undefined
}

/** Where the string that opens at `open` ends; -1 when it does not. Backslashes are counted once, however many there are. */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at += 1
  }
  return -1
}
