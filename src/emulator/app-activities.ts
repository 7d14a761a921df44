/** App API: what happened to a person, or in the whole workspace, the newest first. */
import { objectText } from '../core/json.ts'
import type { Answer } from './answers.ts'
import { type IdentifiersView, identifiersView } from './app-identifiers.ts'
import { personIn } from './app-people.ts'
import { type AppRoute, isAnswer, listText } from './app-route.ts'
import { activityId, dataOf, type Effect, effectAt } from './history.ts'
import type { Person } from './person.ts'
import { type Call, wholeNumber } from './route.ts'
import type { State } from './state.ts'

export const ACTIVITIES: readonly AppRoute[] = [
  {
    method: 'GET',
    path: '/customers/:identifier/activities',
    respond: ({ state }, call) => activitiesOfPerson(state, call),
  },
  { method: 'GET', path: '/activities', respond: ({ state }, call) => activities(state, call) },
]

function activitiesOfPerson(state: State, call: Call): Answer {
  const person = personIn(state, call)
  return isAnswer(person) ? person : activityPage(state, call, effectsOf(state, person))
}

/** Of the whole workspace, or of one person with `customer_id`. With `deleted=true` those of deleted people alone. */
function activities(state: State, call: Call): Answer {
  const { customer_id, deleted } = call.query
  if (customer_id !== undefined) {
    const person = personIn(state, { ...call, params: { identifier: customer_id } })
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
  return listText(
    'activities',
    page.map((effect) => activityView(state, effect)),
    next,
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
    ['id', JSON.stringify(activityId(effect))],
    ['timestamp', String(effect.timestamp)],
    ['type', JSON.stringify(effect.type)],
    ['name', JSON.stringify(effect.name ?? '')],
  ])
}

/** Of somebody who is gone, only the name they were called by is left. */
function identifiersThen({ key, owner }: Effect): IdentifiersView {
  const after = (prefix: string) => (key.startsWith(prefix) ? key.slice(prefix.length) : null)
  return { email: after('email:'), id: after('id:'), cio_id: owner ?? after('cio_id:') ?? '' }
}
