import assert from 'node:assert/strict'
import { test } from 'node:test'
import { laneOf, murmur2 } from './lane.ts'

/** Vectors of Kafka's own tests (Utils.murmur2), so that keys of Java producers land with ours. */
for (const [text, hash] of [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
] as const)
  test(`murmur2 of "${text}" is Kafka's`, () =>
    assert.equal(murmur2(new TextEncoder().encode(text)) | 0, hash))

test('every key has a lane', () => {
  for (let n = 0; n < 1_000; n += 1) {
    const lane = laneOf(`id:${n} ü`, 16)
    assert.ok(Number.isInteger(lane) && lane >= 0 && lane < 16)
  }
})

test('a key of ASCII has the lane of its bytes, as any other', () => {
  for (const key of ['id:42', '', 'x'.repeat(300), 'é'.repeat(200)])
    assert.equal(laneOf(key, 97), (murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % 97)
})
