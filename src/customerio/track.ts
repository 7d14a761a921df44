/** The calls of the Track API that delivery makes: values in, a request out. Pure. */
import { memberMap, objectText } from '../core/json.ts'
import { v1Name } from '../core/v1-form.ts'
import type { Call } from './http.ts'
import { v1Call } from './v1-calls.ts'
import { PATHS } from './wire.ts'

/** The bytes that a batch adds around its items: `{"batch":[` and `]}`; each item after the first adds a comma. */
export const BATCH_FRAME_BYTES = 12

/**
 * `POST /api/v2/batch` with `{"batch":[item, …]}`. The items are joined as text, so that what the caller said reaches
 * Customer.io to the digit.
 */
export const batchCall = (items: readonly string[]): Call => ({
  endpoint: 'batch',
  method: 'POST',
  path: PATHS.batch,
  body: bodyOf(items),
})

/** One join: a frame put around the joined items would have all of it copied once more. */
function bodyOf([first = '', ...items]: readonly string[]): string {
  items.unshift(`{"batch":[${first}`)
  items.push(`${items.pop()}]}`)
  return items.join(',')
}

/** `POST /api/v2/entity`: one operation as it is. */
const entityCall = (value: string): Call => ({
  endpoint: 'entity',
  method: 'POST',
  path: PATHS.entity,
  body: value,
})

/**
 * The call for an operation that cannot travel in a batch: through v1 where v1 has a form for it, since v1 takes larger
 * bodies and the events of people not known yet; else as a v2 entity, so that Customer.io itself says what is wrong.
 */
export function singleCall(kind: string, value: string): Call {
  const given = memberMap(value)
  const ofV1 = v1Call(kind, given)
  if (ofV1 !== undefined) return ofV1
  const identifiers = given.get('identifiers')
  if (kind === 'anonymous.event') return anonymousEventCall(given, membersIn(identifiers).get('anonymous_id'))
  const name = v1Name(kind, identifiers)
  if (name === undefined) return entityCall(value)
  const path = `${PATHS.customers}/${encodeURIComponent(name)}`
  return kind === 'person.identify' ? identifyCall(given, path) : eventCall(given, path)
}

const membersIn = (text: string | undefined): ReadonlyMap<string, string> =>
  text?.startsWith('{') ? memberMap(text) : new Map()

/**
 * `POST /api/v1/events` with `{"name", "anonymous_id"?, "type"?, "id", "timestamp", "data"}`: the event of somebody not
 * known yet, for which v2 documents no form.
 */
const anonymousEventCall = (given: ReadonlyMap<string, string>, anonymousId: string | undefined): Call => ({
  endpoint: 'anonymous_events',
  method: 'POST',
  path: PATHS.anonymousEvents,
  body: objectText([
    ...(anonymousId ? [['anonymous_id', anonymousId] as const] : []),
    ...eventMembers(given),
  ]),
})

/** `POST /api/v1/customers/{identifier}/events`. */
const eventCall = (given: ReadonlyMap<string, string>, path: string): Call => ({
  endpoint: 'events',
  method: 'POST',
  path: `${path}/events`,
  body: objectText(eventMembers(given)),
})

/** What v2 calls `action` and `attributes`, v1 calls `type` and `data`. */
function* eventMembers(given: ReadonlyMap<string, string>): Generator<readonly [string, string]> {
  const action = given.get('action')
  if (action && action !== '"event"') yield ['type', action]
  for (const [key, text] of given) {
    if (key === 'type' || key === 'identifiers' || key === 'action') continue
    yield [key === 'attributes' ? 'data' : key, text]
  }
}

/** `PUT /api/v1/customers/{identifier}`: attributes side by side, `_timestamp` among them. */
function identifyCall(given: ReadonlyMap<string, string>, path: string): Call {
  const body = membersIn(given.get('attributes'))
  const timestamp = given.get('timestamp')
  const relationships = given.get('cio_relationships')
  const extra: [string, string][] = []
  if (timestamp) extra.push(['_timestamp', timestamp])
  if (relationships)
    extra.push(['cio_relationships', `{"action":"add_relationships","relationships":${relationships}}`])
  return { endpoint: 'identify', method: 'PUT', path, body: objectText([...body, ...extra]) }
}
