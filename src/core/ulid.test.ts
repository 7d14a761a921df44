import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUlid, makeUlids } from './ulid.ts'

const drawing = (byte: number) => (size: number) => new Uint8Array(size).fill(byte)

test('ids sort in the order in which they were made, also within a millisecond and when the clock steps back', () => {
  const ulids = makeUlids()
  const ids = [5, 5, 5, 9, 9, 3, 3, 10].map((now) => ulids(now))
  assert.ok(ids.every(isUlid))
  assert.deepEqual(ids, [...new Set(ids)].sort())
  const times = ids.map((id) => Number.parseInt(id.slice(0, 10), 32))
  assert.deepEqual(times, [5, 5, 5, 9, 9, 9, 9, 10])
})

test('the digits that count carry into the others, and those into the time', () => {
  const ulids = makeUlids(drawing(0xff))
  assert.equal(ulids(1), '0000000001FZZZZZZZZZZZZZZZ')
  assert.equal(ulids(1), '0000000001G000000000000000')
})

test('two makers draw different tails', () => {
  assert.notEqual(makeUlids()(1), makeUlids()(1))
})
