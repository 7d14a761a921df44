/**
 * Calls of Track v1 in Track v2 form, so that one reader judges both and one act gives one operation, whichever form it
 * came in. What v1 names otherwise is renamed (`data`, `_timestamp`, a device's `id`); every value stays the text it was.
 * Source: Track API v1, August 2026. Pure.
 */
import { SluiceError } from '../core/errors.ts'
import { isObject, type JsonObject, memberMap, members, objectText, parseJson } from '../core/json.ts'
import { type Item, isKnownMember } from './draft.ts'

/** The body as the object it must be. Throws `bad_request`. */
export function parseObject(text: string): JsonObject {
  const value = parseJson(text)
  if (isObject(value)) return value
  const message = value === undefined ? 'The body is not JSON.' : 'The body is not a JSON object.'
  throw new SluiceError('bad_request', message)
}

/** The identifier in a v1 path says by its shape what it is: an address has an @, a cio_id the prefix `cio_`. */
export function toIdentifiers(identifier: string): JsonObject {
  if (identifier.includes('@')) return { email: identifier }
  if (identifier.startsWith('cio_')) return { cio_id: identifier.slice('cio_'.length) }
  return { id: identifier }
}

/** A person's operation so far; `more` is the parsed value of the members that will be set. */
function personItem(identifiers: JsonObject, action: string, more: JsonObject = {}): Item {
  return {
    value: { type: 'person', identifiers, action, ...more },
    members: new Map([
      ['type', '"person"'],
      ['identifiers', JSON.stringify(identifiers)],
      ['action', JSON.stringify(action)],
    ]),
  }
}

/** `delete`, `suppress` and `unsuppress`: whatever body comes with them says nothing. */
export const plainItem = (identifier: string, action: 'delete' | 'suppress' | 'unsuppress'): Item =>
  personItem(toIdentifiers(identifier), action)

/** What v1 keeps among the attributes and v2 beside them. */
const BESIDE_ATTRIBUTES = ['_timestamp', 'cio_relationships']

/** `PUT /customers/{identifier}`. Relationships to be deleted become an operation of their own, since v2 has it so. */
export function identifyItems(identifier: string, text: string): readonly Item[] {
  const body = parseObject(text)
  const identifiers = toIdentifiers(identifier)
  if (!BESIDE_ATTRIBUTES.some((name) => Object.hasOwn(body, name))) {
    const item = personItem(identifiers, 'identify', { attributes: body })
    item.members.set('attributes', text.trim())
    return [item]
  }
  const { _timestamp, cio_relationships: change, ...rest } = body
  const item = personItem(identifiers, 'identify', { attributes: rest, timestamp: _timestamp })
  const given = members(text)
  const attributes = given.filter(({ key }) => !BESIDE_ATTRIBUTES.includes(key))
  item.members.set('attributes', objectText(attributes.map(({ key, value }) => [key, value])))
  const beside = new Map(given.map(({ key, value }) => [key, value]))
  const timestamp = beside.get('_timestamp')
  if (timestamp !== undefined) item.members.set('timestamp', timestamp)
  return withRelationships(item, change, beside.get('cio_relationships'))
}

/** v1 says `{action, relationships}` where v2 has the array alone, on the identify or on an operation that deletes them. */
function withRelationships(identify: Item, value: unknown, text: string | undefined): readonly Item[] {
  if (text === undefined || value === null) return [identify]
  const relationships = isObject(value) ? memberMap(text).get('relationships') : undefined
  if (!isObject(value) || relationships === undefined || !Array.isArray(value.relationships))
    throw new SluiceError('bad_request', 'cio_relationships must hold an action and the relationships.')
  if (value.action === 'add_relationships') {
    identify.members.set('cio_relationships', relationships)
    return [{ ...identify, value: { ...identify.value, cio_relationships: value.relationships } }]
  }
  if (value.action !== 'delete_relationships')
    throw new SluiceError(
      'bad_request',
      'cio_relationships.action must be add_relationships or delete_relationships.',
    )
  const { identifiers } = identify.value
  const removal = personItem(isObject(identifiers) ? identifiers : {}, 'delete_relationships', {
    cio_relationships: value.relationships,
  })
  removal.members.set('cio_relationships', relationships)
  return [identify, removal]
}

/** `POST /customers/{identifier}/events`. */
export function eventItem(identifier: string, text: string): Item {
  return toEvent(toIdentifiers(identifier), parseObject(text), memberMap(text))
}

/** `POST /events`: the anonymous_id becomes the identifier; without one the event is an invite and names nobody. */
export function anonymousEventItem(text: string): Item {
  const body = parseObject(text)
  const given = memberMap(text)
  const id = given.get('anonymous_id')
  given.delete('anonymous_id')
  const isInvite = id === undefined || id === 'null' || id === '""'
  const item = toEvent(isInvite ? {} : { anonymous_id: body.anonymous_id }, body, given)
  if (!isInvite) item.members.set('identifiers', objectText([['anonymous_id', id]]))
  return item
}

/** v1's names for an event's members, and v2's: `type` is the action, and anything but page and screen is an event. */
function toEvent(identifiers: JsonObject, body: JsonObject, given: ReadonlyMap<string, string>): Item {
  const { type, name, id, timestamp, data } = body
  const action = type === 'page' || type === 'screen' ? type : 'event'
  const item = personItem(identifiers, action, { name, id, timestamp, attributes: data })
  for (const [key, value] of given) {
    if (key === 'data') item.members.set('attributes', value)
    else if (key === 'name' || key === 'id' || key === 'timestamp' || !isKnownMember(key))
      item.members.set(key, value)
  }
  return item
}

/** `PUT /customers/{identifier}/devices`. What stands in the device stays there, also where v2 would have `attributes`. */
export function addDeviceItem(identifier: string, text: string): Item {
  const { device } = parseObject(text)
  if (!isObject(device)) throw new SluiceError('bad_request', 'device is required')
  const item = personItem(toIdentifiers(identifier), 'add_device', {
    device: { ...device, token: device.id },
  })
  const renamed: [string, string][] = []
  for (const { key, value } of members(memberMap(text).get('device') ?? '{}'))
    if (key !== 'token') renamed.push([key === 'id' ? 'token' : key, value])
  item.members.set('device', objectText(renamed))
  return item
}

/** `DELETE /customers/{identifier}/devices/{device_id}`. */
export function deleteDeviceItem(identifier: string, token: string): Item {
  const device = { token }
  const item = personItem(toIdentifiers(identifier), 'delete_device', { device })
  item.members.set('device', JSON.stringify(device))
  return item
}

/** `POST /merge_customers`: the body is a v2 merge but for its type and action. */
export function mergeItem(text: string): Item {
  const { primary, secondary } = parseObject(text)
  const members = memberMap(text)
  for (const name of members.keys())
    if (isKnownMember(name) && name !== 'primary' && name !== 'secondary') members.delete(name)
  return { value: { type: 'person', action: 'merge', primary, secondary }, members }
}
