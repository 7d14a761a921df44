/** App API: objects, found by type and filter, with their attributes and the people related to them. */
import { isObject, objectText, parseJson, plainText } from '../core/json.ts'
import { type Answer, appError, appJson } from './answers.ts'
import { identifiersView } from './app-identifiers.ts'
import { type AppRoute, type AppWorkspace, appValue, isAnswer, notFound, pageOf } from './app-route.ts'
import { type Candidate, holds, readFilter } from './audience.ts'
import { scalarText } from './item.ts'
import type { Call } from './route.ts'
import type { CustomObject, State } from './state.ts'

const PATH = '/objects/:type/:object'

export const OBJECTS: readonly AppRoute[] = [
  { method: 'GET', path: '/object_types', respond: ({ state }) => listTypes(state) },
  { method: 'POST', path: '/objects', respond: search },
  { method: 'GET', path: `${PATH}/attributes`, respond: (at, call) => ofObject(at, call, attributes) },
  {
    method: 'GET',
    path: `${PATH}/relationships`,
    respond: (at, call) => ofObject(at, call, (object) => relationships(at.state, object, call)),
  },
]

/** The types that any object has: there is no list of them that could be kept. */
export const objectTypes = (state: State): string[] =>
  [...new Set(state.objects.values().map(({ typeId }) => typeId))].sort()

const listTypes = (state: State): Answer =>
  appValue({
    types: objectTypes(state).map((id) => ({
      id,
      name: `Type ${id}`,
      slug: `type-${id}`,
      singular_name: `Type ${id}`,
      singular_slug: `type-${id}`,
      enabled: true,
      icon: 'object',
    })),
  })

const keyOf = ({ cioObjectId }: CustomObject): string => cioObjectId

function search({ state }: AppWorkspace, call: Call): Answer {
  const body = parseJson(call.text)
  const { object_type_id: type, filter: given } = isObject(body) ? body : {}
  const filter = readFilter(given)
  if (type === undefined) return appError(400, 'object_type_id is required', { pointer: '/object_type_id' })
  if (filter === undefined) return appError(400, 'filter is not valid', { pointer: '/filter' })
  const found = state.objects
    .values()
    .filter((object) => object.typeId === plainText(type) && holds(asCandidate(object), filter))
  const { page, next } = pageOf(found, call, { keyOf, fallback: 50, most: 1000 })
  const identifiers = page.map(identifiersOfObject)
  return appValue({ identifiers, ids: page.map(({ objectId }) => objectId), next })
}

const asCandidate = ({ attributes, objectId }: CustomObject): Candidate => ({
  isIn: () => false,
  has: (field, text) => {
    const found = field === 'object_id' ? JSON.stringify(objectId) : attributes.get(field)
    return found !== undefined && (text === undefined || scalarText(found) === text)
  },
})

const identifiersOfObject = ({ cioObjectId, objectId }: CustomObject) => ({
  cio_object_id: cioObjectId,
  object_id: objectId,
})

function ofObject({ state }: AppWorkspace, call: Call, answer: (object: CustomObject) => Answer): Answer {
  const { type = '', object: id = '' } = call.params
  const isByCioId = call.query.id_type === 'cio_object_id'
  const key = isByCioId ? (state.objectDirectory.get(id) ?? '') : `${type}:${id}`
  const object = state.objects.get(key) ?? notFound()
  return isAnswer(object) ? object : answer(object)
}

/** Attributes as they came: objects, unlike people, are not documented to have strings alone. */
const attributes = (object: CustomObject): Answer =>
  appJson(
    `{"object":${objectText([
      ['identifiers', JSON.stringify(identifiersOfObject(object))],
      ['attributes', objectText(object.attributes)],
      ['timestamps', '{}'],
    ])}}`,
  )

function relationships(state: State, object: CustomObject, call: Call): Answer {
  const people = [...object.people]
    .sort()
    .map((cioId) => state.people.get(cioId))
    .filter((person) => person !== undefined)
  const { page, next } = pageOf(people, call, { keyOf: ({ cioId }) => cioId, fallback: 50, most: 1000 })
  const related = page.map((person) => ({
    identifiers: identifiersView(person),
    object_type_disabled: false,
    object_type_id: object.typeId,
  }))
  return appValue({ cio_relationships: related, next })
}
