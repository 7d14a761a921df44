/**
 * The calls of Track v1 that v2 has no form for, to drafts: segments, forms, and what is reported of deliveries. Their value
 * is in a form of our own, `{"type","action",<what stood in the path and the query>,"body":<the body as it came>}`, and
 * delivery makes the same call of it again (customerio/v1-calls.ts). Judged is what Customer.io documents a 400 for, and what
 * is needed to keep an operation in order. Source: Track API v1, August 2026. Pure; all throw `bad_request`.
 */
import { SluiceError } from '../core/errors.ts'
import { elements, isObject, type JsonObject, memberMap, plainNumber } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { type Kind, personKey } from '../core/operation.ts'
import type { Draft } from './draft.ts'
import { refuseByRule } from './judge.ts'
import { exactText, isPresent } from './read-v2.ts'
import { parseObject } from './translate-v1.ts'

/** What is thrown for what a caller got wrong. */
export const refuse = (field: string, message: string): SluiceError =>
  new SluiceError('bad_request', message, { details: { field } })

/** `beside` is what stood in the path and the query. */
function makeDraft(kind: Kind, key: string, { beside, text }: { beside: JsonObject; text: string }): Draft {
  const [type = '', action = ''] = kind.split('.')
  const members = new Map([
    ['type', JSON.stringify(type)],
    ['action', JSON.stringify(action)],
  ])
  for (const [name, value] of Object.entries(beside))
    if (value !== undefined) members.set(name, JSON.stringify(value))
  members.set('body', text.trim())
  return { kind, key, others: [], members, value: {}, clientId: undefined, seconds: undefined }
}

/** An operation holds the line of everybody it names, and each line costs the dispatcher a look at all the others. */
const HELD_PEOPLE = 100
const ID_TYPES: readonly unknown[] = [undefined, 'id', 'email', 'cio_id']

export interface SegmentCall {
  readonly segment: string
  /** The query's `id_type`, whatever it is. */
  readonly idType: unknown
  readonly text: string
}

/**
 * `POST /segments/{segment_id}/add_customers` and `/remove_customers`. Everybody named is held, so that nobody is added
 * before the identify that makes her known: Customer.io ignores ids of nobody. A call for more than 100 people becomes
 * several operations, which together say the same.
 */
export function readSegment(action: 'add' | 'remove', { segment, idType, text }: SegmentCall): Draft[] {
  const { ids } = parseObject(text)
  if (!ID_TYPES.includes(idType)) throw refuse('id_type', 'id_type must be id, email or cio_id')
  if (!Array.isArray(ids) || ids.length === 0)
    throw refuse('ids', 'ids must be an array with at least one id')
  if (ids.length > LIMITS.segmentIds)
    throw refuseByRule('segment_ids', 'ids', `ids cannot have more than ${LIMITS.segmentIds} entries`)
  const beside = { segment_id: segment, id_type: idType }
  const given = elements(memberMap(text).get('ids') ?? '[]')
  const drafts: Draft[] = []
  for (let at = 0; at < given.length; at += HELD_PEOPLE) {
    const texts = given.slice(at, at + HELD_PEOPLE)
    const body = given.length > HELD_PEOPLE ? `{"ids":[${texts.join(',')}]}` : text
    const draft = makeDraft(`segment.${action}`, `segment:${segment}`, { beside, text: body })
    drafts.push({ ...draft, others: texts.flatMap((id) => personIn(id, String(idType ?? 'id'))) })
  }
  return drafts
}

/** What is neither text nor number matches no type of id, and Customer.io ignores it. */
function personIn(text: string, idType: string): readonly string[] {
  const id: unknown = JSON.parse(text)
  if (typeof id !== 'string' && typeof id !== 'number') return []
  const key = personKey({ [idType]: exactText(id, text) })
  return key === undefined ? [] : [key]
}

/**
 * `POST /forms/{form_id}/submit`: an identify of whom the data names. Data that names nobody is taken as well, since a field
 * of the form may stand for the identifier in Customer.io's own settings. Values are texts, but for the number of an id, as
 * Customer.io's own example has it.
 */
export function readForm(form: string, text: string): Draft {
  const { data } = parseObject(text)
  if (!isObject(data)) throw refuse('data', 'data must be an object')
  const { id, email, ...fields } = data
  if (isPresent(id) && isPresent(email)) throw refuse('data', 'data must have only one of id and email')
  for (const [name, value] of Object.entries({ ...fields, id: id ?? '', email: email ?? '' }))
    if (typeof value !== 'string' && !(name === 'id' && typeof value === 'number'))
      throw refuse(`data.${name}`, 'all values in data must be strings')
  const given = memberMap(memberMap(text).get('data') ?? '{}')
  const person = personKey(isPresent(id) ? { id: exactText(id, given.get('id')) } : { email })
  return makeDraft('form.submit', person ?? `form:${form}`, { beside: { form_id: form }, text })
}

/** `POST /metrics`, with a `metric`, and the older `POST /push/events`, with an `event`. */
export function readReport(type: 'metric' | 'push', text: string): Draft {
  return reportOf(parseObject(text), {
    kind: `${type}.report`,
    name: type === 'metric' ? 'metric' : 'event',
    text,
  })
}

/** `POST /cio_deliveries/events`: undocumented; older clients of in-app messages wrap the report into a `payload`. */
export function readInAppReport(text: string): Draft {
  const { payload } = parseObject(text)
  if (!isObject(payload)) throw refuse('payload', 'payload must be an object')
  return reportOf(payload, { kind: 'in_app.report', name: 'event', text })
}

function reportOf(
  report: JsonObject,
  { kind, name, text }: { kind: Kind; name: string; text: string },
): Draft {
  const { delivery_id: delivery, timestamp } = report
  if (typeof delivery !== 'string' || delivery === '') throw refuse('delivery_id', 'delivery_id is required')
  if (typeof report[name] !== 'string' || report[name] === '') throw refuse(name, `${name} is required`)
  const draft = makeDraft(kind, `delivery:${delivery}`, { beside: {}, text })
  return { ...draft, seconds: isPresent(timestamp) ? plainNumber(timestamp) : undefined }
}

/** `POST /unsubscribe/{delivery_id}`. */
export function readUnsubscribe(delivery: string, text: string): Draft {
  parseObject(text)
  return makeDraft('unsubscribe.report', `delivery:${delivery}`, { beside: { delivery_id: delivery }, text })
}
