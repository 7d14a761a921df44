import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { type FaultRule, Faults, readRule, seededRandom } from './faults.ts'

/** A clock that stands still until it is moved. */
function stillClock(): Clock & { move(ms: number): void } {
  let at = 0
  const move = (ms: number) => {
    at += ms
  }
  return { now: () => at, mono: () => at, sleep: async () => {}, move }
}

function faultsOf(rules: readonly FaultRule[], clock: Clock = stillClock(), seed = 1): Faults {
  const faults = new Faults(clock, seededRandom(seed))
  for (const rule of rules) faults.add(rule)
  return faults
}

const kindsOf = (faults: Faults, count: number): (string | undefined)[] =>
  Array.from({ length: count }, () => faults.judge('/api/v2/batch').rule?.kind)

const FOUR: readonly FaultRule[] = [
  { kind: 'rate_limit', percent: 30 },
  { kind: 'status', status: 500, percent: 30 },
  { kind: 'cut', percent: 15 },
  { kind: 'reset', percent: 10 },
]

test('percents of several rules lie side by side: 30, 30, 15 and 10 leave 15 clean', () => {
  const met = kindsOf(faultsOf(FOUR), 20_000)
  const shareOf = (kind: string | undefined) =>
    (met.filter((each) => each === kind).length / met.length) * 100
  for (const [kind, percent] of [
    ['rate_limit', 30],
    ['status', 30],
    ['cut', 15],
    ['reset', 10],
    [undefined, 15],
  ] as const)
    assert.ok(Math.abs(shareOf(kind) - percent) < 1.5, `${kind}: ${shareOf(kind)} %`)
})

test('the same seed gives the same faults, another gives others', () => {
  const faults = faultsOf(FOUR)
  const runs = [7, 7, 8].map((seed) => {
    faults.seed(seed)
    return kindsOf(faults, 50)
  })
  assert.deepEqual(runs[0], runs[1])
  assert.notDeepEqual(runs[0], runs[2])
})

test('a rule without a percent meets every request, one with 0 meets none', () => {
  assert.deepEqual(kindsOf(faultsOf([{ kind: 'cut' }]), 3), ['cut', 'cut', 'cut'])
  assert.deepEqual(kindsOf(faultsOf([{ kind: 'cut', percent: 0 }]), 1), [undefined])
})

test('a rule holds for its path and for its time', () => {
  const clock = stillClock()
  const faults = faultsOf([{ kind: 'outage', path: '/api/v2', forMs: 1000 }], clock)
  assert.equal(faults.judge('/api/v1/events').rule, undefined)
  clock.move(999)
  assert.equal(faults.judge('/api/v2/batch').rule?.kind, 'outage')
  clock.move(1)
  assert.equal(faults.judge('/api/v2/batch').rule, undefined)
  assert.deepEqual(faults.list(), [])
})

test('a rate limit lets its requests a second pass and no more', () => {
  const clock = stillClock()
  const faults = faultsOf([{ kind: 'rate_limit', rps: 10, retryAfter: 1 }], clock)
  const passed = () => kindsOf(faults, 30).filter((kind) => kind === undefined).length
  assert.equal(passed(), 10)
  clock.move(500)
  assert.equal(passed(), 5)
  clock.move(60_000)
  assert.equal(passed(), 10)
})

test('a rate below one a second still lets one pass in its time', () => {
  const clock = stillClock()
  const faults = faultsOf([{ kind: 'rate_limit', rps: 0.5 }], clock)
  assert.deepEqual(kindsOf(faults, 2), [undefined, 'rate_limit'])
  clock.move(2000)
  assert.deepEqual(kindsOf(faults, 2), [undefined, 'rate_limit'])
})

test('latency comes on top of another fault, within its jitter', () => {
  const faults = faultsOf([{ kind: 'latency', ms: 400, jitter: 200 }, { kind: 'cut' }])
  const delays = Array.from({ length: 500 }, () => faults.judge('/'))
  assert.ok(delays.every(({ delayMs, rule }) => delayMs >= 200 && delayMs <= 600 && rule?.kind === 'cut'))
  assert.ok(Math.max(...delays.map(({ delayMs }) => delayMs)) > 550)
  assert.ok(Math.min(...delays.map(({ delayMs }) => delayMs)) < 250)
})

test('a rule is taken away by its id', () => {
  const faults = faultsOf([{ kind: 'cut' }, { kind: 'reset' }])
  assert.equal(faults.remove(1), true)
  assert.equal(faults.remove(1), false)
  assert.deepEqual(kindsOf(faults, 1), ['reset'])
})

test('a rule that is not right is refused by name', () => {
  for (const [rule, word] of [
    [{ kind: 'flood' }, 'kind'],
    [{ kind: 'status', percent: 101 }, 'percent of a fault rule must be a number from 0 to 100'],
    [{ kind: 'redirect', to: 'nowhere' }, 'to of a fault rule must be an origin'],
    [{ kind: 'status', status: '503' }, 'status'],
    [{ kind: 'latency', ms: -1 }, 'ms'],
    [{ kind: 'cut', percentage: 5 }, 'percentage'],
    [[], 'object'],
  ] as const)
    assert.throws(
      () => readRule(rule),
      (thrown) =>
        thrown instanceof SluiceError && thrown.code === 'bad_request' && thrown.message.includes(word),
    )
  assert.deepEqual(readRule({ kind: 'outage', status: null }), { kind: 'outage', status: null })
})
