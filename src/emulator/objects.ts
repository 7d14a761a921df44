/** Objects: identify and delete (Track API v2, type `object`). */
import { isObject, type JsonObject, plainText } from '../core/json.ts'
import { type ActivityType, append } from './history.ts'
import { type Item, isEmptyValue, partMap, scalarText } from './item.ts'
import type { CustomObject, State } from './state.ts'

/** Creates or updates an object. A cio_object_id that is not known is dropped: it serves for updates only. */
export function identifyObject(state: State, item: Item): void {
  const object = findOrCreateObject(state, item.value.identifiers)
  if (object === undefined) {
    state.counts.dropped += 1
    return
  }
  const changes = setAttributes(object, partMap(item, 'attributes'))
  if (Object.keys(changes).length > 0) recordOfObject(state, object, 'attribute_change', changes)
}

function setAttributes(object: CustomObject, given: Map<string, string>): Record<string, unknown> {
  const changes: Record<string, unknown> = {}
  for (const [name, text] of given) {
    const from = object.attributes.get(name)
    if (isEmptyValue(text)) object.attributes.delete(name)
    else object.attributes.set(name, text)
    const to = object.attributes.get(name)
    if (from !== to) changes[name] = { from: scalarText(from ?? ''), to: scalarText(to ?? '') }
  }
  return changes
}

export function deleteObject(state: State, item: Item): void {
  const object = findObject(state, item.value.identifiers)
  if (object === undefined) return
  const key = objectKeyOf(object)
  for (const cioId of object.people) state.people.get(cioId)?.relationships.delete(key)
  state.objects.delete(key)
  state.objectDirectory.delete(object.cioObjectId)
  recordOfObject(state, object, 'delete', {})
}

/** The key under which State holds an object. */
export const objectKeyOf = (object: CustomObject): string => `${object.typeId}:${object.objectId}`

/** The object that `identifiers` name, by cio_object_id or by object_type_id and object_id. */
export function findObject(state: State, identifiers: unknown): CustomObject | undefined {
  if (!isObject(identifiers)) return undefined
  const key = keyIn(identifiers) ?? state.objectDirectory.get(plainText(identifiers.cio_object_id))
  return key === undefined ? undefined : state.objects.get(key)
}

export function findOrCreateObject(state: State, identifiers: unknown): CustomObject | undefined {
  const known = findObject(state, identifiers)
  if (known !== undefined || !isObject(identifiers) || keyIn(identifiers) === undefined) return known
  state.objectsEver += 1
  const object = {
    cioObjectId: `ob${state.objectsEver.toString(16).padStart(8, '0')}`,
    typeId: plainText(identifiers.object_type_id),
    objectId: String(identifiers.object_id),
    attributes: new Map(),
    people: new Set<string>(),
  }
  state.objects.set(objectKeyOf(object), object)
  state.objectDirectory.set(object.cioObjectId, objectKeyOf(object))
  recordOfObject(state, object, 'create', {})
  return object
}

function keyIn(identifiers: JsonObject): string | undefined {
  const { object_type_id: type, object_id: id } = identifiers
  return type === undefined || id === undefined ? undefined : `${String(type)}:${String(id)}`
}

function recordOfObject(
  state: State,
  object: CustomObject,
  what: string,
  data: Record<string, unknown>,
): void {
  const type: ActivityType = `_o:${object.typeId}:${what}`
  append(state.history, {
    type,
    owner: null,
    key: `object:${objectKeyOf(object)}`,
    timestamp: Math.floor(state.now / 1000),
    appliedAt: state.now,
    text: JSON.stringify(data),
  })
}
