/**
 * Track v1 in the form of v2. Bodies are maps of JSON texts, so that every value passes through as it came. The
 * differences: `data` is `attributes`, `_timestamp` is `timestamp`, a device's `id` is its `token`, and relationships
 * are one object with an action instead of an array.
 */
import { isObject, objectText, parseJson } from '../core/json.ts'
import { type Identifier, identifierText } from './identifiers.ts'
import { type Item, textsOf, writeItem } from './item.ts'

type Texts = ReadonlyMap<string, string>

const quote = (text: string): string => JSON.stringify(text)

/** Delete, suppress, unsuppress. */
export function personItem(identifier: Identifier, action: string): Item {
  return writeItem({ type: '"person"', identifiers: identifierText(identifier), action: quote(action) })
}

/** An identify; and a second item where the body takes relationships away, which v2 has a verb of its own for. */
export function identifyItems(identifier: Identifier, body: Texts): Item[] {
  const { action, list } = relationshipsIn(body.get('cio_relationships'))
  const attributes = [...body].filter(([name]) => name !== '_timestamp' && name !== 'cio_relationships')
  const identifiers = identifierText(identifier)
  const identify = writeItem({
    type: '"person"',
    identifiers,
    action: '"identify"',
    timestamp: body.get('_timestamp'),
    attributes: objectText(attributes),
    cio_relationships: action === 'delete_relationships' ? undefined : list,
  })
  if (action !== 'delete_relationships') return [identify]
  return [
    identify,
    writeItem({ type: '"person"', identifiers, action: quote(action), cio_relationships: list }),
  ]
}

function relationshipsIn(text: string | undefined): { action: unknown; list: string | undefined } {
  const value = parseJson(text ?? 'null')
  if (!isObject(value)) return { action: undefined, list: text }
  return { action: value.action, list: textsOf(text).get('relationships') }
}

/** An event of a known person. A `type` other than page and screen is taken for event. */
export function eventItem(identifier: Identifier, body: Texts): Item {
  return writeItem({ type: '"person"', identifiers: identifierText(identifier), ...eventParts(body) })
}

/** An event of an anonymous_id, or of nobody. */
export function anonymousItem(body: Texts): Item {
  const anonymousId = body.get('anonymous_id')
  const isGiven = anonymousId !== undefined && anonymousId !== 'null' && anonymousId !== '""'
  const identifiers = isGiven ? objectText([['anonymous_id', anonymousId]]) : '{}'
  return writeItem({ type: '"anonymous"', identifiers, ...eventParts(body) })
}

function eventParts(body: Texts): Record<string, string | undefined> {
  const type = body.get('type')
  const action = type === '"page"' || type === '"screen"' ? type : '"event"'
  return {
    action,
    name: body.get('name'),
    id: body.get('id'),
    timestamp: body.get('timestamp'),
    attributes: body.get('data'),
  }
}

export function addDeviceItem(identifier: Identifier, body: Texts): Item {
  const { id, ...rest } = Object.fromEntries(textsOf(body.get('device')))
  const device = id === undefined ? rest : { token: id, ...rest }
  return writeItem({
    type: '"person"',
    identifiers: identifierText(identifier),
    action: '"add_device"',
    device: objectText(Object.entries(device)),
  })
}

export function deleteDeviceItem(identifier: Identifier, deviceId: string): Item {
  return writeItem({
    type: '"person"',
    identifiers: identifierText(identifier),
    action: '"delete_device"',
    device: objectText([['token', quote(deviceId)]]),
  })
}

export function mergeItem(body: Texts): Item {
  return writeItem({
    type: '"person"',
    action: '"merge"',
    primary: body.get('primary'),
    secondary: body.get('secondary'),
  })
}

/** A change to a manual segment: no form in v2, so a type of the emulator's own. */
export function segmentItem(action: string, what: { segment: string; idType: string; ids: string }): Item {
  return writeItem({
    type: '"segment"',
    action: quote(action),
    segment_id: quote(what.segment),
    id_type: quote(what.idType),
    ids: what.ids,
  })
}

/** Keys of a form that Customer.io ignores. */
const FORM_KEYS = new Set(['form_id', 'form_name', 'form_type', 'form_url', 'form_url_param'])

/** A form submission: an identify of whom it names. */
export function formItem(identifier: Identifier, data: Texts): Item {
  const fields = [...data].filter(([key]) => key !== identifier.kind && !FORM_KEYS.has(key))
  return writeItem({
    type: '"person"',
    identifiers: identifierText(identifier),
    action: '"identify"',
    attributes: objectText(fields),
  })
}

/** A metric of a delivery. */
export function metricItem(metric: string, body: Texts): Item {
  const { delivery_id, metric: _, event: __, timestamp, ...attributes } = Object.fromEntries(body)
  return writeItem({
    type: '"delivery"',
    action: '"event"',
    identifiers: objectText([['id', delivery_id ?? 'null']]),
    name: quote(metric),
    timestamp,
    attributes: objectText(Object.entries(attributes)),
  })
}
