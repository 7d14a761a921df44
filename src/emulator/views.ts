/** People, events and objects as JSON text, for the control API. Values stand in it exactly as they came. */
import { objectText } from '../core/json.ts'
import { dataOf, type Effect } from './history.ts'
import { identifierKey } from './identifiers.ts'
import { bestIdentifier, type Device, isUnsubscribed, type Person } from './person.ts'
import type { CustomObject, State } from './state.ts'

type Part = readonly [key: string, value: string]

const text = (value: unknown): string => JSON.stringify(value ?? null)
const list = (texts: Iterable<string>): string => `[${[...texts].join(',')}]`

/** What a person is called by in the control API: the best identifier. */
export const keyOf = (person: Person): string => identifierKey(bestIdentifier(person))

export function personView(state: State, person: Person): string {
  const relationships = [...person.relationships].map(([key, attributes]) =>
    relationshipView(state.objects.get(key), attributes),
  )
  return objectText([
    ['key', text(keyOf(person))],
    ['cio_id', text(person.cioId)],
    ['id', text(person.identifiers.get('id')?.value)],
    ['email', text(person.identifiers.get('email')?.value)],
    ['phone', text(person.identifiers.get('phone')?.value)],
    ['created_at', text(person.createdAt)],
    ['unsubscribed', text(isUnsubscribed(person))],
    ['attributes', objectText(attributesOf(person))],
    ['timestamps', text(Object.fromEntries(timestampsOf(person)))],
    ['anonymous_ids', text([...person.anonymousIds])],
    ['devices', list([...person.devices.values()].map(deviceView))],
    ['relationships', list(relationships)],
    ['segments', text([...person.segments])],
    ['effects', text(person.history.length)],
  ])
}

/** The attributes that are set, as JSON texts. */
export function attributesOf(person: Person): Part[] {
  const found: Part[] = []
  for (const [name, attribute] of person.attributes)
    if (attribute.text !== null) found.push([name, attribute.text])
  return found
}

/** The unix second at which each identifier and each set attribute was set. */
export function timestampsOf(person: Person): [name: string, at: number][] {
  const found: [string, number][] = []
  for (const [kind, { at }] of person.identifiers) found.push([kind, at])
  for (const [name, attribute] of person.attributes)
    if (attribute.text !== null) found.push([name, attribute.at])
  return found
}

export const deviceView = (device: Device): string =>
  objectText([
    ['id', text(device.id)],
    ['platform', text(device.platform)],
    ['last_used', text(device.lastUsed)],
    ['attributes', objectText(device.attributes)],
  ])

const relationshipView = (object: CustomObject | undefined, attributes: Map<string, string>): string =>
  objectText([
    ['object_type_id', text(object?.typeId)],
    ['object_id', text(object?.objectId)],
    ['attributes', objectText(attributes)],
  ])

/** An event that took effect. `person` is what its owner is called now, or was called then when the owner is gone. */
export function eventView(state: State, effect: Effect): string {
  return objectText([
    ['seq', text(effect.seq)],
    ['id', text(effect.id)],
    ['type', text(effect.type)],
    ['person', text(personOf(state, effect))],
    ['cio_id', text(effect.owner)],
    ['name', text(effect.name)],
    ['timestamp', text(effect.timestamp)],
    ['data', dataOf(effect)],
    ['applied_at', text(effect.appliedAt)],
  ])
}

function personOf(state: State, effect: Effect): string | null {
  const owner = effect.owner === null ? undefined : state.people.get(effect.owner)
  if (owner !== undefined) return keyOf(owner)
  return effect.key === '' ? null : effect.key
}

export const objectView = (object: CustomObject): string =>
  objectText([
    ['cio_object_id', text(object.cioObjectId)],
    ['object_type_id', text(object.typeId)],
    ['object_id', text(object.objectId)],
    ['attributes', objectText(object.attributes)],
    ['people', text([...object.people])],
  ])

/** `{"data":[…]}`, the form of every list of the control API. */
export const dataText = (texts: Iterable<string>): string => `{"data":${list(texts)}}`
