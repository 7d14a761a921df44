/** Track API v1: each call becomes items in the form of v2, which are checked and applied as if they had come that way. */
import { isObject, memberMap, parseJson } from '../core/json.ts'
import type { ItemError } from '../customerio/wire.ts'
import { PATHS } from '../customerio/wire.ts'
import { type Answer, trackError, trackErrors, trackJson, trackNoContent, trackOk } from './answers.ts'
import { type Identifier, identifierOfPath, identifiersOf, isIdentifierKind } from './identifiers.ts'
import type { Item } from './item.ts'
import type { Call, Route } from './route.ts'
import {
  addDeviceItem,
  anonymousItem,
  deleteDeviceItem,
  eventItem,
  formItem,
  identifyItems,
  mergeItem,
  personItem,
  segmentItem,
} from './track-v1-items.ts'
import type { Accept } from './track-v2.ts'
import { faultIn, faultInAnonymous, LIMITS } from './validate.ts'

const CUSTOMER = '/api/v1/customers/:identifier'

export function trackV1Routes(accept: Accept): Route[] {
  const route = (method: Route['method'], path: string, respond: Route['respond']): Route => ({
    method,
    path,
    auth: 'basic',
    respond,
  })
  const person = (action: string) => (call: Call) => take(accept, [personItem(named(call), action)])
  return [
    route('PUT', CUSTOMER, (call) => write(accept, call, (body) => identifyItems(named(call), body))),
    route('DELETE', CUSTOMER, person('delete')),
    route('POST', `${CUSTOMER}/suppress`, person('suppress')),
    route('POST', `${CUSTOMER}/unsuppress`, person('unsuppress')),
    route('POST', `${CUSTOMER}/events`, (call) =>
      write(accept, call, (body) => [eventItem(named(call), body)]),
    ),
    route('PUT', `${CUSTOMER}/devices`, (call) =>
      write(accept, call, (body) => [addDeviceItem(named(call), body)]),
    ),
    route('DELETE', `${CUSTOMER}/devices/:device`, (call) =>
      take(accept, [deleteDeviceItem(named(call), call.params.device ?? '')]),
    ),
    route('POST', PATHS.anonymousEvents, (call) => recordAnonymous(accept, call)),
    route('POST', '/api/v1/merge_customers', (call) => merge(accept, call)),
    route('POST', '/api/v1/segments/:segment/add_customers', (call) =>
      segment(accept, call, 'add_customers'),
    ),
    route('POST', '/api/v1/segments/:segment/remove_customers', (call) =>
      segment(accept, call, 'remove_customers'),
    ),
    route('POST', '/api/v1/forms/:form/submit', (call) => submitForm(accept, call)),
    route('GET', PATHS.region, region),
    route('GET', '/auth', () => trackJson(200, { meta: { message: 'Nice credentials.' } })),
  ]
}

const named = (call: Call): Identifier => identifierOfPath(call.params.identifier ?? '')

const NOT_AN_OBJECT = 'request body is not a JSON object'

/** The body as texts. An absent one is `{}`, since some clients send none; undefined when it is no object. */
export function bodyOf({ text }: Call): Map<string, string> | undefined {
  const body = text.trim() === '' ? '{}' : text
  return isObject(parseJson(body)) ? memberMap(body) : undefined
}

type Texts = Map<string, string>

function write(accept: Accept, call: Call, toItems: (body: Texts) => Item[]): Answer {
  const body = bodyOf(call)
  return body === undefined ? trackErrors(NOT_AN_OBJECT) : take(accept, toItems(body))
}

/** Accepts all of the items or none. */
function take(accept: Accept, items: readonly Item[], faultOf = faultIn): Answer {
  const faults = items.map(faultOf).filter((fault) => fault !== undefined)
  if (faults.length > 0) return trackErrors(...faults.map(wordsOf))
  accept(items)
  return trackOk()
}

const wordsOf = ({ message, reason }: ItemError): string => message ?? reason

function recordAnonymous(accept: Accept, call: Call): Answer {
  const body = bodyOf(call)
  return body === undefined
    ? trackErrors(NOT_AN_OBJECT)
    : take(accept, [anonymousItem(body)], faultInAnonymous)
}

/** Merge alone answers with one `error` instead of a list. */
function merge(accept: Accept, call: Call): Answer {
  const body = bodyOf(call)
  if (body === undefined) return trackError(400, NOT_AN_OBJECT)
  const item = mergeItem(body)
  const fault = faultIn(item)
  if (fault !== undefined) return trackError(400, wordsOf(fault))
  accept([item])
  return trackOk()
}

function segment(accept: Accept, call: Call, action: string): Answer {
  const ids = bodyOf(call)?.get('ids')
  const idType = call.query.id_type ?? 'id'
  const given: unknown = parseJson(ids ?? 'null')
  if (!isIdentifierKind(idType) || idType === 'phone')
    return trackErrors('id_type must be id, email or cio_id')
  if (ids === undefined || !Array.isArray(given) || given.length === 0)
    return trackErrors('ids must be an array with at least one id')
  if (given.length > LIMITS.segmentIds)
    return trackErrors(`ids cannot have more than ${LIMITS.segmentIds} entries`)
  accept([segmentItem(action, { segment: call.params.segment ?? '', idType, ids })])
  return trackOk()
}

function submitForm(accept: Accept, call: Call): Answer {
  const text = bodyOf(call)?.get('data')
  const data = parseJson(text ?? 'null')
  if (text === undefined || !isObject(data)) return trackErrors('data must be an object')
  const { id, email, ...fields } = data
  if (Object.values(fields).some((value) => typeof value !== 'string'))
    return trackErrors('all values in data must be strings')
  const given = memberMap(text)
  const [identifier, ...others] = identifiersOf({ id, email }, () => given)
  if (identifier === undefined || others.length > 0) return trackErrors('data must have one of id and email')
  const answer = take(accept, [formItem(identifier, given)])
  return answer.status === 200 ? trackNoContent() : answer
}

/** The emulator names itself, so that a client that follows the answer does not end at the real Customer.io. */
function region({ headers }: Call): Answer {
  const url = `http://${String(headers.host)}`
  return trackJson(200, { url, region: 'us', data_center: 'us', environment_id: 1 })
}
