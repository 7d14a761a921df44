import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import type { SluiceError } from '../core/errors.ts'
import type { Call, Reply } from './http.ts'
import { jitterMs, type RetryPolicy, sendUntilTaken } from './retry.ts'
import { Slots } from './slots.ts'

const CALL: Call = { endpoint: 'identify', method: 'PUT', path: '/', body: '{}' }
const POLICY: RetryPolicy = { attempts: 5, deadlineMs: 30_000, timeoutMs: 10_000 }

const answer = (status: number, body = '{}', retryAfter?: string): Reply => ({
  status,
  body,
  retryAfter,
  location: undefined,
  ms: 1,
})
const cut: Reply = { status: null, detail: 'UND_ERR_SOCKET: other side closed', ms: 1 }

/** A remote that answers from a list, under a clock that only sleeping, answering and another's slot (`heldMs`) move. */
function play(replies: readonly Reply[], { policy = POLICY, answerMs = 0, heldMs = 0 } = {}) {
  const [calls, slept]: [Call[], number[]] = [[], []]
  let now = 0
  const clock: Clock = {
    now: () => now,
    mono: () => now,
    sleep: async (ms) => {
      slept.push(ms)
      now += ms
    },
  }
  const send = async (call: Call): Promise<Reply> => {
    calls.push(call)
    now += Math.min(answerMs, call.timeoutMs ?? 0)
    return replies[Math.min(calls.length, replies.length) - 1] ?? cut
  }
  const remote = { send, [Symbol.asyncDispose]: async () => {} }
  const slots = new Slots(1)
  void slots.use(async () => {
    await Promise.resolve()
    now += heldMs
  })
  const sender = { remote, slots, clock, random: () => 0.5, policy }
  return { calls, slept, now: () => now, result: sendUntilTaken(CALL, sender) }
}

test('5xx, 429 and a cut connection are repeated with full jitter until the call is taken', async () => {
  const { calls, slept, result } = play([answer(500), answer(429), cut, answer(200)])
  assert.deepEqual(await result, { status: 200, attempts: 4, errors: [], sluiceId: undefined })
  assert.deepEqual(slept, [200, 400, 800])
  assert.deepEqual(new Set(calls.map(({ body }) => body)), new Set(['{}']))
})

test('the jitter lies between nothing and the cap, which doubles up to 5 s', () => {
  assert.deepEqual(
    [1, 2, 5, 9, 60].map((attempts) => jitterMs(attempts, () => 1)),
    [400, 800, 5000, 5000, 5000],
  )
  assert.equal(
    jitterMs(3, () => 0),
    0,
  )
})

test('a Retry-After is waited out, with the jitter on top', async () => {
  const { slept, result } = play([answer(429, '{}', '3'), answer(503, '{}', '1'), answer(200)])
  await result
  assert.deepEqual(slept, [3200, 1400])
})

test('a Retry-After beyond the deadline ends the call at once, and the error says for how long', async () => {
  const { slept, result } = play([answer(429, '{"meta":{"error":"slow down"}}', '60')])
  await assert.rejects(result, (error: SluiceError) => {
    assert.equal(error.code, 'upstream_rate_limited')
    assert.match(error.message, /slow down/)
    assert.deepEqual({ ...error.details }, { status: 429, attempts: 1, retryAfterMs: 60_000 })
    return true
  })
  assert.deepEqual(slept, [])
})

for (const [status, code] of [
  [400, 'upstream_rejected'],
  [404, 'upstream_rejected'],
  [401, 'upstream_unauthorized'],
  [403, 'upstream_unauthorized'],
  [301, 'upstream_redirected'],
] as const)
  test(`a ${status} is never repeated`, async () => {
    const { calls, result } = play([answer(status, '{"meta":{"errors":["no such thing"]}}')])
    await assert.rejects(result, { code })
    assert.equal(calls.length, 1)
  })

test('attempts are bounded', async () => {
  const { calls, result } = play([answer(500)])
  await assert.rejects(result, { code: 'upstream_unavailable' })
  assert.equal(calls.length, 5)
})

test('the deadline bounds attempts that hang, and the last of them gets only what is left', async () => {
  const { calls, now, result } = play([cut], { answerMs: 60_000, policy: { ...POLICY, attempts: 99 } })
  await assert.rejects(result, { code: 'upstream_unreachable' })
  assert.equal(now() <= POLICY.deadlineMs, true, `${now()} ms`)
  assert.deepEqual(
    calls.map(({ timeoutMs }) => timeoutMs),
    [10_000, 10_000, 9400],
  )
})

test('a call that waits in line beyond its deadline is not sent', async () => {
  const { calls, result } = play([answer(200)], { heldMs: 30_000 })
  await assert.rejects(result, { code: 'timed_out', message: /nothing was sent/ })
  assert.equal(calls.length, 0)
  assert.equal((await play([answer(200)], { heldMs: 29_999 }).result).attempts, 1)
})

test('a 207 is taken, with its errors; one that names no items is no answer', async () => {
  const error = { batch_index: 1, reason: 'invalid', message: 'm' }
  const taken = await play([answer(207, JSON.stringify({ errors: [error] }))]).result
  assert.deepEqual([taken.status, taken.errors], [207, [error]])
  await assert.rejects(play([answer(207, '{}')]).result, { code: 'upstream_unintelligible' })
})

test('slots: no more work at once than slots, in the order in which it came, also after a failure', async () => {
  const slots = new Slots(2)
  const [order, gates]: [number[], (() => void)[]] = [[], []]
  let most = 0
  let now = 0
  const work = (n: number) =>
    slots.use(async () => {
      order.push(n)
      now += 1
      most = Math.max(most, now)
      await new Promise<void>((resolve) => gates.push(resolve))
      now -= 1
      if (n === 1) throw new Error('one')
    })
  const all = Promise.allSettled([0, 1, 2, 3, 4].map(work))
  for (let n = 0; n < 5; n += 1) {
    gates[n]?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await all
  assert.deepEqual([order, most], [[0, 1, 2, 3, 4], 2])
})
