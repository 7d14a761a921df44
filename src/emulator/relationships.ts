/** Relationships between people and objects: added and removed from either side, and by anonymous_id beforehand. */
import { elements, memberMap } from '../core/json.ts'
import { identifiersIn, identifiersOf } from './identifiers.ts'
import { type Item, isEmptyValue, part, partMap, scalarText, textsOf } from './item.ts'
import { findObject, findOrCreateObject, objectKeyOf } from './objects.ts'
import type { Person } from './person.ts'
import { type CustomObject, findPerson, reachPerson, record, type State } from './state.ts'

/** Relates the person to the objects that the item lists under `cio_relationships`; unknown objects are created. */
export function relateToObjects(state: State, person: Person, item: Item, at: number): void {
  for (const { identifiers, attributes } of relationshipsIn(item)) {
    const object = findOrCreateObject(state, identifiers.texts)
    if (object !== undefined) relate(state, { person, object, attributes, at })
  }
}

/** Person: add_relationships. */
export function addToPerson(state: State, item: Item, at: number): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  const person = identifier && reachPerson(state, identifier, at)
  if (person !== undefined) relateToObjects(state, person, item, at)
}

/** Person: delete_relationships. */
export function removeFromPerson(state: State, item: Item, at: number): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  const person = identifier && findPerson(state, identifier)
  if (person === undefined) return
  for (const { identifiers } of relationshipsIn(item)) {
    const object = findObject(state, identifiers.texts)
    if (object !== undefined) unrelate(state, { person, object, at })
  }
}

/** Object: identify and add_relationships, with the people under `cio_relationships`; unknown people are created. */
export function addToObject(state: State, item: Item, at: number): void {
  const object = findOrCreateObject(state, partMap(item, 'identifiers'))
  if (object === undefined) return
  for (const { identifiers, attributes } of relationshipsIn(item)) {
    const [identifier] = identifiersOf(identifiers.value, () => identifiers.texts)
    const person = identifier && reachPerson(state, identifier, at)
    if (person !== undefined) relate(state, { person, object, attributes, at })
  }
}

/** Object: delete_relationships. */
export function removeFromObject(state: State, item: Item, at: number): void {
  const object = findObject(state, partMap(item, 'identifiers'))
  if (object === undefined) return
  for (const { identifiers } of relationshipsIn(item)) {
    const [identifier] = identifiersOf(identifiers.value, () => identifiers.texts)
    const person = identifier && findPerson(state, identifier)
    if (person !== undefined) unrelate(state, { person, object, at })
  }
}

/** Object: identify_anonymous. The relationship is the person's once somebody takes the anonymous_id. */
export function addAnonymous(state: State, item: Item, at: number): void {
  const object = findOrCreateObject(state, partMap(item, 'identifiers'))
  if (object === undefined) return
  for (const { identifiers, attributes } of relationshipsIn(item)) {
    const anonymousId = scalarText(identifiers.texts.get('anonymous_id') ?? '')
    const person = state.people.get(state.anonymous.get(anonymousId) ?? '')
    if (person !== undefined) {
      relate(state, { person, object, attributes, at })
      continue
    }
    const waiting = state.unclaimedRelationships.get(anonymousId) ?? new Map()
    state.unclaimedRelationships.set(anonymousId, waiting.set(objectKeyOf(object), attributes))
  }
}

/** Gives the person what was related to an anonymous_id; the person has just taken it. */
export function claimAnonymousRelationships(state: State, person: Person, anonymousId: string): void {
  for (const [key, attributes] of state.unclaimedRelationships.get(anonymousId) ?? []) {
    const object = state.objects.get(key)
    if (object !== undefined) relate(state, { person, object, attributes, at: state.now })
  }
  state.unclaimedRelationships.delete(anonymousId)
}

interface Relationship {
  readonly identifiers: { readonly texts: Map<string, string>; readonly value: unknown }
  readonly attributes: Map<string, string>
}

function relationshipsIn(item: Item): Relationship[] {
  const list = part(item, 'cio_relationships')
  if (!list?.startsWith('[')) return []
  return elements(list).map((text) => {
    const members = memberMap(text)
    const identifiers = members.get('identifiers') ?? '{}'
    return {
      identifiers: { texts: textsOf(identifiers), value: JSON.parse(identifiers) },
      attributes: textsOf(members.get('relationship_attributes')),
    }
  })
}

interface Link {
  readonly person: Person
  readonly object: CustomObject
  readonly at: number
}

function relate(state: State, link: Link & { attributes: Map<string, string> }): void {
  const { person, object } = link
  const key = objectKeyOf(object)
  const held = person.relationships.get(key)
  const attributes = held ?? new Map<string, string>()
  for (const [name, text] of link.attributes) {
    if (isEmptyValue(text)) attributes.delete(name)
    else attributes.set(name, text)
  }
  person.relationships.set(key, attributes)
  object.people.add(person.cioId)
  if (held === undefined) tell(state, link, 'add_relationship')
}

function unrelate(state: State, link: Link): void {
  link.object.people.delete(link.person.cioId)
  if (link.person.relationships.delete(objectKeyOf(link.object))) tell(state, link, 'delete_relationship')
}

function tell(
  state: State,
  { person, object, at }: Link,
  type: 'add_relationship' | 'delete_relationship',
): void {
  const text = JSON.stringify({ object_type_id: object.typeId, object_id: object.objectId })
  record(state, person, { type, at, text })
}
