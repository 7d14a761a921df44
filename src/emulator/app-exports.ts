/** App API: exports. They are done at once; what is in one is read when it is downloaded. */
import { isObject, memberMap, parseJson } from '../core/json.ts'
import { type Answer, appError, csv, problem } from './answers.ts'
import { type AppRoute, type AppWorkspace, appValue, isAnswer, notFound } from './app-route.ts'
import { readFilter } from './audience.ts'
import { csvOf } from './exports.ts'
import { writeItem } from './item.ts'
import type { Call, Route } from './route.ts'
import type { Export, State } from './state.ts'

export const EXPORTS: readonly AppRoute[] = [
  { method: 'GET', path: '/exports', respond: ({ state }) => list(state) },
  { method: 'GET', path: '/exports/:export', respond: (at, call) => ofExport(at, call, shown) },
  {
    method: 'GET',
    path: '/exports/:export/download',
    respond: (at, call) => ofExport(at, call, (made) => download(at, call, made)),
  },
  { method: 'POST', path: '/exports/customers', respond: exportPeople },
  { method: 'POST', path: '/exports/deliveries', respond: exportDeliveries },
]

/** As recorded of Customer.io: none are `null`, not an empty list. */
const list = ({ exports }: State): Answer =>
  appValue({ exports: exports.length === 0 ? null : exports.map(exportView) })

const shown = (made: Export): Answer => appValue({ export: exportView(made) })

const exportView = ({ id, kind, total, createdAt }: Export) => ({
  id,
  deduplicate_id: `${id}:${createdAt}`,
  type: kind,
  total,
  user_id: 1,
  user_email: 'dev@example.com',
  failed: false,
  description: kind === 'customers' ? 'People that match a filter' : 'Deliveries of a message',
  downloads: 0,
  created_at: createdAt,
  updated_at: createdAt,
  status: 'done',
})

const findExport = ({ exports }: State, id: string | undefined): Export | undefined => exports[Number(id) - 1]

function ofExport({ state }: AppWorkspace, { params }: Call, answer: (made: Export) => Answer): Answer {
  const made = findExport(state, params.export) ?? notFound()
  return isAnswer(made) ? made : answer(made)
}

function exportPeople(at: AppWorkspace, { text }: Call): Answer {
  const body = parseJson(text)
  if (!isObject(body) || readFilter(body.filters) === undefined)
    return appError(400, 'filters is not valid', { pointer: '/filters' })
  return create(at, { kind: '"customers"', filters: memberMap(text).get('filters') })
}

const SOURCES = ['newsletter_id', 'campaign_id', 'transactional_message_id', 'action_id']

function exportDeliveries(at: AppWorkspace, { text }: Call): Answer {
  const body = parseJson(text)
  const named = isObject(body) ? SOURCES.filter((name) => body[name] !== undefined) : []
  if (named.length === 0) return appError(400, `one of ${SOURCES.join(', ')} is required`)
  return create(at, { kind: '"deliveries"' })
}

function create(at: AppWorkspace, parts: Readonly<Record<string, string | undefined>>): Answer {
  at.write(writeItem({ type: '"export"', action: '"create"', ...parts }))
  const made = at.state.exports.at(-1) ?? notFound()
  return isAnswer(made) ? made : shown(made)
}

/** A link to download from is good for a quarter of an hour (App API, exports). */
const LINK_SECONDS = 15 * 60

function download(at: AppWorkspace, { headers }: Call, { id }: Export): Answer {
  const expires = Math.floor(at.now() / 1000) + LINK_SECONDS
  return appValue({ url: `http://${String(headers.host)}/_emulator/exports/${id}?expires=${expires}` })
}

/** Where the link leads. */
export const downloadRoute = (at: AppWorkspace): Route => ({
  method: 'GET',
  path: '/_emulator/exports/:export',
  auth: 'none',
  respond: ({ params, query }) => {
    const made = findExport(at.state, params.export)
    if (made === undefined) return problem(404, 'not_found', `No export has the id ${params.export}.`)
    if (!(Number(query.expires) > at.now() / 1000))
      return problem(403, 'forbidden', 'The link has expired; ask for another one.')
    return csv(csvOf(at.state, made))
  },
})
