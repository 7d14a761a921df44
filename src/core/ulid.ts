/**
 * ULIDs: 48 bits of milliseconds and 80 bits of randomness in Crockford's base 32, 26 characters, sortable by time.
 * Customer.io dedupes events on them (Track API, event `id`), so one is fixed before the first attempt and kept for ever.
 */
import { createHash, randomBytes } from 'node:crypto'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const PATTERN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i
const MAX_TIME = 2 ** 48 - 1

export type Ulids = (now: number) => string

/** True for the 26-character form, in either case; the first digit is at most 7 since 128 bits fill only 25.6 digits. */
export const isUlid = (text: string): boolean => PATTERN.test(text)

function encodeTime(ms: number): string {
  let rest = Math.min(Math.max(0, Math.floor(ms)), MAX_TIME)
  let text = ''
  for (let i = 0; i < 10; i += 1) {
    text = ALPHABET.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** 10 bytes to 16 digits: 5 bytes are exactly 8 digits of 5 bits. */
function encodeTail(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < 10; start += 5) {
    let bits = 0
    let held = 0
    for (let i = start; i < start + 5; i += 1) {
      bits = (bits << 8) | (bytes[i] ?? 0)
      held += 8
      while (held >= 5) {
        held -= 5
        text += ALPHABET.charAt((bits >> held) & 31)
      }
      bits &= (1 << held) - 1
    }
  }
  return text
}

function increment(bytes: Uint8Array): boolean {
  for (let i = bytes.length - 1; i >= 0; i -= 1) {
    const next = ((bytes[i] ?? 0) + 1) & 255
    bytes[i] = next
    if (next !== 0) return true
  }
  return false
}

/**
 * A maker of ULIDs that never regress: within one millisecond, or when the clock steps back, the tail counts up from
 * the last one, so that assigned ids sort in the order in which they were assigned.
 */
export function makeUlids(random: (size: number) => Uint8Array = randomBytes): Ulids {
  let lastTime = -1
  let head = ''
  let tail = new Uint8Array(10)
  return (now) => {
    if (now > lastTime || !increment(tail)) {
      lastTime = Math.max(now, lastTime + 1)
      head = encodeTime(lastTime)
      tail = Uint8Array.from(random(10))
      tail[0] = (tail[0] ?? 0) & 127 // leaves 2^79 steps before the tail can overflow
    }
    return head + encodeTail(tail)
  }
}

/** The ULID of a foreign id: always the same for the same parts, so that a client's retry meets the same dedupe key. */
export function deriveUlid(time: number, parts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
  return encodeTime(time) + encodeTail(hash.subarray(0, 10))
}

/** The milliseconds that a ULID carries. */
export function ulidTime(ulid: string): number {
  let ms = 0
  for (const digit of ulid.slice(0, 10).toUpperCase()) ms = ms * 32 + ALPHABET.indexOf(digit)
  return ms
}
