/**
 * Whether an ordinary operation, which ingest keeps as the text that it is, is clear of every rule: seen from that text
 * alone, so that nothing need be built from it. Where in doubt the answer is no, and the rules look at it one by one.
 */
import { bytesOf, endOfValue, startsWith } from '../core/json-bytes.ts'
import { JSON_LIMITS } from '../core/json-limits.ts'
import { LIMITS } from '../core/limits.ts'
import { isUlid } from '../core/ulid.ts'
import { RESERVED_OF_EVENTS } from './meaning.ts'
import { EVENT_SECONDS, isAhead } from './times.ts'

interface Moment {
  readonly kind: string
  readonly clientId: string | undefined
  readonly seconds: number | undefined
}

/** Whether nothing is to be said of its id and its times. */
export function isTimely({ kind, clientId, seconds }: Moment, nowSeconds: number): boolean {
  if (clientId !== undefined && !isUlid(clientId)) return false
  const age = seconds === undefined ? 0 : nowSeconds - seconds
  return !isAhead(age) && (kind === 'person.identify' || age <= EVENT_SECONDS)
}

/** Whether nothing is to be said of the attributes of an identify, or of the data of an event. */
export const isClear = (kind: string, attributes: string): boolean =>
  !hasOddText(attributes) &&
  (kind === 'person.identify' ? isSimple(attributes) : !EVENT_KEYS.test(attributes))

/** Reserved in the data of an event; or an escaped letter, which may be one of theirs. */
const EVENT_KEYS = new RegExp(`"(?:${RESERVED_OF_EVENTS.join('|')})"|\\\\u00[2-7]`)

/**
 * What texts.ts looks closer at. Searches of one character and steps over many are five times as fast as one regular
 * expression for all of it.
 */
function hasOddText(text: string): boolean {
  if (text.includes('\\') && /\\u(?:0000|[dD][89a-fA-F])/.test(text)) return true
  return hasDigits(text) || /[eE]\+?\d{3}/.test(text)
}

/** A number of so many digits may be more than 64 bits hold. */
const MANY_DIGITS = 19

/** So many digits in a row have one at a multiple of their number. */
function hasDigits(text: string): boolean {
  for (let at = MANY_DIGITS - 1; at < text.length; at += MANY_DIGITS) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) return /\d{19}/.test(text)
  }
  return false
}

/** A shorter identify cannot hold 300 attributes, each of which takes five letters at least. */
const SHORT_IDENTIFY = 1500
const IDENTIFY_KEYS = /"(?:_update|cio_\w+)"|"created_at"(?!:\d{10}[,}])/

/** Of an identify: no escapes, nothing empty, nested or long, and no key with a rule of its own but a usual created_at. */
function isSimple(text: string): boolean {
  if (text.length > SHORT_IDENTIFY || text.includes('\\') || text.includes('""')) return false
  const open = text.indexOf('{')
  if (text.includes('[') || text.includes('{', open + 1)) return false
  return !hasLongString(text) && !IDENTIFY_KEYS.test(text)
}

/** A string of so many letters may be 150 bytes, the least of the limits. */
const LONG = LIMITS.nameBytes / 3

/** From each quote on, the last one within reach is looked for: one step takes fifty letters or so. */
function hasLongString(text: string): boolean {
  let quote = text.indexOf('"')
  while (quote + LONG + 1 < text.length) {
    const next = text.lastIndexOf('"', quote + LONG + 1)
    if (next === quote) return true
    quote = next
  }
  return false
}

const QUOTE = 34
const COMMA = 44
const NINE = 57
const COLON = 58
const OPEN_ARRAY = 91
const BACKSLASH = 92
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const RESERVED = RESERVED_OF_EVENTS.map(bytesOf)
const SHORTEST = Math.min(...RESERVED.map(({ length }) => length))

/**
 * The index after the data of an event, written without blanks, in which there are only texts without escapes, usual numbers
 * and literals: that it is JSON, and that it is clear, is seen in one pass. -1 where there is more to it.
 */
export function endOfClearData(bytes: Uint8Array, open: number): number {
  let at = open + 1
  if (bytes[at] === CLOSE_OBJECT) return at + 1
  for (let keys = 1; keys <= JSON_LIMITS.keys; keys += 1) {
    const end = endOfText(bytes, at)
    if (end < 0 || bytes[end] !== COLON || isReserved(bytes, at + 1, end - 1)) return -1
    at = endOfClearValue(bytes, end + 1)
    if (at < 0) return -1
    if (bytes[at] === CLOSE_OBJECT) return at + 1
    if (bytes[at] !== COMMA) return -1
    at += 1
  }
  return -1
}

function endOfText(bytes: Uint8Array, open: number): number {
  if (bytes[open] !== QUOTE) return -1
  for (let at = open + 1; ; at += 1) {
    const code = bytes[at] ?? 0
    if (code === QUOTE) return at + 1
    if (code < 32 || code === BACKSLASH) return -1
  }
}

function isReserved(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < SHORTEST) return false
  for (const name of RESERVED) if (name.length === to - from && startsWith(bytes, from, name)) return true
  return false
}

function endOfClearValue(bytes: Uint8Array, start: number): number {
  const code = bytes[start] ?? 0
  if (code === QUOTE) return endOfText(bytes, start)
  if (code === OPEN_OBJECT || code === OPEN_ARRAY) return -1
  const end = endOfValue(bytes, start, 0)
  return code > NINE || isUsualNumber(bytes, start, end) ? end : -1
}

/** Short, and without an exponent, whose letter comes after the digits. */
function isUsualNumber(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] ?? 0) > NINE) return false
  return end - start < MANY_DIGITS
}
