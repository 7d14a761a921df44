/** What leaves, what ends and what goes back, when some of a batch has aged; and that the dispatcher keeps its order then. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEADER, type Received, TOPICS } from '../core/record.ts'
import { type Policies, policiesWith } from '../preflight/rules.ts'
import { Ages, headersOf } from './age.ts'
import type { Batch } from './batch.ts'
import { Dispatcher } from './dispatcher.ts'
import { makeOp, type Op } from './op.ts'

const HOUR = 3_600_000
const NOW = 1_790_000_000_000

let offset = 0

/** An event that happened, and one that was received, so many hours ago. */
function event(key: string, happened: number, received: number, more: Partial<Received> = {}): Op {
  offset += 1
  const seconds = (NOW - happened * HOUR) / 1000
  const value = `{"type":"person","identifiers":{"id":"\\",\\"timestamp\\":1"},"action":"event","name":"${offset}","id":"x","timestamp":${seconds},"attributes":{"timestamp":1}}`
  const at = NOW - received * HOUR
  const place = { topic: TOPICS.events, lane: 0, offset, epoch: 1 }
  return makeOp({ id: `${offset}`, key, kind: 'person.event', at, headers: {}, value, ...place, ...more })
}

function taken(ops: readonly Op[]): { batch: Batch; dispatcher: Dispatcher } {
  const dispatcher = new Dispatcher()
  dispatcher.add(ops)
  const batch = dispatcher.take(true)
  assert.ok(batch)
  return { batch, dispatcher }
}

const sift = (ops: readonly Op[], policies: Partial<Policies> = {}) =>
  new Ages(policiesWith(policies)).sift(taken(ops).batch, NOW)

test('of a run the aged ones end, the others go back, and what others said leaves', () => {
  const [a1, a2, a3, b1] = [event('a', 73, 70), event('a', 1, 1), event('a', 73, 70), event('b', 1, 1)]
  const { batch, ended, back } = sift([a1, a2, a3, b1])
  assert.deepEqual([batch?.runs.map(({ ops }) => ops), batch?.items], [[[b1]], 1])
  assert.deepEqual(
    ended.map(({ op }) => op),
    [a1, a3],
  )
  assert.deepEqual(back, [a2])
  assert.equal(ended[0]?.refusal?.reason, 'aged_event')
})

test('exactly 72 hours, a wait of less than a minute, what was old when it came and what is replayed: none has aged', () => {
  const ops = [
    event('a', 72, 70),
    event('b', 72.001, 0.001),
    event('c', 100, 20),
    event('d', 100, 0, { topic: TOPICS.replay }),
  ]
  const { batch, ended, found } = sift(ops)
  assert.deepEqual([batch?.items, ended.length, found.length], [4, 0, 0])
})

test('the time is read in whatever form it stands', () => {
  const seconds = (NOW - 73 * HOUR) / 1000
  for (const time of [`${seconds}`, `"${seconds}"`, `${seconds}.0`, `${seconds / 1e9}e9`])
    for (const end of [',"attributes":{}}', '}', ' }']) {
      const value = `{"type":"person","timestamp":${time}${end}`
      assert.equal(sift([event('a', 0, 70, { value })]).ended.length, 1, value)
    }
})

test('what is put right has the second of the call, and is told of once', () => {
  const op = event('a', 73, 70)
  const ages = new Ages(policiesWith({ aged_event: 'fix' }))
  const first = ages.sift(taken([op]).batch, NOW)
  const sent = first.batch?.runs[0]?.ops[0]?.value ?? ''
  assert.equal(JSON.parse(sent).timestamp, NOW / 1000)
  assert.deepEqual(JSON.parse(sent).attributes, { timestamp: 1 }, 'and nothing else is touched')
  assert.equal(first.found.length, 1)
  assert.equal(ages.sift(taken([op]).batch, NOW + HOUR).found.length, 0)
  assert.deepEqual(JSON.parse(headersOf(op)[HEADER.preflight] ?? ''), [
    { rule: 'aged_event', field: 'timestamp', fixed: true },
  ])
})

test('after some of a run has ended the rest goes first, and the figures of the dispatcher add up', () => {
  const ops = [event('a', 73, 70), event('a', 1, 1), event('a', 1, 1)]
  const { batch, dispatcher } = taken(ops)
  dispatcher.add([event('a', 1, 1)])
  const { ended, back } = new Ages(policiesWith()).sift(batch, NOW)
  dispatcher.putBack(back)
  assert.equal(dispatcher.take(true), undefined, 'the person waits until the aged ones are settled')
  dispatcher.release(ended.map(({ op }) => op))
  const next = dispatcher.take(true)
  assert.deepEqual(
    next?.runs[0]?.ops.map(({ offset }) => offset),
    [ops[1], ops[2]].map((op) => op?.offset).concat(offset),
  )
  dispatcher.release(next?.runs[0]?.ops ?? [])
  assert.deepEqual([dispatcher.held, dispatcher.bytes, dispatcher.inFlight], [0, 0, 0])
})
