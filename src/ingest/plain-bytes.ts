/** What the ways that read bytes take for ordinary: strings that are what they look like, times that are seconds. Pure. */
import { endOfDigits } from '../core/json-bytes.ts'

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const CLOSE_OBJECT = 125

const isVisible = (code: number): boolean => code > 32 && code < 127

/** The index after a string of at most so many bytes, without escapes, and without blanks around it; -1 where it is another. */
export function endOfName(bytes: Uint8Array, open: number, most: number): number {
  const first = open + 1
  if (bytes[open] !== QUOTE || !isVisible(bytes[first] ?? 0)) return -1
  for (let at = first; at <= first + most; at += 1) {
    const code = bytes[at] ?? 0
    if (code === QUOTE) return at > first && isVisible(bytes[at - 1] ?? 0) ? at + 1 : -1
    if (code < 32 || code === BACKSLASH) return -1
  }
  return -1
}

/** A timestamp as everybody writes it: unix seconds of 1 to 12 digits. Anything else goes the general way. */
export function endOfSeconds(bytes: Uint8Array, start: number): number {
  const at = endOfDigits(bytes, start)
  const isPlain = at > start && at - start <= 12 && bytes[start] !== 48
  return isPlain && (bytes[at] === COMMA || bytes[at] === CLOSE_OBJECT) ? at : -1
}
