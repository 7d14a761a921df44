/** Metrics reported from devices and foreign channels, and unsubscribes by delivery. None of these routes asks for credentials. */
import { isObject, memberMap, parseJson } from '../core/json.ts'
import { type Answer, trackErrors, trackOk } from './answers.ts'
import type { Call, Route } from './route.ts'
import { bodyOf } from './track-v1.ts'
import { metricItem } from './track-v1-items.ts'
import type { Accept } from './track-v2.ts'

/** All channels together; which channel a delivery belongs to is not known here. */
export const METRICS = [
  'bounced',
  'clicked',
  'converted',
  'deferred',
  'delivered',
  'dropped',
  'opened',
  'spammed',
]
const PUSH_EVENTS = ['opened', 'converted', 'delivered']

export function metricRoutes(accept: Accept): Route[] {
  const post = (path: string, respond: Route['respond']): Route => ({
    method: 'POST',
    path,
    auth: 'none',
    respond,
  })
  const push = (call: Call) => report(accept, bodyOf(call), { member: 'event', allowed: PUSH_EVENTS })
  return [
    post('/api/v1/metrics', (call) => report(accept, bodyOf(call), { member: 'metric', allowed: METRICS })),
    post('/api/v1/push/events', push),
    post('/push/events', push),
    post('/api/v1/cio_deliveries/events', (call) =>
      report(accept, payloadOf(call), { member: 'event', allowed: METRICS }),
    ),
    post('/unsubscribe/:delivery', (call) => unsubscribe(accept, call)),
  ]
}

function report(
  accept: Accept,
  body: Map<string, string> | undefined,
  { member, allowed }: { member: string; allowed: readonly string[] },
): Answer {
  if (body === undefined) return trackErrors('request body is not a JSON object')
  const metric = String(parseJson(body.get(member) ?? '""'))
  if (parseJson(body.get('delivery_id') ?? '""') === '') return trackErrors('delivery_id is required')
  if (!allowed.includes(metric)) return trackErrors(`${member} must be one of ${allowed.join(', ')}`)
  accept([metricItem(metric, body)])
  return trackOk()
}

/** Older mobile and web clients wrap the metric of an in-app message into a `payload`. */
function payloadOf(call: Call): Map<string, string> | undefined {
  const payload = bodyOf(call)?.get('payload')
  return payload !== undefined && isObject(parseJson(payload)) ? memberMap(payload) : undefined
}

/** Recorded as a metric. No delivery is known here, so nobody's `unsubscribed` is set. */
function unsubscribe(accept: Accept, call: Call): Answer {
  const body = bodyOf(call)
  if (!String(call.headers['content-type']).startsWith('application/json') || body === undefined)
    return trackErrors('request must have a JSON object and the content type application/json')
  const isWanted = body.get('unsubscribe') === 'true'
  const delivery = new Map([['delivery_id', JSON.stringify(call.params.delivery)]])
  if (isWanted) accept([metricItem('unsubscribed', delivery)])
  return trackOk()
}
