/** What ends or blocks a profile: delete, suppress, unsuppress, merge. */

import { moveEffects } from './events.ts'
import { effectAt } from './history.ts'
import { type Identifier, identifierKey, identifiersIn } from './identifiers.ts'
import type { Item } from './item.ts'
import type { Person } from './person.ts'
import { findPerson, giveIdentifier, isSuppressed, record, removePerson, type State } from './state.ts'

/** Deletes the profile; a later call may create it again. */
export function deletePerson(state: State, item: Item, at: number): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  const person = identifier && findPerson(state, identifier)
  if (person === undefined) return
  record(state, person, { type: 'profile_delete', at, text: '{}' })
  removePerson(state, person)
}

/** Deletes the profile and blocks every identifier it had. One that is not known yet is blocked all the same. */
export function suppressPerson(state: State, item: Item, at: number): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  if (identifier === undefined || isSuppressed(state, [identifier])) return
  const person = findPerson(state, identifier)
  const keys = person === undefined ? [identifierKey(identifier)] : keysOf(person)
  for (const key of keys) state.suppressed.set(key, keys)
  if (person === undefined) return
  record(state, person, { type: 'profile_delete', at, text: '{"suppressed":true}' })
  removePerson(state, person)
}

/** Frees all identifiers that were suppressed together. The profile does not come back. */
export function unsuppressPerson(state: State, item: Item): void {
  const [identifier] = identifiersIn(item, 'identifiers')
  if (identifier === undefined) return
  for (const key of state.suppressed.get(identifierKey(identifier)) ?? []) state.suppressed.delete(key)
}

function keysOf(person: Person): string[] {
  const identifiers: Identifier[] = [{ kind: 'cio_id', value: person.cioId }]
  for (const [kind, { value }] of person.identifiers) identifiers.push({ kind, value })
  return identifiers.map(identifierKey)
}

/** Events older than this stay with the deleted profile (Track API, "Merge duplicate people"). */
const THIRTY_DAYS = 30 * 24 * 3600

/**
 * Merges the secondary person into the primary one and deletes it. Nothing happens when either is unknown, or both are
 * the same. What the primary has set stays; the rest comes from the secondary.
 */
export function mergePeople(state: State, item: Item, at: number): void {
  const [first] = identifiersIn(item, 'primary')
  const [second] = identifiersIn(item, 'secondary')
  const primary = first && findPerson(state, first)
  const secondary = second && findPerson(state, second)
  if (primary === undefined || secondary === undefined || primary === secondary) {
    state.counts.dropped += 1
    return
  }
  const segments = [...secondary.segments]
  const relationships = [...secondary.relationships]
  removePerson(state, secondary)
  inheritIdentifiers(state, primary, secondary)
  for (const [name, attribute] of secondary.attributes)
    if (!primary.attributes.get(name)?.text) primary.attributes.set(name, attribute)
  for (const [id, device] of secondary.devices) primary.devices.set(id, device)
  for (const segment of segments) joinSegment(state, primary, segment)
  for (const [key, attributes] of relationships) inheritRelationship(state, primary, { key, attributes })
  inheritEffects(state, primary, secondary)
  const text = JSON.stringify({
    secondary: { cio_id: secondary.cioId, ...Object.fromEntries(namesOf(secondary)) },
  })
  record(state, primary, { type: 'profile_merge', at, text })
}

const namesOf = (person: Person) => [...person.identifiers].map(([kind, { value }]) => [kind, value] as const)

/** Of each kind that the primary lacks it takes the secondary's; the others are free for whoever comes next. */
function inheritIdentifiers(state: State, primary: Person, secondary: Person): void {
  for (const [kind, { value, at }] of secondary.identifiers)
    if (!primary.identifiers.has(kind)) giveIdentifier(state, primary, { kind, value, at })
  for (const anonymousId of secondary.anonymousIds) {
    primary.anonymousIds.add(anonymousId)
    state.anonymous.set(anonymousId, primary.cioId)
  }
}

function joinSegment(state: State, person: Person, segment: string): void {
  person.segments.add(segment)
  state.segments.get(segment)?.members.add(person.cioId)
}

function inheritRelationship(
  state: State,
  primary: Person,
  { key, attributes }: { key: string; attributes: Map<string, string> },
): void {
  if (!primary.relationships.has(key)) primary.relationships.set(key, attributes)
  state.objects.get(key)?.people.add(primary.cioId)
}

function inheritEffects(state: State, primary: Person, secondary: Person): void {
  const oldest = state.now / 1000 - THIRTY_DAYS
  const recent = secondary.history
    .map((seq) => effectAt(state.history, seq))
    .filter((effect) => effect !== undefined)
    .filter((effect) => effect.timestamp >= oldest)
  moveEffects(primary, recent)
}
