/** Keys and values that mean something else to Customer.io than to whoever sent them. */
import { isObject, type JsonObject } from '../core/json.ts'
import { isEvent } from '../core/operation.ts'
import { isUlid } from '../core/ulid.ts'
import type { Finding, Subject } from './finding.ts'
import { setMember } from './times.ts'

export function checkMeaning(subject: Subject, found: Finding[]): void {
  const { kind, value } = subject
  checkSpaces(value, found)
  if (isEvent(kind)) checkEvent(value, found)
  else if (kind === 'person.identify') {
    checkReserved(value.attributes, IDENTIFY_KEYS, found)
    checkEmpty(subject, found)
  } else if (kind.startsWith('object.identify')) checkEmpty(subject, found)
}

/** A value that the key cannot have, by key. */
type Keys = Readonly<Record<string, (value: unknown) => boolean>>

const IDENTIFY_KEYS: Keys = {
  cio_id: () => true,
  cio_relationships: () => true,
  cio_subscription_preferences: (value) => !isObject(value) && value !== null,
  _update: (value) => typeof value !== 'boolean',
}

/** Override the settings of a campaign: what is no address would send its messages nowhere. */
const isNoAddress = (value: unknown): boolean => !(typeof value === 'string' && /@|^\+?\d|^$/.test(value))
const EVENT_KEYS: Keys = { recipient: isNoAddress, from_address: isNoAddress, reply_to: isNoAddress }
/** Names with a rule of their own in the data of an event. */
export const RESERVED_OF_EVENTS: readonly string[] = Object.keys(EVENT_KEYS)

function checkReserved(attributes: unknown, keys: Keys, found: Finding[]): void {
  if (!isObject(attributes)) return
  for (const key in keys)
    if (Object.hasOwn(attributes, key) && keys[key]?.(attributes[key]))
      found.push({
        rule: 'reserved_key',
        field: `attributes.${key}`,
        message: `${key} means something else to Customer.io`,
      })
}

function checkEvent(value: JsonObject, found: Finding[]): void {
  const { id, name } = value
  checkReserved(value.attributes, EVENT_KEYS, found)
  if (typeof id === 'string' ? id !== '' && !isUlid(id) : typeof id === 'number')
    found.push({
      rule: 'event_id_not_ulid',
      field: 'id',
      message: 'Customer.io dedupes on ULIDs alone',
      fix: KEPT,
    })
  if (typeof name !== 'string' || name.trim() === name) return
  const fix = { member: 'name', apply: () => JSON.stringify(name.trim()) }
  found.push({ rule: 'event_name_spaces', field: 'name', message: 'the name has spaces around it', fix })
}

/** The ULID is made where every operation gets its id; here it is only told. */
const KEPT = { member: 'id', apply: (text: string) => text }

function checkSpaces(value: JsonObject, found: Finding[]): void {
  for (const field of ['identifiers', 'primary', 'secondary']) {
    const identifiers = value[field]
    if (!isObject(identifiers)) continue
    for (const name in identifiers) {
      const id = identifiers[name]
      if (typeof id === 'string' && id.trim() !== id)
        found.push({ rule: 'id_spaces', field: `${field}.${name}`, message: `${name} has spaces around it` })
    }
  }
}

function checkEmpty({ value, members }: Subject, found: Finding[]): void {
  const { attributes } = value
  if (!isObject(attributes) || !members.get('attributes')?.includes('""')) return
  for (const key of Object.keys(attributes))
    if (attributes[key] === '')
      found.push({
        rule: 'empty_attribute',
        field: `attributes.${key.toWellFormed()}`,
        message: `${key.toWellFormed()} is an empty text, which removes the attribute`,
        fix: { member: 'attributes', apply: setMember(key, 'null') },
      })
}
