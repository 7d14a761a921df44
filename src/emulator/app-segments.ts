/** App API: manual segments. Data-driven ones cannot be made here. */
import { isObject, parseJson } from '../core/json.ts'
import { type Answer, appError, appNoContent } from './answers.ts'
import { membersView } from './app-identifiers.ts'
import { type AppRoute, type AppWorkspace, appValue, isAnswer, notFound, pageOf } from './app-route.ts'
import { writeItem } from './item.ts'
import type { Call } from './route.ts'
import type { State } from './state.ts'

const PATH = '/segments/:segment'

export const SEGMENTS: readonly AppRoute[] = [
  { method: 'GET', path: '/segments', respond: ({ state }) => list(state) },
  { method: 'POST', path: '/segments', respond: create },
  {
    method: 'GET',
    path: PATH,
    respond: (at, call) => ofSegment(at, call, (segment) => appValue({ segment })),
  },
  { method: 'DELETE', path: PATH, respond: remove },
  {
    method: 'GET',
    path: `${PATH}/used_by`,
    respond: (at, call) =>
      ofSegment(at, call, () =>
        appValue({ used_by: { campaigns: [], sent_newsletters: [], draft_newsletters: [] } }),
      ),
  },
  {
    method: 'GET',
    path: `${PATH}/customer_count`,
    respond: (at, call) => ofSegment(at, call, () => appValue({ count: membersOf(at.state, call).length })),
  },
  {
    method: 'GET',
    path: `${PATH}/membership`,
    respond: (at, call) => ofSegment(at, call, () => membership(at.state, call)),
  },
]

/** A segment as the App API shows it, by the id that Track knows it by; undefined when there is none. */
export function segmentOf(state: State, key: string) {
  const found = state.segments.get(key)
  const id = Number(key)
  if (found === undefined || !Number.isSafeInteger(id)) return undefined
  const { name, description, createdAt } = found
  return {
    id,
    deduplicate_id: `${id}:${createdAt}`,
    name,
    description,
    state: 'finished',
    progress: null,
    type: 'manual',
    tags: null,
    created_at: createdAt,
    updated_at: createdAt,
  } as const
}

type SegmentView = NonNullable<ReturnType<typeof segmentOf>>

const keyIn = ({ params }: Call): string => params.segment ?? ''

function ofSegment({ state }: AppWorkspace, call: Call, answer: (segment: SegmentView) => Answer): Answer {
  const segment = segmentOf(state, keyIn(call)) ?? notFound()
  return isAnswer(segment) ? segment : answer(segment)
}

function list(state: State): Answer {
  const segments = [...state.segments.keys()].map((key) => segmentOf(state, key))
  return appValue({ segments: segments.filter((segment) => segment !== undefined) })
}

function create(at: AppWorkspace, { text }: Call): Answer {
  const body = parseJson(text)
  const given = isObject(body) && isObject(body.segment) ? body.segment : {}
  const { name, description = '' } = given
  if (typeof name !== 'string' || name.trim() === '')
    return appError(400, 'name is required', { pointer: '/segment/name' })
  if (typeof description !== 'string')
    return appError(400, 'description must be a string', { pointer: '/segment/description' })
  const key = String(
    Math.max(0, ...[...at.state.segments.keys()].map(Number).filter(Number.isSafeInteger)) + 1,
  )
  at.write(segmentItem('create', { segment_id: key, name, description }))
  return appValue({ segment: segmentOf(at.state, key) })
}

function remove(at: AppWorkspace, call: Call): Answer {
  return ofSegment(at, call, () => {
    at.write(segmentItem('delete', { segment_id: keyIn(call) }))
    return appNoContent()
  })
}

const segmentItem = (action: string, members: Readonly<Record<string, string>>) =>
  writeItem({
    type: '"segment"',
    action: JSON.stringify(action),
    ...Object.fromEntries(Object.entries(members).map(([name, text]) => [name, JSON.stringify(text)])),
  })

function membersOf(state: State, call: Call) {
  const members = state.segments.get(keyIn(call))?.members ?? new Set()
  return [...members]
    .sort()
    .map((cioId) => state.people.get(cioId))
    .filter((person) => person !== undefined)
}

function membership(state: State, call: Call): Answer {
  const bounds = { fallback: 1000, most: 30_000 }
  const { page, next } = pageOf(membersOf(state, call), call, { keyOf: ({ cioId }) => cioId, ...bounds })
  return appValue({ ...membersView(page), next })
}
