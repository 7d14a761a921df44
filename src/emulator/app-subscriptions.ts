/** App API: topics, what a person chose of them, and the way to the page where they choose. */
import { isObject, parseJson } from '../core/json.ts'
import { type Answer, appError } from './answers.ts'
import { identifiersView } from './app-identifiers.ts'
import { ofPerson } from './app-people.ts'
import { type AppRoute, appValue } from './app-route.ts'
import { isUnsubscribed, type Person } from './person.ts'
import type { Call } from './route.ts'
import { findPerson, type State } from './state.ts'

export const SUBSCRIPTIONS: readonly AppRoute[] = [
  {
    method: 'GET',
    path: '/customers/:identifier/subscription_preferences',
    respond: (at, call) => ofPerson(at, call, (person) => preferencesView(at.state, person)),
  },
  {
    method: 'GET',
    path: '/subscription_center/:identifier/token',
    respond: ({ state }, call) => centerToken(state, call),
  },
  {
    method: 'GET',
    path: '/subscription_topics',
    respond: ({ state }) => appValue({ topics: topicsOf(state).map(topicView) }),
  },
]

/** The topics that anybody's preferences name: there is no list of them that could be kept. */
function topicsOf(state: State): number[] {
  const found = new Set<number>()
  for (const person of state.people.values())
    for (const name of Object.keys(topicsIn(person))) {
      const id = /^topic_(\d+)$/.exec(name)?.[1]
      if (id !== undefined) found.add(Number(id))
    }
  return [...found].sort((a, b) => a - b)
}

function topicsIn(person: Person): Readonly<Record<string, unknown>> {
  const preferences = parseJson(person.attributes.get('cio_subscription_preferences')?.text ?? '{}')
  return isObject(preferences) && isObject(preferences.topics) ? preferences.topics : {}
}

const topicView = (id: number) => ({
  id,
  identifier: `topic_${id}`,
  name: `Topic ${id}`,
  description: '',
  subscribed_by_default: true,
})

function preferencesView(state: State, person: Person): Answer {
  const chosen = topicsIn(person)
  const topics = topicsOf(state).map((id) => {
    const { name, description } = topicView(id)
    return { id, name, description, subscribed: chosen[`topic_${id}`] !== false }
  })
  return appValue({
    customer: {
      id: person.identifiers.get('id')?.value ?? '',
      identifiers: identifiersView(person),
      unsubscribed: isUnsubscribed(person),
      header: { title: 'Subscriptions', subtitle: '' },
      topics,
    },
  })
}

/** Somebody who is not known is a 400 here, unlike elsewhere (App API, subscription center). */
function centerToken(state: State, { params, headers }: Call): Answer {
  const person = findPerson(state, { kind: 'id', value: params.identifier ?? '' })
  if (person === undefined) return appError(400, 'customer_id does not exist')
  const token = Buffer.from(person.cioId).toString('base64url')
  return appValue({ token, url: `http://${String(headers.host)}/u/i/${token}/` })
}
