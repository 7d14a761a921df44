/** Exports: lists of people that a filter finds, to be downloaded as CSV. Of deliveries there are none. */
import { parseJson } from '../core/json.ts'
import { holds, personAsCandidate, readFilter } from './audience.ts'
import { type Item, part, scalarText } from './item.ts'
import type { Person } from './person.ts'
import type { Export, State } from './state.ts'
import { attributesOf } from './views.ts'

export function createExport(state: State, item: Item, at: number): void {
  const kind = item.value.kind === 'deliveries' ? 'deliveries' : 'customers'
  const made = {
    id: state.exports.length + 1,
    kind,
    filter: part(item, 'filters'),
    createdAt: Math.floor(at / 1000),
  } as const
  state.exports.push({ ...made, total: peopleOf(state, made).length })
}

function peopleOf(state: State, { kind, filter }: Pick<Export, 'kind' | 'filter'>): Person[] {
  const wanted = readFilter(parseJson(filter ?? '{}'))
  if (kind === 'deliveries' || wanted === undefined) return []
  return [...state.people.values()].filter((person) => holds(personAsCandidate(person), wanted))
}

/** Identifiers first, then every attribute that anybody has, as it reads in the App API. */
export function csvOf(state: State, made: Export): string {
  const people = peopleOf(state, made)
  const names = new Set(people.flatMap((person) => attributesOf(person).map(([name]) => name)))
  const rows = people.map((person) => {
    const attributes = new Map(attributesOf(person))
    return [
      person.identifiers.get('id')?.value ?? '',
      person.identifiers.get('email')?.value ?? '',
      person.cioId,
      ...[...names].map((name) => scalarText(attributes.get(name) ?? '""')),
    ]
  })
  return [['id', 'email', 'cio_id', ...names], ...rows].map((row) => `${row.map(cell).join(',')}\n`).join('')
}

/** RFC 4180. */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
