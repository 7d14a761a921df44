/** One batch, one call: send it, and say what the answer means. */
import type { Clock } from '../core/clock.ts'
import type { Attempt, Refusal } from '../core/outcome.ts'
import type { Remote } from '../customerio/http.ts'
import { judge, type Verdict } from '../customerio/outcome.ts'
import { batchCall, singleCall } from '../customerio/track.ts'
import type { Batch } from './batch.ts'
import type { Op } from './op.ts'
import type { Result } from './pace.ts'
import { textsOf } from './run.ts'

export interface Delivered {
  readonly endpoint: string
  readonly verdict: Verdict
  readonly attempt: Attempt
}

export async function deliver(batch: Batch, remote: Remote, clock: Clock): Promise<Delivered> {
  const { endpoint, at, replied } = send(batch, remote, clock)
  const reply = await replied
  const verdict = judge(reply, clock.now(), endpoint)
  const attempt = { at, ms: Math.round(reply.ms), status: reply.status, ...wordsOf(verdict) }
  return { endpoint, verdict, attempt }
}

/** Not async: the text of the call would be kept until it is answered. */
function send(batch: Batch, remote: Remote, clock: Clock) {
  const call = callOf(batch)
  return { endpoint: call.endpoint, at: clock.now(), replied: remote.send(call) }
}

function callOf(batch: Batch) {
  const [op] = batch.runs[0]?.ops ?? []
  if (batch.form === 'single' && op) return singleCall(op.kind, op.value)
  return batchCall(textsOf(batch.runs))
}

function wordsOf(verdict: Verdict): Pick<Attempt, 'code' | 'detail'> {
  if (verdict.kind === 'ok' || verdict.kind === 'items') return { code: 'ok' }
  if (verdict.kind === 'refused')
    return { code: verdict.refusal.code, detail: verdict.refusal.message ?? verdict.refusal.reason }
  if (verdict.kind === 'unclear') return { code: 'upstream_unintelligible', detail: verdict.detail }
  return { code: verdict.code, detail: verdict.detail }
}

/** What pace learns from a call. */
export function resultOf(verdict: Verdict, ms: number): Result {
  if (verdict.kind === 'ok' || verdict.kind === 'items') return { kind: 'ok', ms }
  if (verdict.kind === 'stop') return { kind: 'stopped', ms }
  if (verdict.kind !== 'later') return { kind: 'answered', ms }
  return { kind: verdict.throttled ? 'throttled' : 'failed', ms, retryAfterMs: verdict.retryAfterMs }
}

/** Of an item that a 207 refused, the attempt did not end well, whatever the status of the call. */
export function noteRefusal(op: Op, { code, reason, message }: Refusal): void {
  const last = op.attempts.at(-1)
  if (last?.code !== 'ok') return
  op.attempts = [...op.attempts.slice(0, -1), { ...last, code, detail: message ?? reason }]
}

/** The first attempts tell how it began, the last ones how it stands; an outage of days makes thousands between. */
const KEPT_FIRST = 5
const KEPT_LAST = 20

/** Adds an attempt to all operations of a call. The common first attempt is one array, shared by them all. */
export function noteAttempt(ops: readonly Op[], attempt: Attempt): void {
  const only = [attempt]
  for (const op of ops) {
    const { attempts } = op
    if (attempts.length === 0) op.attempts = only
    else if (attempts.length < KEPT_FIRST + KEPT_LAST) op.attempts = [...attempts, attempt]
    else op.attempts = [...attempts.slice(0, KEPT_FIRST), ...attempts.slice(KEPT_FIRST + 1), attempt]
  }
}
