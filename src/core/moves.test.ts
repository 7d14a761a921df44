import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Moves } from './moves.ts'

test('a key that did not move is where it is', () => {
  assert.equal(new Moves().follow('a'), 'a')
})

test('who followed a key goes along when it moves', () => {
  const moves = new Moves()
  moves.move('a', 'b')
  assert.equal(moves.follow('a'), 'b')
  moves.move('b', 'c')
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => moves.follow(key)),
    ['c', 'c', 'c'],
  )
})

test('walking a long chain again and again makes it short, and leads to the same end', () => {
  const moves = new Moves()
  for (let n = 0; n < 100_000; n += 1) moves.move(`${n}`, `${n + 1}`)
  for (let n = 0; n < 1_000; n += 1) assert.equal(moves.follow('0'), '100000')
  moves.move('100000', 'end')
  assert.equal(moves.follow('50000'), 'end')
  moves.clear()
  assert.deepEqual([moves.size, moves.follow('0')], [0, '0'])
})

test("the names of an object's own members are keys like any other", () => {
  const moves = new Moves()
  moves.move('__proto__', 'constructor')
  assert.equal(moves.follow('__proto__'), 'constructor')
})
