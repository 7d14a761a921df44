/** How the App API names people. */
import type { Person } from './person.ts'

export interface IdentifiersView {
  readonly email: string | null
  readonly id: string | null
  readonly cio_id: string
}

export function identifiersView(person: Person): IdentifiersView {
  return {
    email: person.identifiers.get('email')?.value ?? null,
    id: person.identifiers.get('id')?.value ?? null,
    cio_id: person.cioId,
  }
}

/** People as lists of identifiers and of ids; somebody without an id leaves an empty text among the ids. */
export const membersView = (people: readonly Person[]) => ({
  identifiers: people.map(identifiersView),
  ids: people.map((person) => person.identifiers.get('id')?.value ?? ''),
})
