/** Objects: identify and delete (Track API v2, type `object`). */
import { type ActivityType, append } from './history.ts'
import { type Item, isEmptyValue, partMap, scalarText } from './item.ts'
import type { CustomObject, State } from './state.ts'

/** Creates or updates an object. A cio_object_id that is not known is dropped: it serves for updates only. */
export function identifyObject(state: State, item: Item): void {
  const object = findOrCreateObject(state, partMap(item, 'identifiers'))
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
  const object = findObject(state, partMap(item, 'identifiers'))
  if (object === undefined) return
  const key = objectKeyOf(object)
  for (const cioId of object.people) state.people.get(cioId)?.relationships.delete(key)
  state.objects.delete(key)
  state.objectDirectory.delete(object.cioObjectId)
  recordOfObject(state, object, 'delete', {})
}

/** The key under which State holds an object. */
export const objectKeyOf = (object: CustomObject): string => `${object.typeId}:${object.objectId}`

/** Identifiers as the texts of their members: one that is a number keeps all its digits. */
type Texts = ReadonlyMap<string, string>

/** The object that they name, by cio_object_id or by object_type_id and object_id. */
export function findObject(state: State, identifiers: Texts): CustomObject | undefined {
  const key = keyIn(identifiers) ?? state.objectDirectory.get(valueIn(identifiers, 'cio_object_id') ?? '')
  return key === undefined ? undefined : state.objects.get(key)
}

export function findOrCreateObject(state: State, identifiers: Texts): CustomObject | undefined {
  const known = findObject(state, identifiers)
  const typeId = valueIn(identifiers, 'object_type_id')
  const objectId = valueIn(identifiers, 'object_id')
  if (known !== undefined || typeId === undefined || objectId === undefined) return known
  state.objectsEver += 1
  const object = {
    cioObjectId: `ob${state.objectsEver.toString(16).padStart(8, '0')}`,
    typeId,
    objectId,
    attributes: new Map(),
    people: new Set<string>(),
  }
  state.objects.set(objectKeyOf(object), object)
  state.objectDirectory.set(object.cioObjectId, objectKeyOf(object))
  recordOfObject(state, object, 'create', {})
  return object
}

function keyIn(identifiers: Texts): string | undefined {
  const [type, id] = [valueIn(identifiers, 'object_type_id'), valueIn(identifiers, 'object_id')]
  return type === undefined || id === undefined ? undefined : `${type}:${id}`
}

function valueIn(identifiers: Texts, name: string): string | undefined {
  const text = identifiers.get(name)
  return text === undefined ? undefined : scalarText(text)
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
