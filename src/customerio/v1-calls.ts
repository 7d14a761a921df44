/**
 * The calls of what Track v2 has no form for: segments, forms, and what is reported of deliveries. Their operations keep
 * the body as it came (ingest/read-v1.ts), and the call is made of it again. Pure.
 */
import { memberMap, objectText } from '../core/json.ts'
import type { Call } from './http.ts'

type Given = ReadonlyMap<string, string>
type MakeCall = (given: Given) => Call

const CALLS: Readonly<Record<string, MakeCall>> = {
  'segment.add': (given) => segmentCall(given, 'add_customers'),
  'segment.remove': (given) => segmentCall(given, 'remove_customers'),
  'form.submit': (given) => post('forms', `/api/v1/forms/${inPath(given, 'form_id')}/submit`, bodyOf(given)),
  'metric.report': (given) => post('metrics', '/api/v1/metrics', stamped(bodyOf(given), given)),
  'push.report': (given) => post('push_events', '/api/v1/push/events', stamped(bodyOf(given), given)),
  'in_app.report': (given) => post('in_app_events', '/api/v1/cio_deliveries/events', stampedInApp(given)),
  'unsubscribe.report': (given) =>
    post('unsubscribe', `/unsubscribe/${inPath(given, 'delivery_id')}`, bodyOf(given)),
}

/** The call of an operation that only v1 has, from the members of its value; undefined for every other kind. */
export const v1Call = (kind: string, given: Given): Call | undefined =>
  Object.hasOwn(CALLS, kind) ? CALLS[kind]?.(given) : undefined

const post = (endpoint: string, path: string, body: string): Call => ({
  endpoint,
  method: 'POST',
  path,
  body,
})

const bodyOf = (given: Given): string => given.get('body') ?? '{}'

const inPath = (given: Given, name: string): string =>
  encodeURIComponent(String(JSON.parse(given.get(name) ?? '""')))

/** `POST /api/v1/segments/{segment_id}/add_customers?id_type=`, or `remove_customers`. */
function segmentCall(given: Given, action: string): Call {
  const query = given.has('id_type') ? `?id_type=${inPath(given, 'id_type')}` : ''
  return post('segments', `/api/v1/segments/${inPath(given, 'segment_id')}/${action}${query}`, bodyOf(given))
}

/** A report keeps the time at which it was received: Customer.io would otherwise take the time of a late delivery. */
function stamped(body: string, given: Given): string {
  const timestamp = given.get('timestamp')
  return timestamp === undefined ? body : objectText(memberMap(body).set('timestamp', timestamp))
}

/** The older clients of in-app messages wrap the report into a `payload`. */
function stampedInApp(given: Given): string {
  if (!given.has('timestamp')) return bodyOf(given)
  const body = memberMap(bodyOf(given))
  return objectText(body.set('payload', stamped(body.get('payload') ?? '{}', given)))
}
