import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWhole, tally } from './tally.ts'

const sent = ['a1', 'b1', 'a2', 'b2', 'a3'].map((id) => ({ id, person: id.charAt(0) }))
const applied = (...ids: (string | null)[]) => ids.map((id) => ({ id }))

test('every event once and in the order of its person is whole, whatever others do in between', () => {
  const all = tally(sent, applied('b1', 'x9', 'a1', null, 'a2', 'a3', 'b2'))
  assert.deepEqual(all, { sent: 5, applied: 5, missing: 0, repeated: 0, out_of_order: 0 })
  assert.ok(isWhole(all))
})

test('one that is lost, one that comes twice, and one that comes too early are each seen', () => {
  assert.equal(tally(sent, applied('a1', 'b1', 'a2', 'b2')).missing, 1)
  const twice = tally(sent, applied('a1', 'b1', 'a2', 'b2', 'a3', 'a1', 'a1'))
  assert.deepEqual([twice.repeated, twice.out_of_order, twice.applied], [1, 0, 5])
  assert.equal(tally(sent, applied('a2', 'a1', 'b1', 'b2', 'a3')).out_of_order, 1)
  for (const wrong of [
    applied('a1'),
    applied('a1', 'a1', 'b1', 'a2', 'b2', 'a3'),
    applied('a3', 'a1', 'a2', 'b1', 'b2'),
  ])
    assert.ok(!isWhole(tally(sent, wrong)))
})
