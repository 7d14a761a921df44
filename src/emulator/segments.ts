/** Manual segments: made, filled, emptied and deleted. One that Track names exists from its first use. */
import { elements, plainText } from '../core/json.ts'
import { isIdentifierKind } from './identifiers.ts'
import { type Item, part, scalarText } from './item.ts'
import type { Person } from './person.ts'
import { findPerson, type Segment, type State } from './state.ts'

export function createSegment(state: State, item: Item, at: number): void {
  const { segment_id: id, name, description } = item.value
  const text = { name: plainText(name), description: plainText(description ?? '') }
  state.segments.set(String(id), { ...text, createdAt: Math.floor(at / 1000), members: new Set() })
}

export function deleteSegment(state: State, item: Item): void {
  const id = String(item.value.segment_id)
  for (const cioId of state.segments.get(id)?.members ?? []) state.people.get(cioId)?.segments.delete(id)
  state.segments.delete(id)
}

export function addToSegment(state: State, item: Item, at: number): void {
  const id = String(item.value.segment_id)
  const { members } = state.segments.get(id) ?? firstUse(state, id, at)
  for (const person of peopleIn(state, item)) {
    members.add(person.cioId)
    person.segments.add(id)
  }
}

function firstUse(state: State, id: string, at: number): Segment {
  const createdAt = Math.floor(at / 1000)
  const segment = { name: `Segment ${id}`, description: '', createdAt, members: new Set<string>() }
  state.segments.set(id, segment)
  return segment
}

export function removeFromSegment(state: State, item: Item): void {
  const id = String(item.value.segment_id)
  for (const person of peopleIn(state, item)) {
    state.segments.get(id)?.members.delete(person.cioId)
    person.segments.delete(id)
  }
}

/** Ids of nobody are ignored. */
function peopleIn(state: State, item: Item): Person[] {
  const kind = String(item.value.id_type)
  const ids = part(item, 'ids')
  if (!isIdentifierKind(kind) || !ids?.startsWith('[')) return []
  return elements(ids)
    .map((text) => findPerson(state, { kind, value: scalarText(text) }))
    .filter((person) => person !== undefined)
}
