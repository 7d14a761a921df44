/** What the ways that read bytes take for ordinary: strings that are what they look like, times that are seconds. Pure. */
import { endOfDigits, endOfString } from '../core/json-bytes.ts'

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const CLOSE_OBJECT = 125

/** The index after a string without escapes, which does not begin with a blank; -1 where it is another. */
export function endOfName(bytes: Uint8Array, open: number): number {
  if (bytes[open] !== QUOTE) return -1
  const first = bytes[open + 1] ?? 0
  if (first <= 32 || first >= 127 || first === QUOTE) return -1
  const end = endOfString(bytes, open)
  for (let at = open + 1; at < end; at += 1) if (bytes[at] === BACKSLASH) return -1
  return end
}

/** A timestamp as everybody writes it: unix seconds of 1 to 12 digits. Anything else goes the general way. */
export function endOfSeconds(bytes: Uint8Array, start: number): number {
  const at = endOfDigits(bytes, start)
  const isPlain = at > start && at - start <= 12 && bytes[start] !== 48
  return isPlain && (bytes[at] === COMMA || bytes[at] === CLOSE_OBJECT) ? at : -1
}
