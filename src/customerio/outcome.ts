/** What an answer of Customer.io means, and whom it concerns. Pure: a reply in, a verdict out. */
import type { ErrorCode } from '../core/errors.ts'
import { isObject, parseJson } from '../core/json.ts'
import type { Refusal } from '../core/outcome.ts'
import type { Reply } from './http.ts'
import { parseRetryAfter } from './retry-after.ts'
import type { ItemError } from './wire.ts'

export type Verdict =
  /** Everything in the call was taken. */
  | { readonly kind: 'ok' }
  /** 207: these items were refused for good, the others taken. */
  | { readonly kind: 'items'; readonly errors: readonly ItemError[] }
  /** The call as a whole was refused for good; if it held several operations, one of them may be the cause. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** An answer that says nothing certain about single items: send them again one by one. */
  | { readonly kind: 'unclear'; readonly detail: string }
  /** Not now. `throttled`: we were too fast. */
  | {
      readonly kind: 'later'
      readonly code: ErrorCode
      readonly throttled: boolean
      readonly retryAfterMs: number | undefined
      readonly detail: string
    }
  /** Nothing can be delivered until somebody corrects the configuration. */
  | { readonly kind: 'stop'; readonly code: ErrorCode; readonly detail: string }

/** 408 and 425 ask for a repeat; every other 4xx but 401, 403 and 429 is an answer for good. */
const REPEATABLE_4XX = new Set([408, 425])

/**
 * The paths of Track v2 name nothing that could be missing: what is not there, or not for a POST, is the API itself. Were that
 * an answer for good, a wrong address or a proxy between two of its own deploys would make dead letters of the whole backlog.
 */
const isElsewhere = (status: number, endpoint: string | undefined): boolean =>
  (status === 404 || status === 405) && (endpoint === 'batch' || endpoint === 'entity')

/** `endpoint`: of the call, where whoever asks may wait until the API is there. */
export function judge(reply: Reply, now: number, endpoint?: string): Verdict {
  if (reply.status === null) return later('upstream_unreachable', reply.detail)
  const { status, body } = reply
  if (status === 207) return judgeItems(body)
  if (status >= 200 && status < 300) return judgeSuccess(body)
  if (status === 401 || status === 403)
    return { kind: 'stop', code: 'upstream_unauthorized', detail: explain(status, body) }
  if (status >= 300 && status < 400)
    return {
      kind: 'stop',
      code: 'upstream_redirected',
      detail: `${status} to ${reply.location ?? 'nowhere'}`,
    }
  const retryAfterMs = parseRetryAfter(reply.retryAfter, now)
  const detail = explain(status, body)
  if (status === 429)
    return { kind: 'later', code: 'upstream_rate_limited', throttled: true, retryAfterMs, detail }
  if (status >= 500 || REPEATABLE_4XX.has(status))
    return { kind: 'later', code: 'upstream_unavailable', throttled: false, retryAfterMs, detail }
  if (isElsewhere(status, endpoint)) return later('upstream_unintelligible', detail)
  return { kind: 'refused', refusal: refusalOf(status, body) }
}

const later = (code: ErrorCode, detail: string): Verdict => ({
  kind: 'later',
  code,
  throttled: false,
  retryAfterMs: undefined,
  detail,
})

/** A 2xx of Customer.io is JSON or empty; a page of HTML comes from something in between and proves nothing. */
function judgeSuccess(body: string): Verdict {
  const text = body.trim()
  if (text === '' || parseJson(text) !== undefined) return { kind: 'ok' }
  return later('upstream_unintelligible', `2xx with a body that is not JSON: ${text.slice(0, 80)}`)
}

/** A 207 counts only if every error names an item: one that does not could be about any of them. */
function judgeItems(body: string): Verdict {
  const parsed = parseJson(body)
  const errors = isObject(parsed) && Array.isArray(parsed.errors) ? parsed.errors : []
  const items = errors.map(toItemError)
  if (items.length === 0 || items.includes(undefined))
    return { kind: 'unclear', detail: `207 that names no items: ${body.slice(0, 200)}` }
  return { kind: 'items', errors: items.filter((item) => item !== undefined) }
}

function toItemError(error: unknown): ItemError | undefined {
  if (!isObject(error)) return undefined
  const { batch_index, reason, field, message } = error
  if (typeof batch_index !== 'number' || !Number.isInteger(batch_index) || batch_index < 0) return undefined
  return {
    batch_index,
    reason: typeof reason === 'string' ? reason : 'invalid',
    ...(typeof field === 'string' ? { field } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  }
}

/** Why an item of a 207 was refused, in our terms. */
export const itemRefusal = ({ reason, field, message }: ItemError): Refusal => ({
  code: 'upstream_rejected',
  reason,
  ...(field === undefined ? {} : { field }),
  ...(message === undefined ? {} : { message }),
})

/** Customer.io's words, in whichever of its envelopes they came: `errors[]` of items or of details, `meta.errors[]`, `meta.error`. */
export function refusalOf(status: number, body: string): Refusal {
  const parsed = parseJson(body)
  const envelope = isObject(parsed) ? parsed : {}
  const [first] = Array.isArray(envelope.errors) ? envelope.errors : []
  const detail: unknown = isObject(first) ? first.detail : undefined
  const item = isObject(first) && detail === undefined && toItemError({ ...first, batch_index: 0 })
  if (item) return itemRefusal(item)
  const words = detail ?? wordsIn(envelope.meta)
  const message = typeof words === 'string' && words !== '' ? words : body.slice(0, 500)
  return { code: 'upstream_rejected', reason: `http_${status}`, message }
}

const wordsIn = (meta: unknown): unknown =>
  isObject(meta) && (Array.isArray(meta.errors) ? meta.errors.map(String).join('; ') : meta.error)

function explain(status: number, body: string): string {
  const { message } = refusalOf(status, body)
  return message ? `${status} ${message.slice(0, 200)}` : String(status)
}
