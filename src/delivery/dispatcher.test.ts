import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../core/limits.ts'
import type { Received } from '../core/record.ts'
import type { Batch } from './batch.ts'
import { Dispatcher } from './dispatcher.ts'
import { keysOf, makeOp, type Op } from './op.ts'
import { textsOf } from './run.ts'
import { split } from './split.ts'

let offset = 0

function op(key: string, kind = 'person.event', more: Partial<Received> = {}): Op {
  offset += 1
  const value = `{"type":"person","identifiers":{"id":"${key}"},"action":"${kind.split('.')[1]}","timestamp":1,"attributes":{"n":${offset}}}`
  const place = { topic: 'customerio.events', lane: 0, offset, epoch: 1 }
  return makeOp({ id: `op-${offset}`, key, kind, at: 0, headers: {}, value, ...place, ...more })
}

const opsOf = (batch: Batch | undefined): Op[] => batch?.runs.flatMap((run) => [...run.ops]) ?? []
const ids = (ops: readonly Op[]) => ops.map(({ id }) => id)

function given(...ops: Op[]): Dispatcher {
  const dispatcher = new Dispatcher()
  dispatcher.add(ops)
  return dispatcher
}

/** All that had ended is settled. */
function take(dispatcher: Dispatcher): Batch | undefined {
  dispatcher.letThrough(dispatcher.takeHeldBack())
  return dispatcher.take(true)
}

test('adjacent events of a person travel together, in order, beside those of others', () => {
  const [a1, b1, a2] = [op('a'), op('b'), op('a')]
  const batch = given(a1, b1, a2).take(true)
  assert.deepEqual(ids(opsOf(batch)), ids([a1, a2, b1]))
  assert.equal(batch?.items, 3)
})

test('adjacent identifies of a person become one item', () => {
  const batch = given(op('a', 'person.identify'), op('a', 'person.identify')).take(true)
  assert.equal(batch?.items, 1)
  assert.equal(opsOf(batch).length, 2)
})

test('a run ends where the class changes, and the next waits until it is resolved', () => {
  const ops = [op('a', 'person.identify'), op('a'), op('a', 'person.delete'), op('a', 'person.identify')]
  const dispatcher = given(...ops)
  for (const expected of ops) {
    const batch = take(dispatcher)
    assert.deepEqual(opsOf(batch), [expected])
    assert.equal(take(dispatcher), undefined)
    dispatcher.release(opsOf(batch))
  }
  assert.equal(dispatcher.held, 0)
  assert.equal(dispatcher.bytes, 0)
})

test('a merge waits for both people and holds both', () => {
  const merge = op('a', 'person.merge', { headers: { 'also-keys': '["b"]' } })
  const [b1, a2, b2] = [op('b'), op('a'), op('b')]
  const dispatcher = given(b1, merge, a2, b2)
  const first = dispatcher.take(true)
  assert.deepEqual(opsOf(first), [b1])
  assert.equal(dispatcher.take(true), undefined)
  dispatcher.release([b1])
  assert.deepEqual(opsOf(take(dispatcher)), [merge])
  assert.equal(take(dispatcher), undefined)
  dispatcher.release([merge])
  assert.deepEqual(new Set(opsOf(dispatcher.take(true))), new Set([a2, b2]))
})

test('a barrier is held back until it is let through, once, however often it has to be tried', () => {
  const merge = op('a', 'person.merge', { headers: { 'also-keys': '["z"]' } })
  const other = op('b')
  const dispatcher = given(merge, other)
  assert.deepEqual(opsOf(dispatcher.take(true)), [other])
  const [heldBack, none] = [dispatcher.takeHeldBack(), dispatcher.takeHeldBack()]
  assert.deepEqual([heldBack.length, none.length, dispatcher.ready(true)], [1, 0, false])
  dispatcher.letThrough(heldBack)
  const batch = dispatcher.take(true)
  assert.deepEqual(opsOf(batch), [merge])
  dispatcher.giveBack(opsOf(batch), 1)
  dispatcher.unpark(1)
  assert.deepEqual(opsOf(dispatcher.take(true)), [merge])
})

test('of a lane that goes while its barrier is held back, nothing is left, and what comes next is held back anew', () => {
  const dispatcher = given(op('a', 'person.delete'))
  const heldBack = dispatcher.takeHeldBack()
  dispatcher.forget(() => true)
  const next = op('a', 'person.suppress')
  dispatcher.add([next])
  dispatcher.letThrough(heldBack)
  assert.deepEqual(opsOf(dispatcher.take(true)), [])
  assert.deepEqual(opsOf(take(dispatcher)), [next])
})

test('what was given back goes first, not before its time, and only when retries are allowed', () => {
  const [a1, a2] = [op('a'), op('a', 'person.identify')]
  const dispatcher = given(a1, a2)
  const batch = dispatcher.take(true)
  a1.attempts = [{ at: 0, ms: 1, status: 500, code: 'upstream_unavailable' }]
  dispatcher.giveBack(opsOf(batch), 100)
  assert.equal(dispatcher.unpark(99), 100)
  assert.equal(dispatcher.take(true), undefined)
  dispatcher.unpark(100)
  assert.equal(dispatcher.take(false), undefined)
  assert.deepEqual(opsOf(dispatcher.take(true)), [a1])
})

test('a batch holds at most 1000 items and 500 KB', () => {
  const dispatcher = given(...Array.from({ length: 1500 }, (_, i) => op(`k${i}`)))
  assert.equal(dispatcher.take(true)?.items, LIMITS.batchItems)
  const value = `"${'x'.repeat(30_000)}"`
  const batch = given(...Array.from({ length: 20 }, (_, i) => op(`k${i}`, 'person.event', { value }))).take(
    true,
  )
  const bytes = Buffer.byteLength(`{"batch":[${textsOf(batch?.runs ?? []).join(',')}]}`)
  assert.equal(batch?.items, 16)
  assert.ok(bytes <= LIMITS.batchBytes, `${bytes}`)
})

test('one person never fills a batch: a tenth of it, and the others travel beside her', () => {
  const hot = Array.from({ length: 5000 }, () => op('hot'))
  const dispatcher = given(...hot, op('cold'))
  const batch = dispatcher.take(true)
  assert.equal(batch?.items, 101)
})

test('what v2 has no form for travels alone', () => {
  const anonymous = op('anonymous_id:x', 'anonymous.event')
  const large = op('big', 'person.event', { value: `"${'x'.repeat(40_000)}"` })
  const dispatcher = given(anonymous, op('a'), large)
  const forms = [dispatcher.take(true), dispatcher.take(true), dispatcher.take(true)]
  assert.deepEqual(forms.map((batch) => batch?.form).sort(), ['batch', 'single', 'single'])
})

test('a refused batch is halved until the culprit is alone, in at most 2·log2(n) + 2 calls', () => {
  const ops = Array.from({ length: 500 }, (_, i) => op(`k${i}`))
  const bad = ops[321]
  const dispatcher = given(...ops)
  const refusal = { code: 'upstream_rejected', reason: 'bad' }
  const dead: Op[] = []
  let calls = 0
  for (let batch = dispatcher.take(true); batch; batch = dispatcher.take(true)) {
    calls += 1
    const isBad = bad !== undefined && opsOf(batch).includes(bad)
    const { ended, again } = split(batch, isBad ? { kind: 'refused', refusal } : { kind: 'ok' })
    for (const end of ended) if (end.outcome === 'dead') dead.push(end.op)
    dispatcher.release(ended.map((end) => end.op))
    for (const run of again) dispatcher.giveBack(run, 0)
    dispatcher.unpark(0)
  }
  assert.deepEqual(dead, [bad])
  assert.equal(dispatcher.held, 0)
  assert.ok(calls <= 2 * Math.log2(500) + 2, `${calls} calls`)
})

test('lanes that were taken away leave nothing queued', () => {
  const [mine, theirs] = [op('a'), op('b', 'person.event', { lane: 3 })]
  const dispatcher = given(mine, theirs)
  assert.deepEqual([...dispatcher.forget(({ lane }) => lane === 3)], [theirs])
  assert.deepEqual(opsOf(dispatcher.take(true)), [mine])
  assert.equal(dispatcher.held, 1)
})

/** Random traffic, random answers: every operation ends once, and those of one key end in the order in which they came. */
test('order per key holds and nothing is lost, whatever is refused, fails or comes back late', () => {
  const kinds = [
    'person.event',
    'person.identify',
    'person.delete',
    'person.merge',
    'person.add_device',
    'anonymous.event',
  ]
  const arrival = fc.record({
    key: fc.integer({ min: 0, max: 4 }),
    also: fc.integer({ min: 0, max: 4 }),
    kind: fc.constantFrom(...kinds),
  })
  const answer = fc.constantFrom('ok', 'later', 'refused', 'items', 'unclear')
  fc.assert(
    fc.property(
      fc.array(arrival, { minLength: 10, maxLength: 80, size: 'max' }),
      fc.infiniteStream(answer),
      fc.infiniteStream(fc.nat(3)),
      (arrivals, answers, picks) => {
        const dispatcher = new Dispatcher()
        const ops = arrivals.map(({ key, also, kind }) =>
          op(
            `k${key}`,
            kind,
            kind === 'person.merge' ? { headers: { 'also-keys': JSON.stringify([`k${also}`]) } } : {},
          ),
        )
        const endedAt = new Map<Op, number>()
        const flying: Batch[] = []
        let turn = 0
        const queue = [...ops]
        while (queue.length > 0 || dispatcher.held > 0) {
          turn += 1
          assert.ok(turn < 5_000, 'it comes to an end')
          dispatcher.add(queue.splice(0, 7))
          dispatcher.unparkAll()
          const batch = turn % 3 === 0 ? take(dispatcher) : dispatcher.take(true)
          if (batch) flying.push(batch)
          assertOneRunPerKey(flying)
          const pick = (picks.next().value ?? 0) % Math.max(1, flying.length)
          const [landing] = batch && flying.length < 3 ? [] : flying.splice(pick, 1)
          if (landing === undefined) continue
          land(dispatcher, landing, turn > 2_000 ? 'ok' : (answers.next().value ?? 'ok'), (op) => {
            assert.equal(endedAt.has(op), false, 'it ends once')
            endedAt.set(op, turn)
          })
        }
        assert.equal(endedAt.size, ops.length)
        assertOrder(ops, endedAt)
      },
    ),
    { numRuns: 300, verbose: 1 },
  )
})

function land(dispatcher: Dispatcher, batch: Batch, answer: string, end: (op: Op) => void): void {
  const refusal = { code: 'upstream_rejected', reason: 'bad' }
  const verdict =
    answer === 'refused'
      ? ({ kind: 'refused', refusal } as const)
      : answer === 'items'
        ? ({ kind: 'items', errors: [{ batch_index: batch.items - 1, reason: 'bad' }] } as const)
        : answer === 'ok'
          ? ({ kind: 'ok' } as const)
          : answer === 'unclear'
            ? ({ kind: 'unclear', detail: '' } as const)
            : ({
                kind: 'later',
                code: 'upstream_unavailable',
                throttled: false,
                retryAfterMs: undefined,
                detail: '',
              } as const)
  const attempt = { at: 0, ms: 1, status: 200, code: answer }
  for (const op of opsOf(batch)) op.attempts = [...op.attempts, attempt]
  const { ended, again } = split(batch, verdict)
  for (const { op } of ended) end(op)
  dispatcher.release(ended.map(({ op }) => op))
  for (const run of again) dispatcher.giveBack(run, 0)
}

function assertOneRunPerKey(flying: readonly Batch[]): void {
  const keys = flying.flatMap(({ runs }) => runs.flatMap(({ ops }) => [...new Set(ops.flatMap(keysOf))]))
  assert.equal(new Set(keys).size, keys.length, 'one run of a person in flight')
}

function assertOrder(ops: readonly Op[], endedAt: ReadonlyMap<Op, number>): void {
  const last = new Map<string, number>()
  for (const op of ops)
    for (const key of keysOf(op)) {
      const at = endedAt.get(op) ?? -1
      assert.ok(at >= (last.get(key) ?? -1), `order of ${key}`)
      last.set(key, at)
    }
}
