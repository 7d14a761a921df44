/**
 * Whether an ordinary operation, which ingest keeps as the text that it is, is clear of every rule: seen from that text
 * alone, so that nothing need be built from it. Where in doubt the answer is no, and the rules look at it one by one.
 */
import { LIMITS } from '../core/limits.ts'
import { isUlid } from '../core/ulid.ts'
import { EVENT_SECONDS, isAhead } from './times.ts'

/** An event or an identify of one person, whose identifier and name hold no escapes and begin with a visible letter. */
export interface Plain {
  readonly kind: string
  readonly clientId: string | undefined
  readonly seconds: number | undefined
  readonly plain: {
    /** `{"type":"person","identifiers":{…},"action":"…"` and the name of an event. */
    readonly before: string
    /** All after the id, from the comma or the closing brace on. */
    readonly after: string
  }
}

export function isClear({ kind, clientId, seconds, plain }: Plain, nowSeconds: number): boolean {
  const { before, after } = plain
  const isIdentify = kind === 'person.identify'
  if (!isShort(before, before.indexOf('"},"action":'), LIMITS.nameBytes)) return false
  if (!isIdentify && !isShort(before, before.length - 1, LIMITS.eventNameBytes)) return false
  if (clientId !== undefined && !isUlid(clientId)) return false
  const age = seconds === undefined ? 0 : nowSeconds - seconds
  if (isAhead(age) || (!isIdentify && age > EVENT_SECONDS)) return false
  if (hasOddText(after)) return false
  return isIdentify ? isSimple(after) : !EVENT_KEYS.test(after)
}

/** The string that ends with the quote at `end` cannot be over the limit, and ends with a visible letter. */
function isShort(text: string, end: number, limit: number): boolean {
  const last = text.charCodeAt(end - 1)
  return last > 32 && last < 127 && (end - text.lastIndexOf('"', end - 1)) * 3 <= limit
}

/** Reserved in the data of an event (meaning.ts). */
const EVENT_KEYS = /"(?:recipient|from_address|reply_to)"/

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
const IDENTIFY_KEYS = /"(?:_update|cio_\w+)"|"created_at":(?!\d{10}[,}])/

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
