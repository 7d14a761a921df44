/** A person: identifiers, attributes with the second at which each was set, devices, relationships, segments. */
import type { Identifier, IdentifierKind } from './identifiers.ts'
import { isEmptyValue } from './item.ts'

export interface Attribute {
  /** JSON text; null once removed, since the time of removal must still hold off an older value. */
  readonly text: string | null
  /** Unix seconds. */
  readonly at: number
}

export interface Device {
  readonly id: string
  readonly platform: string
  readonly lastUsed: number
  /** JSON texts. */
  readonly attributes: Map<string, string>
}

export interface Person {
  readonly cioId: string
  /** Unix seconds. */
  readonly createdAt: number
  readonly identifiers: Map<IdentifierKind, { readonly value: string; readonly at: number }>
  readonly attributes: Map<string, Attribute>
  readonly anonymousIds: Set<string>
  readonly devices: Map<string, Device>
  /** By the key of an object, the attributes of the relationship as JSON texts. */
  readonly relationships: Map<string, Map<string, string>>
  readonly segments: Set<string>
  /** The numbers of this person's effects in the history, ascending. */
  readonly history: number[]
}

export function newPerson(cioId: string, createdAt: number): Person {
  return {
    cioId,
    createdAt,
    identifiers: new Map(),
    attributes: new Map(),
    anonymousIds: new Set(),
    devices: new Map(),
    relationships: new Map(),
    segments: new Set(),
    history: [],
  }
}

/** What a person is best called by: the id, else the e-mail address, the phone number, the cio_id. */
export function bestIdentifier(person: Person): Identifier {
  for (const kind of ['id', 'email', 'phone'] as const) {
    const held = person.identifiers.get(kind)
    if (held !== undefined) return { kind, value: held.value }
  }
  return { kind: 'cio_id', value: person.cioId }
}

/** The limit on attributes of one person (Track API, limits). */
const MOST_ATTRIBUTES = 300

export type SetResult = 'changed' | 'same' | 'stale' | 'full'

/**
 * Sets one attribute as of `at`, in unix seconds. Customer.io orders updates by their timestamps: one that is older than
 * what is stored is silently dropped, an equal or newer one applies.
 */
export function setAttribute(
  person: Person,
  name: string,
  attribute: { text: string; at: number },
): SetResult {
  const stored = person.attributes.get(name)
  if (stored !== undefined && attribute.at < stored.at) return 'stale'
  const text = isEmptyValue(attribute.text) ? null : attribute.text
  if (text !== null && !stored?.text && liveAttributes(person) >= MOST_ATTRIBUTES) return 'full'
  person.attributes.set(name, { text, at: attribute.at })
  return (stored?.text ?? null) === text ? 'same' : 'changed'
}

function liveAttributes(person: Person): number {
  if (person.attributes.size < MOST_ATTRIBUTES) return person.attributes.size
  let live = 0
  for (const { text } of person.attributes.values()) if (text !== null) live += 1
  return live
}

/** Any casing of "true", 1 and "1" unsubscribe; everything else does not (Track API, `unsubscribed`). */
export function isUnsubscribed(person: Person): boolean {
  const text = person.attributes.get('unsubscribed')?.text
  return text !== undefined && text !== null && /^("?true"?|"?1"?)$/i.test(text)
}
