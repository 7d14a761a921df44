/** The control API under /_emulator: what came in, what it did, faults, settling, starting over. */
import { SluiceError } from '../core/errors.ts'
import { isObject, parseJson } from '../core/json.ts'
import { type Answer, json, problem } from './answers.ts'
import { refuseWebPage } from './auth.ts'
import { COVERAGE } from './coverage.ts'
import { type Faults, readRule } from './faults.ts'
import { type Effect, effectAt, isEventEffect } from './history.ts'
import { identifierOfKey } from './identifiers.ts'
import type { MovableClock } from './movable-clock.ts'
import type { RequestLog } from './requests.ts'
import { type Call, type Route, wholeNumber } from './route.ts'
import { findPerson, type State } from './state.ts'
import { dataText, eventView, objectView, personView } from './views.ts'
import type { Workspace } from './workspace.ts'

export interface Controlled {
  readonly clock: MovableClock
  readonly workspace: Workspace
  readonly faults: Faults
  readonly requests: RequestLog
}

export function controlRoutes(controlled: Controlled): Route[] {
  const { clock, workspace, faults, requests } = controlled
  const route = (method: Route['method'], path: string, respond: Route['respond']): Route => ({
    method,
    path: `/_emulator/${path}`,
    auth: 'none',
    respond: (call) => {
      refuseWebPage(call.headers)
      return respond(call)
    },
  })
  return [
    route('GET', 'requests', (call) => listRequests(requests, call)),
    route('GET', 'people', (call) => listPeople(workspace.state, call)),
    route('GET', 'people/:key', (call) => onePerson(workspace.state, call)),
    route('GET', 'events', (call) => listEvents(workspace.state, call)),
    route('GET', 'objects', (call) => listObjects(workspace.state, call)),
    route('GET', 'segments', () => listSegments(workspace.state)),
    route('GET', 'metrics', (call) => listMetrics(workspace.state, call)),
    route('GET', 'stats', () => json(JSON.stringify(statsOf(controlled)))),
    route('GET', 'coverage', () => json(JSON.stringify({ data: COVERAGE }))),
    route('GET', 'faults', () => json(JSON.stringify({ data: faults.list() }))),
    route('POST', 'faults', (call) => addFaults(faults, call)),
    route('DELETE', 'faults', () => clearFaults(faults)),
    route('DELETE', 'faults/:id', (call) => removeFault(faults, call)),
    route('GET', 'clock', () => json(clockText(clock))),
    route('POST', 'clock', (call) => moveClock(clock, call)),
    route('POST', 'settle', () => settle(controlled)),
    route('PUT', 'settings', (call) => changeSettings(workspace, call)),
    route('POST', 'reset', () => reset(controlled)),
  ]
}

export interface Stats {
  readonly requests: number
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Faults met, by kind. */
  readonly faults: Readonly<Record<string, number>>
  /** Items: accepted = applied + pending. */
  readonly accepted: number
  readonly applied: number
  readonly pending: number
  readonly events: number
  readonly duplicates: number
  readonly ignored: number
  readonly dropped: number
  readonly people: number
  readonly suppressed: number
  readonly objects: number
}

export function statsOf({ workspace, requests }: Controlled): Stats {
  const { counts, people, suppressed, objects } = workspace.state
  return {
    ...requests.counts(),
    accepted: workspace.accepted,
    ...counts,
    pending: workspace.pending,
    people: people.size,
    suppressed: suppressed.size,
    objects: objects.size,
  }
}

const limitOf = ({ query }: Call): number => wholeNumber(query.limit, { fallback: 100, most: 10_000 })

function listRequests(requests: RequestLog, call: Call): Answer {
  const { path, since } = call.query
  const after =
    since === undefined ? undefined : wholeNumber(since, { fallback: 0, most: Number.MAX_SAFE_INTEGER })
  const found = requests.list({ limit: limitOf(call), path, since: after })
  return json(JSON.stringify({ data: found }))
}

function listPeople(state: State, call: Call): Answer {
  const people = state.people.values().take(limitOf(call))
  return json(dataText(people.map((person) => personView(state, person))))
}

function onePerson(state: State, { params }: Call): Answer {
  const key = params.key ?? ''
  const person = findPerson(state, identifierOfKey(key))
  if (person === undefined)
    return problem(404, 'not_found', `Nobody is known as ${key}.`, '"sluice emulator people" tells who is.')
  return json(personView(state, person))
}

function listEvents(state: State, call: Call): Answer {
  const after = wholeNumber(call.query.after, { fallback: 0, most: Number.MAX_SAFE_INTEGER })
  const events = eventsAfter(state, { after, person: call.query.person })
  return json(dataText(events.take(limitOf(call)).map((effect) => eventView(state, effect))))
}

/**
 * The events that took effect after one of that number, in the order of application. With `person` those that belong to
 * the person now; when nobody is called so, those that took effect under that name.
 */
export function* eventsAfter(
  state: State,
  { after, person }: { after: number; person?: string | undefined },
): Generator<Effect> {
  const { first, effects } = state.history
  const found = person === undefined ? undefined : findPerson(state, identifierOfKey(person))
  if (found !== undefined) {
    for (const seq of found.history) {
      const effect = effectAt(state.history, seq)
      if (effect !== undefined && seq > after && isEventEffect(effect)) yield effect
    }
    return
  }
  for (let index = Math.max(0, after + 1 - first); index < effects.length; index += 1) {
    const effect = effects[index]
    if (effect === undefined || !isEventEffect(effect)) continue
    if (person === undefined || effect.key === person) yield effect
  }
}

const listObjects = (state: State, call: Call): Answer =>
  json(dataText(state.objects.values().take(limitOf(call)).map(objectView)))

function listSegments(state: State): Answer {
  const data = [...state.segments].map(([id, { name, members }]) => ({ id, name, people: [...members] }))
  return json(JSON.stringify({ data }))
}

/** The last ones, in the order in which they were reported. */
function listMetrics(state: State, call: Call): Answer {
  const found = state.metrics.slice(-limitOf(call))
  const data = found.map(({ deliveryId, metric, timestamp }) => ({
    delivery_id: deliveryId,
    metric,
    timestamp,
  }))
  return json(JSON.stringify({ data }))
}

/** One rule, or `{"rules":[…],"seed":n}`. None is added unless all are right. */
function addFaults(faults: Faults, { text }: Call): Answer {
  const body = parseJson(text)
  if (!isObject(body))
    throw new SluiceError('bad_request', 'The body must be a fault rule, or {"rules":[…]}.')
  const { rules, seed } = body
  if (seed !== undefined && typeof seed !== 'number')
    throw new SluiceError('bad_request', 'The seed must be a number.')
  const isSeedAlone = seed !== undefined && Object.keys(body).length === 1
  const { seed: _, ...single } = body
  const given: unknown[] = Array.isArray(rules) ? rules : isSeedAlone ? [] : [single]
  const read = given.map(readRule)
  if (typeof seed === 'number') faults.seed(seed)
  return json(JSON.stringify({ data: read.map((rule) => faults.add(rule)) }), 201)
}

function clearFaults(faults: Faults): Answer {
  faults.clear()
  return json('{}')
}

function removeFault(faults: Faults, { params }: Call): Answer {
  if (faults.remove(Number(params.id))) return json('{}')
  return problem(
    404,
    'not_found',
    `No fault rule has the id ${params.id}.`,
    'GET /_emulator/faults lists them.',
  )
}

const clockText = (clock: MovableClock): string =>
  JSON.stringify({ now: new Date(clock.now()).toISOString(), ahead_ms: clock.aheadMs })

/** A thousand years: beyond them dates lose their form. */
const FARTHEST_MS = 1000 * 365 * 24 * 3600 * 1000

/** `{"advanceMs":n}`. What waits for that time is done before the answer: days pass in a test without waiting for them. */
function moveClock(clock: MovableClock, { text }: Call): Answer {
  const body = parseJson(text)
  const advanceMs = isObject(body) ? body.advanceMs : undefined
  if (typeof advanceMs !== 'number' || !(advanceMs >= 0 && clock.aheadMs + advanceMs <= FARTHEST_MS))
    throw new SluiceError('bad_request', 'advanceMs must be a number of milliseconds, and not negative.')
  clock.advance(advanceMs)
  return json(clockText(clock))
}

/** Applies what is pending at once, however long it would have waited. */
function settle(controlled: Controlled): Answer {
  controlled.workspace.settle()
  return json(JSON.stringify(statsOf(controlled)))
}

/** `{"settleMs":n}`: how long what is accepted from now on takes to show. */
function changeSettings(workspace: Workspace, { text }: Call): Answer {
  const body = parseJson(text)
  const settleMs = isObject(body) ? body.settleMs : undefined
  if (typeof settleMs !== 'number' || settleMs < 0)
    throw new SluiceError('bad_request', 'settleMs must be a number of milliseconds.')
  workspace.settleMs = settleMs
  return json(JSON.stringify({ settleMs }))
}

/** An empty workspace, no faults, no requests, the time of the machine; what was accepted and is pending is gone too. */
export function reset({ clock, workspace, faults, requests }: Controlled): Answer {
  clock.reset()
  workspace.reset()
  faults.clear()
  requests.clear()
  return json('{}')
}
