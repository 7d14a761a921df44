/** A batch of any length as calls that Customer.io takes: at most 500 KB and 1000 items each, in their order. Pure. */
import { byteLength, isObject, type JsonObject } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { checkObject, checkText, jsonText, refuse } from './input.ts'
import { environmentOf, type Stamps, stampAttributes } from './service-calls.ts'
import { BATCH_FRAME_BYTES } from './track.ts'

/** One operation of Track v2. */
export interface BatchItem {
  readonly type: 'person' | 'object' | 'delivery'
  readonly action: string
  readonly [member: string]: unknown
}

export interface Part {
  /** Where its first item stands among all. */
  readonly from: number
  readonly texts: readonly string[]
}

const EVENTS: ReadonlySet<unknown> = new Set(['event', 'page', 'screen'])

export interface ItemStamps {
  readonly stamps: Stamps
  readonly ulid: () => string
}

/**
 * The items as text, with what the client adds: `_env` and `_updated_at` to the identify of a person; `_env`, an id and a
 * time to an event. Throws `bad_request` for what is no item, and for one of more than 32 KB.
 */
export function itemTexts(items: readonly BatchItem[], given: ItemStamps): string[] {
  if (!Array.isArray(items)) throw refuse('items', 'must be an array')
  return items.map((item: BatchItem, index) => itemText(item, `items[${index}]`, given))
}

function itemText(item: BatchItem, field: string, given: ItemStamps): string {
  checkObject(field, item)
  checkText(`${field}.type`, item.type)
  checkText(`${field}.action`, item.action)
  const text = jsonText(field, item.type === 'person' ? stampItem(item, given) : item)
  const [limit, bytes] = [LIMITS.itemBytes, byteLength(text)]
  if (bytes > limit) throw refuse(field, `must have at most ${limit} bytes, not ${bytes}`, { limit, bytes })
  return text
}

function stampItem(item: BatchItem, { stamps, ulid }: ItemStamps): JsonObject {
  const { attributes = {} } = item
  // What is no object is Customer.io's to refuse, for this item alone.
  if (!isObject(attributes)) return item
  if (item.action === 'identify') return { ...item, attributes: stampAttributes(attributes, stamps) }
  if (!EVENTS.has(item.action)) return item
  const { id = ulid(), timestamp = stamps.seconds } = item
  return { ...item, id, timestamp, attributes: { ...environmentOf(stamps), ...attributes } }
}

/** Each item counts with a comma, and one of them has none. */
const FRAME_BYTES = BATCH_FRAME_BYTES - 1

/** Where one call ends and the next begins. */
export function partsOf(texts: readonly string[]): Part[] {
  const parts: Part[] = []
  let from = 0
  let bytes = FRAME_BYTES
  for (const [index, text] of texts.entries()) {
    const more = byteLength(text) + 1
    if (bytes + more > LIMITS.batchBytes || index - from === LIMITS.batchItems) {
      parts.push({ from, texts: texts.slice(from, index) })
      from = index
      bytes = FRAME_BYTES
    }
    bytes += more
  }
  if (from < texts.length) parts.push({ from, texts: texts.slice(from) })
  return parts
}
