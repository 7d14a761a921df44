/** Manual segments: adding people to one and removing them. A segment exists from its first use. */
import { isIdentifierKind } from './identifiers.ts'
import type { Item } from './item.ts'
import type { Person } from './person.ts'
import { findPerson, type State } from './state.ts'

export function addToSegment(state: State, item: Item): void {
  const segment = String(item.value.segment_id)
  const members = state.segments.get(segment) ?? new Set()
  state.segments.set(segment, members)
  for (const person of peopleIn(state, item)) {
    members.add(person.cioId)
    person.segments.add(segment)
  }
}

export function removeFromSegment(state: State, item: Item): void {
  const segment = String(item.value.segment_id)
  for (const person of peopleIn(state, item)) {
    state.segments.get(segment)?.delete(person.cioId)
    person.segments.delete(segment)
  }
}

/** Ids of nobody are ignored. */
function peopleIn(state: State, item: Item): Person[] {
  const kind = String(item.value.id_type)
  const { ids } = item.value
  if (!isIdentifierKind(kind) || !Array.isArray(ids)) return []
  return ids
    .map((id: unknown) => findPerson(state, { kind, value: String(id) }))
    .filter((person) => person !== undefined)
}
