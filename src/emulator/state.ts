/**
 * Everything that the emulated workspace knows, as plain data: Maps, Sets and objects, no classes, so that the whole of
 * it can be written to a snapshot and read back. Only apply.ts and what it calls may change it.
 */
import { type ActivityType, append, type Effect, type History, newHistory } from './history.ts'
import { type Identifier, type IdentifierKind, identifierKey } from './identifiers.ts'
import { bestIdentifier, newPerson, type Person } from './person.ts'

export interface State {
  /** By cio_id. */
  readonly people: Map<string, Person>
  /** From the key of an id, e-mail address or phone number to a cio_id. */
  readonly directory: Map<string, string>
  /** From a suppressed key to all keys that were suppressed with it. */
  readonly suppressed: Map<string, readonly string[]>
  /** From an anonymous_id to the cio_id that took it. */
  readonly anonymous: Map<string, string>
  /** By anonymous_id, the numbers of events that belong to nobody yet. */
  readonly unclaimed: Map<string, number[]>
  /** By anonymous_id, relationships that belong to nobody yet: object, then attributes as JSON texts. */
  readonly unclaimedRelationships: Map<string, Map<string, Map<string, string>>>
  readonly history: History
  /** The ULIDs of all events that took effect, in upper case. */
  readonly seen: Set<string>
  /** By `<object_type_id>:<object_id>`. */
  readonly objects: Map<string, CustomObject>
  /** From a cio_object_id to the key of the object. */
  readonly objectDirectory: Map<string, string>
  /** Manual segments, by id. */
  readonly segments: Map<string, Segment>
  readonly exports: Export[]
  readonly metrics: Metric[]
  readonly counts: Counts
  /** The moment of application, milliseconds since 1970; set before each item takes effect. */
  now: number
  /** The number of the last journal entry that took effect. */
  applied: number
  peopleEver: number
  objectsEver: number
}

/** An object in Customer.io's sense: a company, a course, whatever is no person. */
export interface CustomObject {
  readonly cioObjectId: string
  readonly typeId: string
  readonly objectId: string
  /** JSON texts. */
  readonly attributes: Map<string, string>
  /** The cio_ids of the people related to it. */
  readonly people: Set<string>
}

/** A manual segment. */
export interface Segment {
  readonly name: string
  readonly description: string
  /** Unix seconds. */
  readonly createdAt: number
  /** The cio_ids of its members. */
  readonly members: Set<string>
}

/** A list of people or of deliveries that was asked for; what is in it is read when it is downloaded. */
export interface Export {
  readonly id: number
  readonly kind: 'customers' | 'deliveries'
  /** The filter of an export of people, as JSON text. */
  readonly filter: string | undefined
  readonly total: number
  /** Unix seconds. */
  readonly createdAt: number
}

/** A metric that was reported of a delivery, such as `opened`. */
export interface Metric {
  readonly deliveryId: string
  readonly metric: string
  /** Unix seconds. */
  readonly timestamp: number
  /** The item that reported it, as JSON text. */
  readonly text: string
}

export interface Counts {
  /** Items that took effect or were considered. */
  applied: number
  events: number
  /** Events whose ULID had been seen. */
  duplicates: number
  /** Items for a suppressed identifier. */
  ignored: number
  /** Items for nobody: an unknown cio_id, an update-only identify, a merge without its primary. */
  dropped: number
}

export function newState(): State {
  return {
    people: new Map(),
    directory: new Map(),
    suppressed: new Map(),
    anonymous: new Map(),
    unclaimed: new Map(),
    unclaimedRelationships: new Map(),
    history: newHistory(),
    seen: new Set(),
    objects: new Map(),
    objectDirectory: new Map(),
    segments: new Map(),
    exports: [],
    metrics: [],
    counts: { applied: 0, events: 0, duplicates: 0, ignored: 0, dropped: 0 },
    now: 0,
    applied: 0,
    peopleEver: 0,
    objectsEver: 0,
  }
}

export function findPerson(state: State, identifier: Identifier): Person | undefined {
  if (identifier.kind === 'cio_id') return state.people.get(identifier.value)
  const cioId = state.directory.get(identifierKey(identifier))
  return cioId === undefined ? undefined : state.people.get(cioId)
}

export const isSuppressed = (state: State, identifiers: readonly Identifier[]): boolean =>
  state.suppressed.size > 0 && identifiers.some((each) => state.suppressed.has(identifierKey(each)))

/** A new person called by `identifier`, which must be free and no cio_id. `at` is in milliseconds since 1970. */
export function createPerson(state: State, identifier: Identifier, at: number): Person {
  state.peopleEver += 1
  const cioId = `a3${state.peopleEver.toString(16).padStart(6, '0')}`
  const person = newPerson(cioId, Math.floor(at / 1000))
  state.people.set(cioId, person)
  giveIdentifier(state, person, { ...identifier, at: person.createdAt })
  record(state, person, { type: 'profile_create', at, text: '{}' })
  return person
}

/**
 * The person whom an event, a device or a relationship is for, created when unknown. Undefined for one who is suppressed
 * and for a cio_id that nobody has; both are counted, and the item has no effect.
 */
export function reachPerson(state: State, identifier: Identifier, at: number): Person | undefined {
  if (isSuppressed(state, [identifier])) {
    ignore(state, identifier, at)
    return undefined
  }
  const known = findPerson(state, identifier)
  if (known !== undefined) return known
  if (identifier.kind !== 'cio_id') return createPerson(state, identifier, at)
  state.counts.dropped += 1
  return undefined
}

/** Gives an identifier that nobody else holds, in place of the one of that kind that the person had. */
export function giveIdentifier(
  state: State,
  person: Person,
  given: { kind: IdentifierKind; value: string; at: number },
): void {
  const former = person.identifiers.get(given.kind)
  if (former !== undefined) state.directory.delete(identifierKey({ kind: given.kind, value: former.value }))
  person.identifiers.set(given.kind, { value: given.value, at: given.at })
  state.directory.set(identifierKey(given), person.cioId)
}

/** Removes the profile and frees everything it held. Its effects stay in the history. */
export function removePerson(state: State, person: Person): void {
  state.people.delete(person.cioId)
  for (const [kind, { value }] of person.identifiers) state.directory.delete(identifierKey({ kind, value }))
  for (const segment of person.segments) state.segments.get(segment)?.members.delete(person.cioId)
  for (const key of person.relationships.keys()) state.objects.get(key)?.people.delete(person.cioId)
}

/** Adds an effect of this person to the history. `at` is in milliseconds since 1970. */
export function record(
  state: State,
  person: Person,
  what: { type: ActivityType; at: number; text: string },
): Effect {
  const effect = append(state.history, {
    type: what.type,
    owner: person.cioId,
    key: identifierKey(bestIdentifier(person)),
    timestamp: Math.floor(what.at / 1000),
    appliedAt: state.now,
    text: what.text,
  })
  person.history.push(effect.seq)
  return effect
}

/** An item for a suppressed identifier: it has no effect but a line in the activity log. */
export function ignore(state: State, identifier: Identifier, at: number): void {
  state.counts.ignored += 1
  append(state.history, {
    type: 'skipped_update',
    owner: null,
    key: identifierKey(identifier),
    timestamp: Math.floor(at / 1000),
    appliedAt: state.now,
    text: '{"reason":"suppressed"}',
  })
}
