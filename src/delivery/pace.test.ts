import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent } from '../core/notices.ts'
import { Breaker } from './breaker.ts'
import { Bucket } from './bucket.ts'
import { Pace } from './pace.ts'
import { Rate } from './rate.ts'
import { backoffMs, capMs, RetryBudget } from './retry.ts'

/** A small seeded generator (mulberry32), so that a run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }
}

const makePace = (seed = 1) =>
  new Pace({ ceiling: 1000, concurrency: 200, random: seeded(seed), notify: silent, now: 0 })

test('a bucket gives its rate, and 50 ms of it at once', () => {
  const bucket = new Bucket(100, 0)
  let taken = 0
  for (let now = 0; now < 10_000; now += 1) while (bucket.take(now) === 0) taken += 1
  assert.ok(taken >= 1000 && taken <= 1006, `${taken}`)
})

test('a 429 lowers the rate to 70 % once per window, and it comes back', () => {
  const rate = new Rate(() => 1000, 0)
  for (let now = 0; now < 20_000; now += 2) rate.accepted(now)
  const before = rate.perSecond(20_000)
  assert.equal(rate.throttled(20_000, 50), true)
  assert.equal(rate.throttled(20_100, 50), false)
  assert.ok(rate.perSecond(20_100) < before * 0.75)
  for (let now = 20_000; now < 40_000; now += 2) rate.accepted(now)
  assert.ok(rate.perSecond(40_000) >= before * 0.95)
})

test('thirty failures in a row open the breaker; it looks again after 1, 2, 4, 4 … seconds', () => {
  const breaker = new Breaker(() => 0)
  for (let i = 0; i < 29; i += 1) breaker.failed(0)
  assert.equal(breaker.state(0), 'closed')
  breaker.failed(0)
  assert.equal(breaker.allowance(999), 0)
  assert.equal(breaker.allowance(1_000), 1)
  let now = 1_000
  for (const seconds of [2, 4, 4]) {
    breaker.failed(now)
    assert.equal(breaker.waitMs(now), seconds * 1000)
    now += seconds * 1000
    assert.equal(breaker.state(now), 'half_open')
  }
  breaker.alive()
  assert.equal(breaker.allowance(now), 10)
  for (let i = 0; i < 9; i += 1) breaker.alive()
  assert.equal(breaker.state(now), 'closed')
})

test('refused credentials stop every call for a minute, then one is tried', () => {
  const pace = makePace()
  pace.departed(false)
  pace.returned({ kind: 'stopped', ms: 1 }, 0)
  assert.equal(pace.state(0).breaker, 'credentials')
  assert.ok(pace.leave(59_999) > 0)
  assert.equal(pace.leave(60_000), 0)
})

test('Retry-After holds every call back, whatever else would allow it', () => {
  const pace = makePace()
  pace.departed(false)
  pace.returned({ kind: 'throttled', ms: 1, retryAfterMs: 5_000 }, 0)
  assert.ok(pace.leave(4_999) > 0)
  assert.equal(pace.leave(5_501), 0)
})

test('a failed operation waits between nothing and its cap, which follows the remote', () => {
  assert.deepEqual([capMs(0), capMs(29_999), capMs(30_000), capMs(600_000)], [2_000, 2_000, 30_000, 300_000])
  assert.equal(
    backoffMs({ attempts: 1, sinceSuccessMs: 0 }, () => 1),
    400,
  )
  assert.equal(
    backoffMs({ attempts: 50, sinceSuccessMs: 0 }, () => 1),
    2_000,
  )
  assert.equal(
    backoffMs({ attempts: 50, sinceSuccessMs: 1e9 }, () => 0),
    0,
  )
})

test('retries are a tenth of first attempts, or five a second', () => {
  const budget = new RetryBudget(0)
  let retries = 0
  for (let now = 0; now < 10_000; now += 1) {
    if (budget.waitMs(now) === 0) {
      budget.spend(true)
      retries += 1
    }
  }
  assert.ok(retries <= 55, `${retries} in 10 s without other traffic`)
  for (let i = 0; i < 500; i += 1) budget.spend(false)
  let earned = 0
  while (budget.waitMs(10_000) === 0) {
    budget.spend(true)
    earned += 1
  }
  assert.ok(earned >= 50 && earned <= 56, `${earned} for 500 first attempts`)
})
