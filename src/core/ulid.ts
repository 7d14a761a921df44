/**
 * ULIDs: 48 bits of milliseconds and 80 bits of randomness in Crockford's base 32, 26 characters, sortable by time.
 * Customer.io dedupes events on them (Track API, event `id`), so one is fixed before the first attempt and kept for ever.
 */
import { createHash, randomFillSync } from 'node:crypto'

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

/** Drawn from the system many at a time: a draw of ten bytes costs as much as one of a thousand. */
const pool = new Uint8Array(1_000)
let drawn = pool.length

function pooled(size: number): Uint8Array {
  if (drawn + size > pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += size
  return pool.subarray(drawn - size, drawn)
}

/** All pairs of digits: the last two of a ULID, 10 bits, are one of them, so that counting on is one addition. */
const PAIRS = Array.from({ length: 1024 }, (_, n) => ALPHABET.charAt(n >> 5) + ALPHABET.charAt(n & 31))

/** The next number of as many digits; undefined after the last. */
function successor(digits: string): string | undefined {
  const at = digits.search(/[^Z]Z*$/)
  if (at < 0) return undefined
  const next = ALPHABET.charAt(ALPHABET.indexOf(digits.charAt(at)) + 1)
  return digits.slice(0, at) + next + '0'.repeat(digits.length - at - 1)
}

/**
 * A maker of ULIDs that never regress: within one millisecond, or when the clock steps back, the tail counts up from
 * the last one, so that assigned ids sort in the order in which they were assigned.
 */
export function makeUlids(random: (size: number) => Uint8Array = pooled): Ulids {
  let lastTime = -1
  /** The 24 digits before those that count. */
  let head = ''
  let count = PAIRS.length

  const draw = (now: number): void => {
    lastTime = Math.max(now, lastTime + 1)
    const bytes = Uint8Array.from(random(10))
    bytes[0] = (bytes[0] ?? 0) & 127 // leaves 2^79 steps before the tail can overflow
    const tail = encodeTail(bytes)
    head = encodeTime(lastTime) + tail.slice(0, 14)
    count = PAIRS.indexOf(tail.slice(14))
  }
  const carry = (now: number): void => {
    const next = successor(head.slice(10))
    if (next === undefined) draw(now)
    else {
      head = head.slice(0, 10) + next
      count = 0
    }
  }
  return (now) => {
    if (now > lastTime) draw(now)
    else if (count === PAIRS.length) carry(now)
    const id = head + (PAIRS[count] ?? '')
    count += 1
    return id
  }
}

/** The ULID of a foreign id: always the same for the same parts, so that a client's retry meets the same dedupe key. */
export function deriveUlid(time: number, parts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
  return encodeTime(time) + encodeTail(hash.subarray(0, 10))
}
