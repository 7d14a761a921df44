/**
 * One operation in Track v2 form to a draft, or to the error that Customer.io's form of answer has for it. Judged is only
 * what delivery and order need: what it is, about whom, and an event's name. All else is Customer.io's own to judge, and
 * comes back as a dead letter. Source: Track API v2, August 2026. Pure.
 */
import { SluiceError } from '../core/errors.ts'
import { byteLength, isObject, type JsonObject, memberMap, plainNumber, plainText } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { emailKey, isEvent, isKind, type Kind, objectKey, personKey } from '../core/operation.ts'
import type { Draft, Item } from './draft.ts'
import { refuseByRule } from './judge.ts'

/** The error of one item, without its place in the batch. */
export interface ItemError {
  readonly reason: 'required' | 'invalid'
  readonly field: string
  readonly message: string
}

const PERSON = ['id', 'email', 'phone', 'cio_id', 'anonymous_id']
const MERGED = ['id', 'email', 'cio_id']
const TYPES: ReadonlySet<unknown> = new Set(['person', 'object', 'delivery'])

const required = (field: string, message = `${field} is required`): ItemError => ({
  reason: 'required',
  field,
  message,
})
export const invalid = (field: string, message: string): ItemError => ({ reason: 'invalid', field, message })

export const isItemError = (read: object): read is ItemError => 'reason' in read

/** What was read, thrown where it is an error: `bad_request`, in the words that answers other than v2's have for it. */
export function draftOf(read: Draft | ItemError): Draft {
  if (!isItemError(read)) return read
  throw new SluiceError('bad_request', read.message, { details: { field: read.field } })
}

/** An item as it came: its text, and what JSON.parse made of it, undefined where it is no JSON. Throws `preflight_refused`. */
export function readOne(text: string, value: unknown): Draft | ItemError {
  if (value === undefined) return invalid('', 'The body is not JSON.')
  if (!isObject(value)) return invalid('', 'An operation must be a JSON object.')
  checkLength(text)
  return readItem({ value, members: memberMap(text) })
}

/** Throws `preflight_refused`. */
export function checkLength(text: string): void {
  const bytes = byteLength(text)
  if (bytes <= LIMITS.itemBytes) return
  throw refuseByRule(
    'item_bytes',
    '',
    `an operation has at most ${LIMITS.itemBytes} bytes: this has ${bytes}`,
  )
}

export function readItem(item: Item): Draft | ItemError {
  const kind = readKind(item.value)
  if (typeof kind !== 'string') return kind
  if (kind === 'person.merge') return readMerge(item)
  const key = readKey(kind, item)
  if (typeof key !== 'string') return key
  const flaw = findFlaw(kind, item.value)
  if (flaw !== undefined) return flaw
  const others = kind === 'person.identify' ? otherKeys(key, item) : []
  const isAnonymous = isEvent(kind) && !isContent(kind) && key.startsWith('anonymous_id:')
  return makeDraft(isAnonymous ? 'anonymous.event' : kind, item, key, others)
}

/**
 * An event of `POST /api/v1/events`. Without an anonymous_id it is an invite, which names nobody: such events keep their
 * order per recipient.
 */
export function readAnonymousEvent(item: Item): Draft | ItemError {
  const flaw = findFlaw('anonymous.event', item.value)
  if (flaw !== undefined) return flaw
  const { identifiers, attributes } = item.value
  if (isObject(identifiers) && Object.hasOwn(identifiers, 'anonymous_id')) {
    const key = readIdentifier(item, 'identifiers', ['anonymous_id'])
    return typeof key === 'string' ? makeDraft('anonymous.event', item, key) : key
  }
  const recipient = isObject(attributes) ? attributes.recipient : undefined
  return makeDraft('anonymous.event', item, isName(recipient) ? emailKey(recipient) : undefined)
}

function makeDraft(kind: Kind, item: Item, key: string | undefined, others: readonly string[] = []): Draft {
  const { id, timestamp } = item.value
  const clientId = isEvent(kind) && isPresent(id) ? exactText(id, item.members.get('id')) : undefined
  return {
    kind,
    key,
    others,
    members: item.members,
    value: item.value,
    clientId,
    seconds: isPresent(timestamp) ? plainNumber(timestamp) : undefined,
  }
}

function readKind({ type, action, primary, secondary }: JsonObject): Kind | ItemError {
  // Customer.io's own example of a merge has neither a type nor an action.
  if (type === undefined && action === undefined && isObject(primary) && isObject(secondary))
    return 'person.merge'
  if (!isPresent(type)) return required('type')
  if (!TYPES.has(type)) return invalid('type', 'type must be person, object or delivery')
  if (!isPresent(action)) return required('action')
  const kind = `${plainText(type)}.${plainText(action)}`
  return isKind(kind) ? kind : invalid('action', `action is none that a ${plainText(type)} has`)
}

function readMerge(item: Item): Draft | ItemError {
  const primary = readIdentifier(item, 'primary', MERGED)
  if (typeof primary !== 'string') return primary
  const secondary = readIdentifier(item, 'secondary', MERGED)
  if (typeof secondary !== 'string') return secondary
  item.members.set('type', '"person"').set('action', '"merge"')
  return makeDraft('person.merge', item, primary, [secondary])
}

function readKey(kind: Kind, item: Item): string | ItemError {
  if (kind.startsWith('person.')) return readIdentifier(item, 'identifiers', PERSON)
  if (kind.startsWith('object.')) return readObject(item)
  const id = readText(item, 'identifiers', 'id')
  return typeof id === 'string' ? `delivery:${id}` : id
}

function readObject(item: Item): string | ItemError {
  const { identifiers } = item.value
  if (isObject(identifiers) && isPresent(identifiers.cio_object_id)) {
    const id = readText(item, 'identifiers', 'cio_object_id')
    return typeof id === 'string' ? (objectKey({ cio_object_id: id }) ?? required('identifiers')) : id
  }
  const type = readText(item, 'identifiers', 'object_type_id')
  if (typeof type !== 'string') return type
  const id = readText(item, 'identifiers', 'object_id')
  if (typeof id !== 'string') return id
  return objectKey({ object_type_id: type, object_id: id }) ?? required('identifiers')
}

/** The key of the one identifier that stands in `field`. */
function readIdentifier(item: Item, field: string, names: readonly string[]): string | ItemError {
  const identifiers = item.value[field]
  if (!isObject(identifiers)) return required(field)
  const [name, second] = names.filter((name) => isPresent(identifiers[name]))
  if (name === undefined) return required(field, `${field} must hold one of ${names.join(', ')}`)
  if (second !== undefined) return invalid(field, `${field} must hold only one of ${names.join(', ')}`)
  const text = readText(item, field, name)
  return typeof text === 'string' ? (personKey({ [name]: text }) ?? required(field)) : text
}

/** An identifier as text. A lone surrogate has no UTF-8 form, so that two different ids would become one. */
function readText(item: Item, field: string, name: string): string | ItemError {
  const holder = item.value[field]
  const value = isObject(holder) ? holder[name] : undefined
  const path = `${field}.${name}`
  if (!isPresent(value)) return required(path)
  if (typeof value === 'number') return exactText(value, memberMap(item.members.get(field) ?? '{}').get(name))
  if (typeof value !== 'string') return invalid(path, `${path} must be a string`)
  if (value.trim() === '') return required(path, `${path} must not be empty`)
  return value.isWellFormed() ? value : invalid(path, `${path} is not well-formed Unicode`)
}

/** Views and clicks of a message: v1 has no form for them, and their name says what their action says. */
const isContent = (kind: Kind): boolean =>
  kind === 'person.viewed_content' || kind === 'person.clicked_content'

function findFlaw(kind: Kind, { name, id, device }: JsonObject): ItemError | undefined {
  if ((isEvent(kind) && !isContent(kind)) || kind === 'delivery.event') {
    if (!isPresent(name)) return required('name')
    if (typeof name !== 'string') return invalid('name', 'name must be a string')
    if (name.trim() === '') return required('name', 'name must not be empty')
  }
  if (isEvent(kind)) return findIdFlaw(id)
  if (kind !== 'person.add_device' && kind !== 'person.delete_device') return undefined
  return isObject(device) && isPresent(device.token) ? undefined : required('device.token')
}

function findIdFlaw(id: unknown): ItemError | undefined {
  if (!isPresent(id) || typeof id === 'number') return undefined
  if (typeof id !== 'string') return invalid('id', 'id must be a string')
  return id.isWellFormed() ? undefined : invalid('id', 'id is not well-formed Unicode')
}

/** The id, the e-mail address and the anonymous_id that an identify gives to a person whom it calls by something else. */
function otherKeys(key: string, { value, members }: Item): readonly string[] {
  const { attributes } = value
  if (!isObject(attributes)) return []
  const { id, email, anonymous_id: anonymousId } = attributes
  const keys: string[] = []
  if (!key.startsWith('id:') && (isName(id) || typeof id === 'number')) {
    const text = () => memberMap(members.get('attributes') ?? '{}').get('id')
    keys.push(`id:${typeof id === 'number' ? exactText(id, text()) : id}`)
  }
  if (isName(email)) keys.push(emailKey(email))
  if (isName(anonymousId)) keys.push(`anonymous_id:${anonymousId}`)
  return keys.filter((other) => other !== key)
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.isWellFormed()

/** Customer.io takes null and "" for nothing. */
export const isPresent = (value: unknown): boolean => value !== undefined && value !== null && value !== ''

/** A number as it was written: one of 19 digits is no longer the same after JSON.parse. */
export const exactText = (value: unknown, text: string | undefined): string =>
  typeof value === 'number' ? (text ?? String(value)) : plainText(value)
