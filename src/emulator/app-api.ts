/** App API: looking up people and their activities. Reads see what has taken effect, not what was only accepted. */
import { isObject, objectText, parseJson, plainText } from '../core/json.ts'
import { type Answer, appError, appJson } from './answers.ts'
import { activityId, dataOf, type Effect, effectAt } from './history.ts'
import { type Identifier, isIdentifierKind } from './identifiers.ts'
import { scalarText } from './item.ts'
import { isUnsubscribed, type Person } from './person.ts'
import { type Call, type Route, wholeNumber } from './route.ts'
import { findPerson, type State } from './state.ts'
import { attributesOf, deviceView, timestampsOf } from './views.ts'

/** Each path also with the prefix `/v1/api`, which clients before node 4.5 used. */
export function appRoutes(state: () => State): Route[] {
  const respond: [Route['method'], string, (state: State, call: Call) => Answer][] = [
    ['GET', '/customers', findByEmail],
    ['GET', '/customers/:identifier/attributes', attributes],
    ['GET', '/customers/:identifier/activities', activitiesOfPerson],
    ['POST', '/customers/attributes', attributesOfMany],
    ['GET', '/activities', activities],
  ]
  return ['/v1', '/v1/api'].flatMap((prefix) =>
    respond.map(
      ([method, path, answer]): Route => ({
        method,
        path: prefix + path,
        auth: 'bearer',
        respond: (call) => answer(state(), call),
      }),
    ),
  )
}

function identifiersView(person: Person): { email: string | null; id: string | null; cio_id: string } {
  return {
    email: person.identifiers.get('email')?.value ?? null,
    id: person.identifiers.get('id')?.value ?? null,
    cio_id: person.cioId,
  }
}

/** An unknown address gives an empty list, and so does an unencoded `+`, which stands for a space. */
function findByEmail(state: State, { query }: Call): Answer {
  const person =
    query.email === undefined ? undefined : findPerson(state, { kind: 'email', value: query.email })
  return appJson(JSON.stringify({ results: person === undefined ? [] : [identifiersView(person)] }))
}

/** The person in the path, or the error that Customer.io answers with. */
function named(state: State, { params, query }: Call): Person | Answer {
  const kind = query.id_type ?? 'id'
  if (!isIdentifierKind(kind)) return appError(400, 'id_type must be one of id, email, phone and cio_id')
  const identifier: Identifier = { kind, value: params.identifier ?? '' }
  return findPerson(state, identifier) ?? appError(404, 'not found')
}

const isAnswer = (found: Person | Answer): found is Answer => 'status' in found

function attributes(state: State, call: Call): Answer {
  const person = named(state, call)
  return isAnswer(person) ? person : appJson(customerView(person))
}

function attributesOfMany(state: State, { text }: Call): Answer {
  const body = parseJson(text)
  const ids: unknown = isObject(body) ? body.ids : undefined
  if (!Array.isArray(ids)) return appError(400, 'ids must be an array')
  if (ids.length > 100) return appError(400, 'ids cannot have more than 100 entries')
  const found = ids
    .map((id: unknown) => findPerson(state, { kind: 'id', value: plainText(id) }))
    .filter((person) => person !== undefined)
  return appJson(`{"customers":[${found.map(customerView).join(',')}]}`)
}

const COMPUTED = '_cio_subscription_preferences_computed'

/** Every attribute is a string; so are preferences, as JSON in a string. Topics have no defaults here. */
function customerView(person: Person): string {
  const strings = new Map(attributesOf(person).map(([name, text]) => [name, scalarText(text)]))
  for (const [kind, { value }] of person.identifiers) strings.set(kind, value)
  strings.set('cio_id', person.cioId)
  strings.set(COMPUTED, strings.get('cio_subscription_preferences') ?? '{"topics":{}}')
  const timestamps = new Map(timestampsOf(person)).set('cio_id', person.createdAt).set(COMPUTED, 0)
  const devices = [...person.devices.values()].map(deviceView)
  const customer = objectText([
    ['id', JSON.stringify(person.identifiers.get('id')?.value ?? '')],
    ['identifiers', JSON.stringify(identifiersView(person))],
    ['attributes', JSON.stringify(Object.fromEntries(strings))],
    ['timestamps', JSON.stringify(Object.fromEntries(timestamps))],
    ['unsubscribed', String(isUnsubscribed(person))],
    ['devices', `[${devices.join(',')}]`],
  ])
  return `{"customer":${customer}}`
}

function activitiesOfPerson(state: State, call: Call): Answer {
  const person = named(state, call)
  return isAnswer(person) ? person : activityPage(state, call, effectsOf(state, person))
}

/** Of the whole workspace, or of one person with `customer_id`. With `deleted=true` those of deleted people alone. */
function activities(state: State, call: Call): Answer {
  const { customer_id, deleted } = call.query
  if (customer_id !== undefined) {
    const person = named(state, { ...call, params: { identifier: customer_id } })
    return isAnswer(person) ? person : activityPage(state, call, effectsOf(state, person))
  }
  const all = state.history.effects
  if (deleted !== 'true') return activityPage(state, call, all)
  const ofDeleted = all.filter(({ owner }) => owner !== null && !state.people.has(owner))
  return activityPage(state, call, ofDeleted)
}

const effectsOf = (state: State, person: Person): Effect[] =>
  person.history.map((seq) => effectAt(state.history, seq)).filter((effect) => effect !== undefined)

/** The newest first. `start` is the `next` of the page before: the number of its last activity. */
function activityPage(state: State, { query }: Call, effects: readonly Effect[]): Answer {
  const limit = wholeNumber(query.limit, { fallback: 10, most: 100 })
  const before = wholeNumber(query.start, {
    fallback: Number.MAX_SAFE_INTEGER,
    most: Number.MAX_SAFE_INTEGER,
  })
  const page: Effect[] = []
  let next = ''
  for (let index = effects.length - 1; index >= 0; index -= 1) {
    const effect = effects[index]
    if (effect === undefined || effect.seq >= before || !matches(effect, query)) continue
    if (page.length === limit) {
      next = String(page.at(-1)?.seq ?? '')
      break
    }
    page.push(effect)
  }
  return appJson(
    `{"activities":[${page.map((effect) => activityView(state, effect)).join(',')}],"next":"${next}"}`,
  )
}

const matches = (effect: Effect, { type, name }: Call['query']): boolean =>
  (type === undefined || effect.type === type) && (name === undefined || effect.name === name)

function activityView(state: State, effect: Effect): string {
  const owner = effect.owner === null ? undefined : state.people.get(effect.owner)
  const identifiers = owner === undefined ? identifiersThen(effect) : identifiersView(owner)
  return objectText([
    ['customer_id', JSON.stringify(identifiers.id)],
    ['customer_identifiers', JSON.stringify(identifiers)],
    ['data', dataOf(effect)],
    ['delivery_id', '""'],
    ['delivery_type', '""'],
    ['id', JSON.stringify(activityId(effect))],
    ['timestamp', String(effect.timestamp)],
    ['type', JSON.stringify(effect.type)],
    ['name', JSON.stringify(effect.name ?? '')],
  ])
}

/** Of somebody who is gone, only the name they were called by is left. */
function identifiersThen({ key, owner }: Effect): {
  email: string | null
  id: string | null
  cio_id: string | null
} {
  const after = (prefix: string) => (key.startsWith(prefix) ? key.slice(prefix.length) : null)
  return { email: after('email:'), id: after('id:'), cio_id: owner }
}
