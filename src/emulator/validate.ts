/**
 * What Customer.io refuses at the door, with the limits of the Track API in bytes. The emulator knows them on its own:
 * one that shared them with the gateway could not catch a mistake in either.
 */
import { byteLength, elements, isObject, memberMap, plainText } from '../core/json.ts'
import type { ItemError } from '../customerio/wire.ts'
import { type Item, part, partMap, scalarText } from './item.ts'

/** Source: Customer.io, Track API, limits. KB is taken as 1024 bytes, the more generous reading. */
export const LIMITS = {
  batch: 500 * 1024,
  item: 32 * 1024,
  identifier: 150,
  attributeName: 150,
  attributeValue: 1000,
  attributes: 300,
  objectAttributes: 100 * 1024,
  eventName: 100,
  eventData: 100_000,
  segmentIds: 1000,
} as const

type Check = (item: Item) => ItemError | undefined

const invalid = (field: string, message: string): ItemError => ({ reason: 'invalid', field, message })
const required = (field: string): ItemError => ({
  reason: 'required',
  field,
  message: `${field} is required`,
})

/** The fault of an item of Track v2, or undefined when Customer.io would take it. The first one found is told. */
export function faultIn(item: Item): ItemError | undefined {
  const checks = CHECKS[`${plainText(item.value.type)}.${plainText(item.value.action)}`]
  return checks === undefined ? unknownKind(item) : firstFault(item, checks)
}

/** The fault of an anonymous event, for which Track v2 has no form. */
export const faultInAnonymous = (item: Item): ItemError | undefined => firstFault(item, [name, eventData])

function firstFault(item: Item, checks: readonly Check[]): ItemError | undefined {
  let fault = timestamp(item)
  for (let at = 0; fault === undefined && at < checks.length; at += 1) fault = checks[at]?.(item)
  return fault
}

/** The size limit of one item of Track v2; the forms of v1 have none. */
export function oversize(text: string): ItemError | undefined {
  if (byteLength(text) <= LIMITS.item) return undefined
  return invalid('', `request cannot be larger than ${LIMITS.item} bytes`)
}

function unknownKind(item: Item): ItemError {
  const { type, action } = item.value
  if (type !== 'person' && type !== 'object' && type !== 'delivery')
    return type === undefined ? required('type') : invalid('type', 'type must be person, object or delivery')
  if (action === undefined) return required('action')
  return invalid('action', `action is not one that type ${type} has`)
}

function timestamp(item: Item): ItemError | undefined {
  const given = item.value.timestamp
  if (given === undefined || given === null || given === '') return undefined
  if (typeof given === 'number' || /^\d+(\.\d+)?$/.test(plainText(given))) return undefined
  return invalid('timestamp', 'timestamp must be a unix timestamp in seconds')
}

const isScalar = (value: unknown): value is string | number =>
  typeof value === 'string' || typeof value === 'number'

/** Exactly one of the kinds, as a string or a number, within its own rules. */
function oneIdentifier(field: string, kinds: readonly string[]): Check {
  return (item) => {
    const given = item.value[field]
    if (!isObject(given)) return required(field)
    return identifierFault(field, given, kinds)
  }
}

function identifierFault(field: string, given: object, kinds: readonly string[]): ItemError | undefined {
  const entries = Object.entries(given).filter(([, value]) => value !== null && value !== '')
  const [first] = entries
  if (first === undefined) return required(field)
  if (entries.length > 1) return invalid(field, `${field} must have exactly one of ${kinds.join(', ')}`)
  const [kind, value] = first
  if (!kinds.includes(kind)) return invalid(field, `${field} must have one of ${kinds.join(', ')}`)
  if (!isScalar(value)) return invalid(`${field}.${kind}`, `${kind} must be a string`)
  return valueFault(`${field}.${kind}`, kind, String(value))
}

function valueFault(field: string, kind: string, value: string): ItemError | undefined {
  if (byteLength(value) > LIMITS.identifier)
    return invalid(field, `${kind} cannot be longer than ${LIMITS.identifier} bytes`)
  if (kind === 'email' && !value.includes('@')) return invalid(field, 'email is not an email address')
  if (kind === 'phone' && !/^\+\d{1,15}$/.test(value)) return invalid(field, 'phone is not in E.164 format')
  return undefined
}

const person = oneIdentifier('identifiers', ['id', 'email', 'phone', 'cio_id'])

/** Events alone may name an anonymous_id: Segment and RudderStack send it so, although it is not documented. */
const personOrAnonymous = oneIdentifier('identifiers', ['id', 'email', 'phone', 'cio_id', 'anonymous_id'])

const object: Check = (item) => {
  const given = item.value.identifiers
  return isObject(given) ? objectFault('identifiers', given) : required('identifiers')
}

function objectFault(field: string, given: Readonly<Record<string, unknown>>): ItemError | undefined {
  const { object_type_id: type, object_id: id, cio_object_id: cioId } = given
  if (cioId !== undefined)
    return isScalar(cioId) && cioId !== '' ? undefined : required(`${field}.cio_object_id`)
  if (!isScalar(type) || !/^[1-9]\d*$/.test(String(type)))
    return invalid(`${field}.object_type_id`, 'object_type_id must be a whole number of at least 1')
  if (!isScalar(id) || id === '') return required(`${field}.object_id`)
  return valueFault(`${field}.object_id`, 'object_id', String(id))
}

const name: Check = (item) => {
  const given = item.value.name
  if (typeof given !== 'string' || given.trim() === '') return required('name')
  if (byteLength(given.trim()) <= LIMITS.eventName) return undefined
  return invalid('name', `event name cannot be longer than ${LIMITS.eventName} bytes`)
}

/** A character takes at most three bytes: in an item with a third of the limit in characters, the data need not be cut out. */
const eventData: Check = (item) => {
  const given = item.value.attributes
  if (given === undefined || given === null) return undefined
  if (!isObject(given)) return invalid('attributes', 'attributes must be an object')
  if (item.text.length * 3 <= LIMITS.eventData) return undefined
  if (byteLength(part(item, 'attributes') ?? '') <= LIMITS.eventData) return undefined
  return invalid('attributes', `event data cannot be larger than ${LIMITS.eventData} bytes`)
}

/** Members of an identify that have rules of their own instead of the limits on attributes. */
const STRUCTURED = /^(cio_relationships$|cio_subscription_preferences)/

const attributes: Check = (item) => {
  const given = item.value.attributes
  if (given === undefined || given === null) return undefined
  if (!isObject(given)) return invalid('attributes', 'attributes must be an object')
  return attributesFault('attributes', partMap(item, 'attributes'))
}

function attributesFault(field: string, given: Map<string, string>): ItemError | undefined {
  if (given.size > LIMITS.attributes)
    return invalid(field, `cannot have more than ${LIMITS.attributes} attributes`)
  for (const [key, text] of given) {
    if (STRUCTURED.test(key)) continue
    if (byteLength(key) > LIMITS.attributeName)
      return invalid(`${field}.${key}`, `property name cannot be longer than ${LIMITS.attributeName} bytes`)
    if (byteLength(scalarText(text)) > LIMITS.attributeValue)
      return invalid(`${field}.${key}`, `property value cannot be longer than ${LIMITS.attributeValue} bytes`)
  }
  return undefined
}

/** The identifiers within `attributes` keep to the same limits as those beside it. */
const identifiersInAttributes: Check = (item) => {
  const given = item.value.attributes
  if (!isObject(given)) return undefined
  for (const kind of ['id', 'email']) {
    const value = given[kind]
    if (!isScalar(value) || value === '') continue
    const fault = valueFault(`attributes.${kind}`, kind, String(value))
    if (fault !== undefined) return fault
  }
  return undefined
}

const objectSize: Check = (item) =>
  byteLength(part(item, 'attributes') ?? '') > LIMITS.objectAttributes
    ? invalid('attributes', `attributes cannot be larger than ${LIMITS.objectAttributes} bytes`)
    : undefined

type Side = (field: string, identifiers: Readonly<Record<string, unknown>>) => ItemError | undefined

const toObjects: Side = objectFault
const toPeople: Side = (field, given) => identifierFault(field, given, ['id', 'email', 'cio_id'])
const toAnonymous: Side = (field, given) => identifierFault(field, given, ['anonymous_id'])

function relationships(side: Side, isOptional: boolean): Check {
  return (item) => {
    const text = part(item, 'cio_relationships')
    if (text === undefined || text === 'null') return isOptional ? undefined : required('cio_relationships')
    if (!text.startsWith('[')) return invalid('cio_relationships', 'cio_relationships must be an array')
    for (const [index, each] of elements(text).entries()) {
      const fault = relationshipFault(`cio_relationships.${index}`, each, side)
      if (fault !== undefined) return fault
    }
    return undefined
  }
}

function relationshipFault(field: string, text: string, side: Side): ItemError | undefined {
  const given: unknown = JSON.parse(text)
  if (!isObject(given) || !isObject(given.identifiers)) return required(`${field}.identifiers`)
  const fault = side(`${field}.identifiers`, given.identifiers)
  if (fault !== undefined || given.relationship_attributes === undefined) return fault
  if (!isObject(given.relationship_attributes))
    return invalid(`${field}.relationship_attributes`, 'relationship_attributes must be an object')
  const members = memberMap(memberMap(text).get('relationship_attributes') ?? '{}')
  return attributesFault(`${field}.relationship_attributes`, members)
}

const token: Check = (item) => {
  const { device } = item.value
  if (!isObject(device)) return required('device')
  return isScalar(device.token) && device.token !== '' ? undefined : required('device.token')
}

const device: Check = (item) => {
  const fault = token(item)
  const given = item.value.device
  if (fault !== undefined || !isObject(given)) return fault
  if (given.platform !== 'ios' && given.platform !== 'android')
    return invalid('device.platform', 'platform must be ios or android')
  if (given.attributes !== undefined && given.attributes !== null && !isObject(given.attributes))
    return invalid('device.attributes', 'attributes must be an object')
  return lastUsedFault(given.last_used)
}

/** A number, or the same as a string, as the Go client sends it. */
function lastUsedFault(given: unknown): ItemError | undefined {
  if (given === undefined || given === null || given === '') return undefined
  if (/^\d+$/.test(plainText(given))) return undefined
  return invalid('device.last_used', 'last_used must be a unix timestamp in seconds')
}

const delivery: Check = (item) => {
  const fault = oneIdentifier('identifiers', ['id'])(item)
  if (fault !== undefined) return fault
  const given = plainText(item.value.name)
  return ['opened', 'converted', 'delivered'].includes(given)
    ? undefined
    : invalid('name', 'name must be opened, converted or delivered')
}

const mergeable = ['id', 'email', 'cio_id']

const CHECKS: Readonly<Record<string, readonly Check[]>> = {
  'person.identify': [person, attributes, identifiersInAttributes, relationships(toObjects, true)],
  'person.event': [personOrAnonymous, name, eventData],
  'person.page': [personOrAnonymous, name, eventData],
  'person.screen': [personOrAnonymous, name, eventData],
  'person.viewed_content': [personOrAnonymous, eventData],
  'person.clicked_content': [personOrAnonymous, eventData],
  'person.add_device': [person, device],
  'person.delete_device': [person, token],
  'person.add_relationships': [person, relationships(toObjects, false)],
  'person.delete_relationships': [person, relationships(toObjects, false)],
  'person.delete': [person],
  'person.merge': [oneIdentifier('primary', mergeable), oneIdentifier('secondary', mergeable)],
  'person.suppress': [person],
  'person.unsuppress': [person],
  'object.identify': [object, attributes, objectSize, relationships(toPeople, true)],
  'object.identify_anonymous': [object, attributes, objectSize, relationships(toAnonymous, true)],
  'object.delete': [object],
  'object.add_relationships': [object, relationships(toPeople, false)],
  'object.delete_relationships': [object, relationships(toPeople, false)],
  'delivery.event': [delivery],
}
