/**
 * The direct client's own retries: bounded by attempts and by a deadline, since nothing is on disk and a caller waits.
 * (The gateway's are another thing: delivery/retry.ts has no limit of attempts.)
 *
 * Full jitter (AWS): anything between 0 and min(5 s, 200 ms · 2^attempts). A Retry-After is waited out in full and the
 * jitter comes on top, so that the callers who were told the same do not all come back at the same moment.
 */
import type { Clock, Random } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Call, Remote, Reply } from './http.ts'
import { judge, type Verdict } from './outcome.ts'
import type { Slots } from './slots.ts'
import type { ItemError } from './wire.ts'

export interface RetryPolicy {
  /** The most attempts, the first included. */
  readonly attempts: number
  /** For the call in all, waits included, in milliseconds. */
  readonly deadlineMs: number
  /** For the answer to one attempt, in milliseconds. */
  readonly timeoutMs: number
}

export interface Sender {
  readonly remote: Remote
  readonly slots: Slots
  readonly clock: Clock
  readonly random: Random
  readonly policy: RetryPolicy
}

/** The call was taken. */
export interface Taken {
  readonly status: number
  readonly attempts: number
  /** Of a 207: the items that were refused. */
  readonly errors: readonly ItemError[]
  /** By a gateway: the ids of the operations. */
  readonly sluiceId: string | undefined
}

const BASE_MS = 200
const CAP_MS = 5_000

/**
 * Sends until the call is taken. Throws the error that the last answer means: `upstream_rejected`,
 * `upstream_unauthorized` and `upstream_redirected` at the first attempt, the others when attempts or time are used up;
 * `timed_out` when no slot came free in time and nothing was sent. A waiting retry holds no slot. The deadline is looked
 * at when a slot comes free, so that a call which waits in line may end later than that, by one time-out at most.
 */
export async function sendUntilTaken(call: Call, sender: Sender): Promise<Taken> {
  const { remote, slots, clock, random, policy } = sender
  const deadline = clock.mono() + policy.deadlineMs
  let error = neverSent(policy)
  for (let attempts = 1; attempts <= policy.attempts; attempts += 1) {
    const reply = await slots.use(async () => {
      const leftMs = Math.ceil(deadline - clock.mono())
      return leftMs > 0 ? remote.send({ ...call, timeoutMs: Math.min(policy.timeoutMs, leftMs) }) : undefined
    })
    if (reply === undefined) break
    const verdict = judge(reply, clock.now())
    if (reply.status !== null && (verdict.kind === 'ok' || verdict.kind === 'items'))
      return takenOf(reply, verdict, attempts)
    error = failureOf(verdict, reply, attempts)
    if (verdict.kind !== 'later') break
    const waitMs = (verdict.retryAfterMs ?? 0) + jitterMs(attempts, random)
    if (attempts === policy.attempts || clock.mono() + waitMs >= deadline) break
    await clock.sleep(waitMs)
  }
  throw error
}

const neverSent = ({ deadlineMs }: RetryPolicy): SluiceError =>
  new SluiceError('timed_out', `No connection came free within ${deadlineMs} ms; nothing was sent.`, {
    details: { deadlineMs },
    hint: 'Make fewer calls at once, put them into a batch, or raise connections or deadlineMs.',
  })

export const jitterMs = (attempts: number, random: Random): number =>
  random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempts, 20))

function takenOf(reply: Reply & { status: number }, verdict: Verdict, attempts: number): Taken {
  const errors = verdict.kind === 'items' ? verdict.errors : []
  return { status: reply.status, attempts, errors, sluiceId: reply.sluiceId }
}

const REPEAT_HINT = 'The call may be made again; an event under the same id takes effect once.'
const HINTS: Readonly<Record<string, string>> = {
  upstream_rejected: 'The reason is that of Customer.io. Correct the call.',
  upstream_unauthorized: 'Check siteId, apiKey and region; behind a gateway they are those of its source.',
  upstream_redirected: 'Set region to that of the workspace (us or eu).',
}

function failureOf(verdict: Verdict, { status }: Reply, attempts: number): SluiceError {
  const { code, text, more } = reasonOf(verdict)
  const details = { ...more, attempts, ...(status === null ? {} : { status }) }
  return new SluiceError(code, text, { details, hint: HINTS[code] ?? REPEAT_HINT })
}

function reasonOf(verdict: Verdict) {
  if (verdict.kind === 'refused') {
    const { reason, field, message } = verdict.refusal
    const more = { reason, ...(field === undefined ? {} : { field }) }
    return { code: 'upstream_rejected', text: `Refused: ${message || reason}`, more } as const
  }
  const text = 'detail' in verdict ? `No success: ${verdict.detail}` : 'No success.'
  const code = 'code' in verdict ? verdict.code : 'upstream_unintelligible'
  const isHeld = verdict.kind === 'later' && verdict.retryAfterMs !== undefined
  return { code, text, more: isHeld ? { retryAfterMs: verdict.retryAfterMs } : {} } as const
}
