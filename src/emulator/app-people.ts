/** App API: people, found by address, by filter or by name, with what they are in and related to. */
import { elements, isObject, memberMap, objectText, parseJson } from '../core/json.ts'
import { type Answer, appError, appJson } from './answers.ts'
import { identifiersView, membersView } from './app-identifiers.ts'
import {
  type AppRoute,
  type AppWorkspace,
  appValue,
  isAnswer,
  listText,
  notFound,
  pageOf,
} from './app-route.ts'
import { segmentOf } from './app-segments.ts'
import { holds, personAsCandidate, readFilter } from './audience.ts'
import { isIdentifierKind } from './identifiers.ts'
import { scalarText } from './item.ts'
import { type Device, isUnsubscribed, type Person } from './person.ts'
import type { Call } from './route.ts'
import { findPerson, type State } from './state.ts'
import { attributesOf, timestampsOf } from './views.ts'

const get = (path: string, respond: AppRoute['respond']): AppRoute => ({ method: 'GET', path, respond })
const post = (path: string, respond: AppRoute['respond']): AppRoute => ({ method: 'POST', path, respond })

export const PEOPLE: readonly AppRoute[] = [
  get('/customers', ({ state }, call) => findByEmail(state, call)),
  post('/customers', search),
  post('/customers/attributes', ({ state }, call) => attributesOfMany(state, call)),
  get('/customers/:identifier/attributes', (at, call) =>
    ofPerson(at, call, (person) => appJson(customerView(person))),
  ),
  get('/customers/:identifier/segments', (at, call) =>
    ofPerson(at, call, (person) => segmentsView(at, person)),
  ),
  get('/customers/:identifier/relationships', (at, call) =>
    ofPerson(at, call, (person) => relationshipsView(at.state, person, call)),
  ),
  get('/customers/:identifier/messages', (at, call) =>
    ofPerson(at, call, () => appValue({ messages: [], next: '' })),
  ),
]

/** An unknown address gives an empty list, and so does an unencoded `+`, which stands for a space. */
function findByEmail(state: State, { query }: Call): Answer {
  const person =
    query.email === undefined ? undefined : findPerson(state, { kind: 'email', value: query.email })
  return appValue({ results: person === undefined ? [] : [identifiersView(person)] })
}

function search({ state }: AppWorkspace, call: Call): Answer {
  const body = parseJson(call.text)
  const filter = isObject(body) ? readFilter(body.filter) : undefined
  if (filter === undefined) return appError(400, 'filter is not valid', { pointer: '/filter' })
  const found = state.people.values().filter((person) => holds(personAsCandidate(person), filter))
  const { page, next } = pageOf(found, call, { keyOf: ({ cioId }) => cioId, fallback: 50, most: 1000 })
  return appValue({ ...membersView(page), next })
}

/** The person in the path, or the error that Customer.io answers with. */
export function personIn(state: State, { params, query }: Call): Person | Answer {
  const kind = query.id_type ?? 'id'
  if (!isIdentifierKind(kind)) return appError(400, 'id_type must be one of id, email, phone and cio_id')
  return findPerson(state, { kind, value: params.identifier ?? '' }) ?? notFound()
}

/** What is answered of the person in the path, or that there is none. */
export function ofPerson({ state }: AppWorkspace, call: Call, answer: (person: Person) => Answer): Answer {
  const person = personIn(state, call)
  return isAnswer(person) ? person : answer(person)
}

function attributesOfMany(state: State, { text }: Call): Answer {
  const body = parseJson(text)
  const ids: unknown = isObject(body) ? body.ids : undefined
  if (!Array.isArray(ids)) return appError(400, 'ids must be an array', { pointer: '/ids' })
  if (ids.length > 100) return appError(400, 'ids cannot have more than 100 entries', { pointer: '/ids' })
  const found = elements(memberMap(text).get('ids') ?? '[]')
    .map((id) => findPerson(state, { kind: 'id', value: scalarText(id) }))
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
  const customer = objectText([
    ['id', JSON.stringify(person.identifiers.get('id')?.value ?? '')],
    ['identifiers', JSON.stringify(identifiersView(person))],
    ['attributes', JSON.stringify(Object.fromEntries(strings))],
    ['timestamps', JSON.stringify(Object.fromEntries(timestamps))],
    ['unsubscribed', String(isUnsubscribed(person))],
    ['devices', JSON.stringify([...person.devices.values()].map(deviceView))],
  ])
  return `{"customer":${customer}}`
}

/** The attributes of a device are strings as well. */
const deviceView = ({ id, platform, lastUsed, attributes }: Device) => ({
  id,
  last_used: lastUsed,
  platform,
  attributes: Object.fromEntries([...attributes].map(([name, text]) => [name, scalarText(text)])),
})

const segmentsView = ({ state }: AppWorkspace, person: Person): Answer =>
  appValue({
    segments: [...person.segments]
      .map((id) => segmentOf(state, id))
      .filter((segment) => segment !== undefined)
      .map(({ id, name, description }) => ({ id, name, description })),
  })

function relationshipsView(state: State, person: Person, call: Call): Answer {
  const related = [...person.relationships]
    .map(([key, attributes]) => ({ object: state.objects.get(key), attributes }))
    .sort((one, other) => keyOf(one).localeCompare(keyOf(other)))
  const { page, next } = pageOf(related, call, { keyOf, fallback: 50, most: 1000 })
  const texts = page.map(({ object, attributes }) =>
    objectText([
      ['object_type_id', String(Number(object?.typeId ?? 0))],
      ['identifiers', JSON.stringify({ cio_object_id: object?.cioObjectId, object_id: object?.objectId })],
      ['attributes', objectText(attributes)],
      ['timestamps', '{}'],
    ]),
  )
  return listText('cio_relationships', texts, next)
}

const keyOf = ({ object }: { object: { cioObjectId: string } | undefined }) => object?.cioObjectId ?? ''
