/** Identify: creates or updates a person, by the rules of Track API, "Add or update a customer". */
import { isObject, parseJson } from '../core/json.ts'
import { claimAnonymousEvents } from './events.ts'
import { type Identifier, identifiersIn } from './identifiers.ts'
import { type Item, isEmptyValue, partMap, scalarText, timestampOf } from './item.ts'
import { type Person, setAttribute } from './person.ts'
import { claimAnonymousRelationships, relateToObjects } from './relationships.ts'
import {
  createPerson,
  findPerson,
  giveIdentifier,
  ignore,
  isSuppressed,
  record,
  type State,
} from './state.ts'

interface Call {
  /** The identifier in the path, or under `identifiers`. */
  readonly named: Identifier
  readonly attributes: Map<string, string>
  /** Unix seconds: what orders attribute updates. */
  readonly stamp: number
  /** Arrival, milliseconds since 1970. */
  readonly at: number
}

/** Keys of the body that are not attributes of their own, or are handled apart. */
const RESERVED = new Set([
  'id',
  'email',
  'cio_id',
  'anonymous_id',
  '_timestamp',
  '_update',
  'cio_relationships',
])

export function identify(state: State, item: Item, at: number): void {
  const [named] = identifiersIn(item, 'identifiers')
  if (named === undefined) return
  const call = { named, attributes: partMap(item, 'attributes'), stamp: timestampOf(item, at), at }
  if (isSuppressed(state, [named, ...identifiersInBody(call)])) {
    ignore(state, named, at)
    return
  }
  const person = personOf(state, call)
  if (person === undefined) state.counts.dropped += 1
  else update(state, person, { item, call })
}

function update(state: State, person: Person, { item, call }: { item: Item; call: Call }): void {
  const changes: Changes = new Map()
  const failures: Changes = new Map()
  for (const identifier of identifiersInBody(call)) claim(state, { person, call, identifier, failures })
  for (const [name, text] of call.attributes) assign(person, { name, text, call, changes, failures })
  recordChanges(state, person, { changes, failures, at: call.at })
  claimAnonymous(state, person, call)
  relateToObjects(state, person, item, call.at)
}

/**
 * Whom the call is about. An unknown identifier in the path goes to the person whom the body identifies, in place of
 * the one of that kind they had; an unknown cio_id is dropped, and so is an unknown person under `_update`.
 */
function personOf(state: State, call: Call): Person | undefined {
  const { named } = call
  const known = findPerson(state, named)
  if (known !== undefined || named.kind === 'cio_id') return known
  for (const identifier of identifiersInBody(call)) {
    const person = findPerson(state, identifier)
    if (person === undefined) continue
    giveIdentifier(state, person, { ...named, at: call.stamp })
    return person
  }
  return call.attributes.get('_update') === 'true' ? undefined : createPerson(state, named, call.at)
}

function identifiersInBody(call: Call): Identifier[] {
  const found: Identifier[] = []
  for (const kind of ['id', 'email'] as const) {
    const text = call.attributes.get(kind)
    if (text !== undefined && !isEmptyValue(text)) found.push({ kind, value: scalarText(text) })
  }
  return found
}

/** What an activity says of attributes: from and to, as strings. */
type Changes = Map<string, { from: string; to: string }>

/**
 * An identifier in the body. It sticks when the person has none of its kind and nobody else holds it; one that is set
 * changes only when the path names the cio_id. Otherwise the call succeeds and the activity log shows the failure.
 */
function claim(
  state: State,
  {
    person,
    call,
    identifier,
    failures,
  }: { person: Person; call: Call; identifier: Identifier; failures: Changes },
): void {
  const held = person.identifiers.get(identifier.kind)
  if (held !== undefined && call.stamp < held.at) return
  const owner = findPerson(state, identifier)
  const mayChange = held === undefined || owner === person || call.named.kind === 'cio_id'
  if (mayChange && (owner === undefined || owner === person)) {
    giveIdentifier(state, person, { ...identifier, at: call.stamp })
  } else {
    failures.set(identifier.kind, { from: held?.value ?? '', to: identifier.value })
  }
}

const PREFERENCES = 'cio_subscription_preferences'

function assign(
  person: Person,
  what: { name: string; text: string; call: Call; changes: Changes; failures: Changes },
): void {
  if (RESERVED.has(what.name)) return
  const [name, text] = what.name.startsWith(`${PREFERENCES}.`)
    ? [PREFERENCES, withPreference(person, what.name, what.text)]
    : [what.name, what.text]
  const change = { from: shown(person, name), to: isEmptyValue(text) ? '' : scalarText(text) }
  const result = setAttribute(person, name, { text, at: what.call.stamp })
  if (result === 'changed') what.changes.set(name, change)
  if (result === 'full') what.failures.set(name, change)
}

const shown = (person: Person, name: string): string => scalarText(person.attributes.get(name)?.text ?? '')

/** The preferences with one of them set, as `cio_subscription_preferences.topics.topic_3` asks. */
function withPreference(person: Person, path: string, text: string): string {
  const [, group = '', name = ''] = path.split('.')
  const stored = parseJson(person.attributes.get(PREFERENCES)?.text ?? '{}')
  const preferences = isObject(stored) ? stored : {}
  const members = isObject(preferences[group]) ? preferences[group] : {}
  return JSON.stringify({ ...preferences, [group]: { ...members, [name]: parseJson(text) } })
}

function recordChanges(
  state: State,
  person: Person,
  { changes, failures, at }: { changes: Changes; failures: Changes; at: number },
): void {
  const text = (what: Changes) => JSON.stringify(Object.fromEntries(what))
  if (changes.size > 0) record(state, person, { type: 'attribute_change', at, text: text(changes) })
  if (failures.size > 0) record(state, person, { type: 'failed_attribute_change', at, text: text(failures) })
}

/** An anonymous_id belongs to one person; the first to name it gets what was recorded under it. */
function claimAnonymous(state: State, person: Person, call: Call): void {
  const text = call.attributes.get('anonymous_id')
  if (text === undefined || isEmptyValue(text)) return
  const anonymousId = scalarText(text)
  const owner = state.people.get(state.anonymous.get(anonymousId) ?? '')
  if (owner !== undefined && owner !== person) {
    const failure = JSON.stringify({ anonymous_id: { from: shown(person, 'anonymous_id'), to: anonymousId } })
    record(state, person, { type: 'failed_attribute_change', at: call.at, text: failure })
    return
  }
  state.anonymous.set(anonymousId, person.cioId)
  person.anonymousIds.add(anonymousId)
  setAttribute(person, 'anonymous_id', { text, at: call.stamp })
  claimAnonymousRelationships(state, person, anonymousId)
  const attached = claimAnonymousEvents(state, person, anonymousId)
  if (attached === 0) return
  const merged = JSON.stringify({ anonymous_id: anonymousId, events: attached })
  record(state, person, { type: 'anon_merge', at: call.at, text: merged })
}
