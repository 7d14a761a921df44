import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eachOf, isMany } from '../core/ends.ts'
import { TOPICS } from '../core/record.ts'
import { type Closing, closingsOf, countOn, placesOf } from './closing.ts'
import { type Ended, makeOp } from './op.ts'

const REFUSAL = { code: 'upstream_rejected', reason: 'invalid' }

function ended(id: string, outcome: Ended['outcome'], more: { topic?: string; epoch?: number } = {}): Ended {
  const { topic = TOPICS.events, epoch = 1 } = more
  const place = { topic, lane: 3, offset: Number(id), epoch }
  const op = makeOp({
    id,
    key: 'k',
    kind: 'person.event',
    at: 5,
    headers: {},
    value: `{"n":${id}}`,
    ...place,
  })
  return outcome === 'dead' ? { op, outcome, refusal: REFUSAL } : { op, outcome }
}

const idsOf = ({ ended }: Closing) => (isMany(ended) ? eachOf(ended).map(({ id }) => id) : `dead ${ended.id}`)

test('the dead stand whole between the others, which lie together as long as they are of one topic, in their order', () => {
  const closings = closingsOf(
    [
      ended('1', 'delivered'),
      ended('2', 'delivered', { epoch: 2 }),
      ended('3', 'dead'),
      ended('4', 'delivered'),
      ended('5', 'delivered', { topic: TOPICS.replay }),
    ],
    9,
  )
  assert.deepEqual(closings.map(idsOf), [['1', '2'], 'dead 3', ['4'], ['5']])
  assert.deepEqual([countOn(TOPICS.events, closings), countOn(TOPICS.replay, closings)], [4, 1])
  assert.deepEqual(
    closings.flatMap(placesOf).map(({ topic, lane, offset, epoch }) => [topic, lane, offset, epoch]),
    [
      [TOPICS.events, 3, 1, 1],
      [TOPICS.events, 3, 2, 2],
      [TOPICS.events, 3, 3, 1],
      [TOPICS.events, 3, 4, 1],
      [TOPICS.replay, 3, 5, 1],
    ],
  )
  const dead = closings[1]?.ended
  assert.ok(dead && !isMany(dead))
  assert.deepEqual([dead.value, dead.refusal, dead.receivedAt, dead.endedAt], ['{"n":3}', REFUSAL, 5, 9])
})

test('what preflight found on the way stands in the headers of the end', () => {
  const late = ended('1', 'delivered')
  late.op.findings = [{ rule: 'aged_event', field: 'timestamp', message: 'late', policy: 'warn' }]
  const [closing] = closingsOf([late], 9)
  assert.ok(closing && isMany(closing.ended))
  assert.match(eachOf(closing.ended)[0]?.headers.preflight ?? '', /aged_event/)
})
