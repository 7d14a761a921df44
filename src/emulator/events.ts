/** Events, page views and screen views: of a person, of an anonymous_id, or of nobody. */
import { plainText } from '../core/json.ts'
import { isUlid } from '../core/ulid.ts'
import { append, type Effect, type EventType, effectAt } from './history.ts'
import { type Identifier, identifierKey, identifiersIn } from './identifiers.ts'
import { type Item, isEmptyValue, partMap, scalarText, timestampOf } from './item.ts'
import { bestIdentifier, type Person } from './person.ts'
import { reachPerson, type State } from './state.ts'

/** Anonymous events older than this are not attached to a person (Track API, anonymous events). */
const THIRTY_DAYS = 30 * 24 * 3600

/**
 * Records one event. An event whose ULID has taken effect before is ignored; an id that is no ULID is kept and not
 * compared, since what Customer.io does with one is not documented.
 */
export function recordEvent(state: State, item: Item, at: number): void {
  const ulid = ulidOf(item)
  if (ulid !== undefined && state.seen.has(ulid)) {
    state.counts.duplicates += 1
    return
  }
  const [identifier] = identifiersIn(item, 'identifiers')
  if (identifier === undefined) recordAnonymous(state, item, { ulid, at })
  else recordOfPerson(state, item, { identifier, ulid, at })
}

/** An event as it comes: its id as it is remembered, and when it was accepted. */
interface Arrival {
  readonly ulid: string | undefined
  readonly at: number
}

/** As it is remembered; undefined where the id is none. */
function ulidOf({ value: { id } }: Item): string | undefined {
  return typeof id === 'string' && isUlid(id) ? id.toUpperCase() : undefined
}

function recordOfPerson(
  state: State,
  item: Item,
  { identifier, ulid, at }: Arrival & { identifier: Identifier },
): void {
  const person = reachPerson(state, identifier, at)
  if (person === undefined) return
  const key = identifierKey(bestIdentifier(person))
  const effect = keep(state, item, { ulid, at, owner: person.cioId, key })
  person.history.push(effect.seq)
}

/** An event of an anonymous_id waits until a person takes that id; one without any belongs to nobody for ever. */
function recordAnonymous(state: State, item: Item, arrival: Arrival): void {
  const anonymousId = anonymousIdOf(item)
  if (anonymousId === undefined) {
    keep(state, item, { ...arrival, owner: null, key: '' })
    return
  }
  const owner = state.people.get(state.anonymous.get(anonymousId) ?? '')
  const key = `anonymous_id:${anonymousId}`
  const effect = keep(state, item, { ...arrival, owner: owner?.cioId ?? null, key })
  if (owner !== undefined) owner.history.push(effect.seq)
  else state.unclaimed.set(anonymousId, [...(state.unclaimed.get(anonymousId) ?? []), effect.seq])
}

function anonymousIdOf(item: Item): string | undefined {
  const given = partMap(item, 'identifiers').get('anonymous_id')
  return given === undefined || isEmptyValue(given) ? undefined : scalarText(given)
}

function keep(state: State, item: Item, of: Arrival & { owner: string | null; key: string }): Effect {
  const { id, name, action } = item.value
  state.counts.events += 1
  if (of.ulid !== undefined) state.seen.add(of.ulid)
  return append(state.history, {
    type: action as EventType, // validate.ts lets nothing else through
    owner: of.owner,
    key: of.key,
    ...(typeof id === 'string' && { id }),
    name: plainText(name ?? action).trim(),
    timestamp: timestampOf(item, of.at),
    appliedAt: state.now,
    text: item.text,
  })
}

/** Attaches the events that were recorded under an anonymous_id; the person has just taken it. */
export function claimAnonymousEvents(state: State, person: Person, anonymousId: string): number {
  const waiting = state.unclaimed.get(anonymousId) ?? []
  state.unclaimed.delete(anonymousId)
  const recent = waiting
    .map((seq) => effectAt(state.history, seq))
    .filter((effect) => effect !== undefined)
    .filter((effect) => effect.timestamp >= state.now / 1000 - THIRTY_DAYS)
  moveEffects(person, recent)
  return recent.length
}

/** Makes effects the person's own, keeping the history of the person in the order of application. */
export function moveEffects(person: Person, effects: readonly Effect[]): void {
  for (const effect of effects) effect.owner = person.cioId
  person.history.push(...effects.map(({ seq }) => seq))
  person.history.sort((a, b) => a - b)
}
