import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from './batch.ts'
import { makeOp, type Op } from './op.ts'
import { type Run, textsOf } from './run.ts'
import { split } from './split.ts'

const op = (id: string): Op =>
  makeOp({
    id,
    key: id,
    kind: 'person.event',
    at: 0,
    headers: {},
    value: '{}',
    topic: 't',
    lane: 0,
    offset: 0,
    epoch: 1,
  })

const sequence = (...ids: string[]): Run => ({ ops: ids.map(op), merged: undefined, bytes: 0 })
const merged = (...ids: string[]): Run => ({ ops: ids.map(op), merged: '{}', bytes: 0 })

const batchOf = (...runs: Run[]): Batch => ({
  form: 'batch',
  runs,
  items: textsOf(runs).length,
  retry: false,
})

/** What became of each operation: `a delivered`, `b dead reason`, `c again`. */
function fates(batch: Batch, verdict: Parameters<typeof split>[1]): string[] {
  const { ended, again } = split(batch, verdict)
  const ends = ended.map(({ op, outcome, into, refusal }) =>
    [op.id, outcome, into ?? refusal?.reason].filter(Boolean).join(' '),
  )
  return [...ends, ...again.flat().map((op) => `${op.id} again`)]
}

test('a success delivers every item, and merged identifies in their last one', () => {
  assert.deepEqual(fates(batchOf(sequence('a', 'b'), merged('c', 'd')), { kind: 'ok' }), [
    'a delivered',
    'b delivered',
    'c coalesced d',
    'd delivered',
  ])
})

test('a 207 refuses exactly the items it names, counting merged identifies as the one item they were', () => {
  const batch = batchOf(merged('a', 'b', 'c'), sequence('d', 'e'), sequence('f'))
  assert.deepEqual(fates(batch, { kind: 'items', errors: [{ batch_index: 2, reason: 'bad' }] }), [
    'a coalesced c',
    'b coalesced c',
    'c delivered',
    'd delivered',
    'e dead bad',
    'f delivered',
  ])
})

test('several errors of one item are one refusal, the first', () => {
  const errors = [
    { batch_index: 0, reason: 'first' },
    { batch_index: 0, reason: 'second' },
  ]
  assert.deepEqual(fates(batchOf(sequence('a')), { kind: 'items', errors }), ['a dead first'])
})

test('merged identifies that are refused go again one by one, since only one of them need be bad', () => {
  const run = merged('a', 'b')
  assert.deepEqual(
    fates(batchOf(run, sequence('c')), { kind: 'items', errors: [{ batch_index: 0, reason: 'bad' }] }),
    ['c delivered', 'a again', 'b again'],
  )
  assert.ok(run.ops.every((op) => op.unmerged))
})

test('an index outside the batch discredits the answer: all go again, each alone', () => {
  const batch = batchOf(sequence('a', 'b'))
  assert.deepEqual(fates(batch, { kind: 'items', errors: [{ batch_index: 2, reason: 'bad' }] }), [
    'a again',
    'b again',
  ])
  assert.ok(batch.runs.every((run) => run.ops.every((op) => op.most === 1)))
})

test('a refused batch is halved, and an operation refused alone is dead', () => {
  const refusal = { code: 'upstream_rejected', reason: 'bad' }
  const batch = batchOf(sequence('a', 'b'), sequence('c'))
  assert.deepEqual(fates(batch, { kind: 'refused', refusal }), ['a again', 'b again', 'c again'])
  assert.ok(batch.runs.every((run) => run.ops.every((op) => op.most === 2)))
  assert.deepEqual(fates(batchOf(sequence('a')), { kind: 'refused', refusal }), ['a dead bad'])
})

test('to go again in smaller company is no retry; to go again as before is one', () => {
  const refusal = { code: 'upstream_rejected', reason: 'bad' }
  const unclear = { kind: 'unclear', detail: '' } as const
  const narrowedBy = (verdict: Parameters<typeof split>[1], ...ids: string[]) =>
    split(batchOf(sequence(...ids)), verdict)
      .again.flat()
      .map(({ narrowed }) => narrowed)
  assert.deepEqual(narrowedBy({ kind: 'refused', refusal }, 'a', 'b'), [true, true])
  assert.deepEqual(narrowedBy(unclear, 'a', 'b'), [true, true])
  assert.deepEqual(narrowedBy(unclear, 'a'), [false], 'alone already')
  const batch = batchOf(sequence('a', 'b'))
  split(batch, unclear)
  split(batch, {
    kind: 'later',
    code: 'upstream_unavailable',
    throttled: false,
    retryAfterMs: undefined,
    detail: '',
  })
  assert.ok(batch.runs.every((run) => run.ops.every(({ narrowed }) => !narrowed)))
})
