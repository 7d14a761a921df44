/**
 * Merging adjacent identifies of one person into one: the last write wins per attribute, as Customer.io would have it. It
 * saves calls, and it is the safe thing to send after an identify whose answer was lost: whatever became of the first, the
 * merged one leaves the person right.
 */
import { memberMap, objectText } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'

/** An identify taken apart; undefined where it holds more than can be merged without knowing Customer.io's insides. */
export interface Identify {
  readonly identifiers: string
  readonly timestamp: number
  readonly attributes: ReadonlyMap<string, string>
}

const MERGEABLE = new Set(['type', 'identifiers', 'action', 'timestamp', 'attributes'])

export function parseIdentify(value: string): Identify | undefined {
  const parts = memberMap(value)
  for (const key of parts.keys()) if (!MERGEABLE.has(key)) return undefined
  const identifiers = parts.get('identifiers')
  const timestamp = Number(parts.get('timestamp'))
  if (identifiers === undefined || !Number.isFinite(timestamp)) return undefined
  const attributes = parts.get('attributes') ?? '{}'
  return attributes.startsWith('{')
    ? { identifiers, timestamp, attributes: memberMap(attributes) }
    : undefined
}

/**
 * Keys whose effect depends on more than the last value: whether to create, preferences that may merge inside, and what
 * else the person is called by, since whoever is created without it is another person than who is found by it.
 */
const DELICATE = new Set(['_update', 'id', 'email', 'anonymous_id'])
const isDelicate = (key: string) => DELICATE.has(key) || key.startsWith('cio_')

/**
 * `later` laid over `earlier`, or undefined when the two must be sent apart: other identifiers, a delicate key, too many
 * attributes, or an attribute of the earlier one that would get a time other than its own. The remote orders values by
 * their time, attribute by attribute: made newer than it was, it would hold off one that is said later with a time
 * between the two.
 */
export function mergeIdentifies(earlier: Identify, later: Identify): Identify | undefined {
  if (earlier.identifiers !== later.identifiers || later.timestamp < earlier.timestamp) return undefined
  if (later.timestamp > earlier.timestamp && !isCovered(earlier, later)) return undefined
  const attributes = new Map(earlier.attributes)
  for (const [key, text] of later.attributes) attributes.set(key, text)
  for (const key of attributes.keys()) {
    if (isDelicate(key) && earlier.attributes.get(key) !== later.attributes.get(key)) return undefined
  }
  if (attributes.size > LIMITS.attributes) return undefined
  return { identifiers: earlier.identifiers, timestamp: later.timestamp, attributes }
}

const isCovered = (earlier: Identify, later: Identify): boolean =>
  earlier.attributes.keys().every((key) => later.attributes.has(key))

/** The text of a merged identify: never longer than its parts together, since every attribute of it stood in one of them. */
export const identifyText = ({ identifiers, timestamp, attributes }: Identify): string =>
  `{"type":"person","identifiers":${identifiers},"action":"identify","timestamp":${timestamp},"attributes":${objectText(attributes)}}`
