import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteLength } from '../core/json.ts'
import { type BatchItem, itemTexts, partsOf } from './batch-parts.ts'
import { batchCall } from './track.ts'

const given = { stamps: { environment: 'test', updatedAt: true, seconds: 7 }, ulid: () => 'ULID' }

test('parts hold every item once and in order, and none is larger than 500 KB or 1000 items', () => {
  const sizes = fc.array(fc.integer({ min: 2, max: 32_768 }), { maxLength: 60 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 2500 }), (large, small) => {
      const texts = [...large, ...new Array<number>(small).fill(3)].map((size) => 'x'.repeat(size))
      const parts = partsOf(texts)
      assert.deepEqual(
        parts.flatMap((part) => part.texts),
        texts,
      )
      let from = 0
      for (const part of parts) {
        assert.equal(part.from, from)
        assert.ok(part.texts.length >= 1 && part.texts.length <= 1000)
        assert.ok(byteLength(batchCall(part.texts).body ?? '') <= 500_000)
        from += part.texts.length
      }
    }),
    { numRuns: 50 },
  )
})

test('a thousand items are one part, one more is two, and none is none', () => {
  const parts = (count: number) =>
    partsOf(new Array<string>(count).fill('{}')).map((part) => part.texts.length)
  assert.deepEqual([parts(0), parts(1000), parts(1001)], [[], [1000], [1000, 1]])
})

test('a part is filled to the last byte', () => {
  // 12 of the frame, 19 items of 25,000 with 19 commas, and a last one without: 500,000 together.
  const texts = [...new Array<string>(19).fill('x'.repeat(25_000)), 'x'.repeat(500_000 - 12 - 19 * 25_001)]
  assert.equal(byteLength(batchCall(texts).body ?? ''), 500_000)
  assert.equal(partsOf(texts).length, 1)
  assert.equal(partsOf([...texts.slice(0, 19), `${texts[19]}x`]).length, 2)
})

const STAMPED: readonly (readonly [item: BatchItem, text: string])[] = [
  [
    { type: 'person', action: 'identify', identifiers: { id: '1' }, attributes: { a: 1 } },
    '{"type":"person","action":"identify","identifiers":{"id":"1"},"attributes":{"_env":"test","_updated_at":7,"a":1}}',
  ],
  [
    { type: 'person', action: 'event', identifiers: { id: '1' }, name: 'n' },
    '{"type":"person","action":"event","identifiers":{"id":"1"},"name":"n","id":"ULID","timestamp":7,"attributes":{"_env":"test"}}',
  ],
  [
    { type: 'person', action: 'event', id: 'own', timestamp: 3, attributes: { _env: 'mine' } },
    '{"type":"person","action":"event","id":"own","timestamp":3,"attributes":{"_env":"mine"}}',
  ],
  [
    { type: 'person', action: 'delete', identifiers: { id: '1' } },
    '{"type":"person","action":"delete","identifiers":{"id":"1"}}',
  ],
  [
    { type: 'object', action: 'identify', attributes: {} },
    '{"type":"object","action":"identify","attributes":{}}',
  ],
]

for (const [item, text] of STAMPED)
  test(`a ${item.type} ${item.action} is stamped as it should be: ${text.slice(0, 60)}`, () =>
    assert.deepEqual(itemTexts([item], given), [text]))

test('an item of more than 32 KB is refused with its place', () => {
  const of = (size: number): BatchItem => ({ type: 'object', action: 'x', a: 'a'.repeat(size) })
  const frame = byteLength(JSON.stringify(of(0)))
  itemTexts([of(32_768 - frame)], given)
  assert.throws(() => itemTexts([of(1), of(32_769 - frame)], given), {
    code: 'bad_request',
    message: 'items[1] must have at most 32768 bytes, not 32769.',
  })
})
