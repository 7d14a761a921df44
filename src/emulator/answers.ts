/** The forms in which Customer.io answers: one set of headers and error envelopes for the Track API, one for the App API. */
import { STATUS_CODES } from 'node:http'
import { SluiceError } from '../core/errors.ts'
import type { ItemError, ItemErrors, MetaError } from '../customerio/wire.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * As recorded from the live service in May 2026, without `alt-svc`: it would announce HTTP/3 on a port that is not there.
 */
const TRACK_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'access-control-allow-origin': '*',
  'cache-control': 'no-cache, no-store, must-revalidate, max-age=0',
  via: '1.1 google',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
}

const APP_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'access-control-allow-origin': 'https://fly.customer.io',
  'cache-control': 'must-revalidate,no-cache,no-store',
  pragma: 'no-cache',
  expires: '0',
  'x-frame-options': 'SAMEORIGIN',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1; mode=block',
  'referrer-policy': 'no-referrer-when-downgrade',
}

const track = (status: number, body: string): Answer => ({
  status,
  headers: { ...TRACK_HEADERS, status: `${status} ${STATUS_CODES[status] ?? ''}` },
  body,
})

export const trackOk = (): Answer => track(200, '{}\n')
export const trackJson = (status: number, value: unknown): Answer =>
  track(status, `${JSON.stringify(value)}\n`)
export const trackNoContent = (): Answer => track(204, '')

/** To the host of the other region, with nothing to read. */
export function trackRedirect(status: number, location: string): Answer {
  const { headers } = track(status, '')
  return { status, headers: { ...headers, location }, body: '' }
}

/** Track v1: a 400 of most routes. */
export const trackErrors = (...errors: string[]): Answer =>
  trackJson(400, { meta: { errors } } satisfies MetaError)

/** Track v1: a 400 of merge, and every 401. */
export const trackError = (status: number, error: string): Answer =>
  trackJson(status, { meta: { error } } satisfies MetaError)

/** Track v2: a 400 for a whole request, a 207 for some items of a batch. */
export const itemErrors = (status: number, errors: readonly ItemError[]): Answer =>
  trackJson(status, { errors } satisfies ItemErrors)

/** The App API; the body is JSON text already. */
export const appJson = (body: string): Answer => ({ status: 200, headers: APP_HEADERS, body })

export const appNoContent = (): Answer => ({ status: 204, headers: APP_HEADERS, body: '' })

interface AppErrorDetails {
  /** Of the error table, where Customer.io has no code of its own. */
  readonly code?: string
  /** The part of the body at fault, as a JSON pointer. */
  readonly pointer?: string
}

/** The App API: its envelope gives the status as a string. */
export function appError(status: number, detail: string, { code, pointer }: AppErrorDetails = {}): Answer {
  const source = pointer === undefined ? undefined : { pointer }
  return appAnswer(status, { errors: [{ detail, status: String(status), code, source }] })
}

const appAnswer = (status: number, body: object): Answer => ({
  status,
  headers: APP_HEADERS,
  body: JSON.stringify(body),
})

/** Beyond the limit of the App API, with the least wait that its header can name. */
export function appTooMany(perSecond: number): Answer {
  const answer = appError(429, `rate limited to ${perSecond} requests per 1s`)
  return { ...answer, headers: { ...answer.headers, 'retry-after': '1' } }
}

export const appUnsupported = (detail: string): Answer => appError(501, detail, { code: 'not_emulated' })

/** Transactional sends answer in the envelope of the Track API. */
export const sendError = (status: number, error: string): Answer =>
  appAnswer(status, { meta: { error } } satisfies MetaError)

/** The emulator's own answers, where Customer.io has none to imitate. */
export const json = (body: string, status = 200): Answer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body,
})

export const csv = (body: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/csv; charset=utf-8' },
  body,
})

export function problem(status: number, code: string, detail: string, hint?: string): Answer {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail, code, hint }
  return { status, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(body) }
}

/** What the emulator does not do, it says, to a client of the App API in words that it can read. */
export function notEmulated(method: string, path: string): Answer {
  const error = new SluiceError('not_emulated', `${method} ${path} is not emulated.`)
  return path.startsWith('/v1/') ? appUnsupported(error.message) : refusal(error)
}

/** An error of the table, as `application/problem+json`. */
export const refusal = ({ row, code, message, hint }: SluiceError): Answer =>
  problem(row.status, code, message, hint)
