/** What a fault says to the caller, in the form of the API that was called. */
import { type Answer, appError, itemErrors, trackError, trackRedirect } from './answers.ts'
import type { FaultRule } from './faults.ts'

/** The answer in place of the route's own; `reset` for none at all; undefined when the route is to answer. */
export function faultAnswer(rule: FaultRule, path: string): Answer | 'reset' | undefined {
  switch (rule.kind) {
    case 'reset':
      return 'reset'
    case 'outage':
      return rule.status === null ? 'reset' : failure(rule, rule.status ?? 503, path)
    case 'rate_limit':
      return failure(rule, 429, path)
    case 'status':
      return failure(rule, rule.status ?? 503, path)
    case 'redirect':
      return trackRedirect(rule.status ?? 301, `${rule.to}${path}`)
    case 'cut':
    case 'latency':
      return undefined
  }
}

function failure({ body, retryAfter, rps }: FaultRule, status: number, path: string): Answer {
  const words = status === 429 ? `rate limited to ${rps ?? 1000} requests per 1s` : 'emulated fault'
  const answer = body === undefined ? inFormOf(path, status, words) : page(status, body)
  if (retryAfter === undefined || retryAfter === null) return answer
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(retryAfter) } }
}

/** What the App API has below /v1 beside the Pipelines API; of its own, sends alone speak as Track does. */
const APP = /^\/v1\/(?!(api\/)?send\/|(identify|track|page|screen|group|alias|batch)([?]|$))/

function inFormOf(path: string, status: number, words: string): Answer {
  if (APP.test(path)) return appError(status, words)
  if (path.startsWith('/api/v2/')) return itemErrors(status, [{ reason: 'unavailable', message: words }])
  return trackError(status, words)
}

const page = (status: number, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body,
})
