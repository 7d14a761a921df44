/** The audience filter of the App API: segments and attributes under `and`, `or` and `not`. Source: App API, filters. */
import { isObject } from '../core/json.ts'
import { scalarText } from './item.ts'
import type { Person } from './person.ts'

export type Filter =
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter }
  | { readonly segment: string }
  /** Without a value it asks whether the attribute exists. */
  | { readonly field: string; readonly value: string | undefined }

/** A filter from JSON; undefined when it is none. An object that names two conditions is none. */
export function readFilter(given: unknown): Filter | undefined {
  if (!isObject(given)) return undefined
  const [[kind, value] = [], ...others] = Object.entries(given)
  if (others.length > 0) return undefined
  switch (kind) {
    case 'and':
    case 'or':
      return listOf(kind, value)
    case 'not': {
      const filter = readFilter(value)
      return filter && { not: filter }
    }
    case 'segment':
      return isObject(value) && value.id !== undefined ? { segment: String(value.id) } : undefined
    case 'attribute':
    case 'object_attribute':
      return attributeIn(value)
    default:
      return undefined
  }
}

function listOf(kind: 'and' | 'or', value: unknown): Filter | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const filters = value.map(readFilter)
  const read = filters.filter((filter) => filter !== undefined)
  if (read.length < filters.length) return undefined
  return kind === 'and' ? { and: read } : { or: read }
}

/** There are two operators, `eq` and `exists`. A value may come as any scalar; it is compared as text. */
function attributeIn(given: unknown): Filter | undefined {
  if (!isObject(given) || typeof given.field !== 'string') return undefined
  const { field, operator, value } = given
  if (operator === 'exists') return { field, value: undefined }
  if (operator !== 'eq' || value === undefined || value === null || typeof value === 'object')
    return undefined
  return { field, value: String(value) }
}

/** What a filter asks of. */
export interface Candidate {
  /** Whether a field has this text; without one, whether it has any. */
  has(field: string, text: string | undefined): boolean
  isIn(segment: string): boolean
}

export function holds(candidate: Candidate, filter: Filter): boolean {
  if ('and' in filter) return filter.and.every((each) => holds(candidate, each))
  if ('or' in filter) return filter.or.some((each) => holds(candidate, each))
  if ('not' in filter) return !holds(candidate, filter.not)
  if ('segment' in filter) return candidate.isIn(filter.segment)
  return candidate.has(filter.field, filter.value)
}

/** Identifiers are attributes like any other; e-mail addresses are compared without case. */
export const personAsCandidate = (person: Person): Candidate => ({
  isIn: (segment) => person.segments.has(segment),
  has: (field, text) => {
    const found = fieldOf(person, field)
    if (found === undefined || text === undefined) return found !== undefined
    return field === 'email' ? found.toLowerCase() === text.toLowerCase() : found === text
  },
})

function fieldOf(person: Person, name: string): string | undefined {
  if (name === 'cio_id') return person.cioId
  if (name === 'id' || name === 'email') return person.identifiers.get(name)?.value
  const text = person.attributes.get(name)?.text
  return text === undefined || text === null ? undefined : scalarText(text)
}
