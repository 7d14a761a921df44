import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Happening } from '../core/feed.ts'
import { collapse } from './collapse.ts'
import type { Look } from './feed.ts'
import { clockText } from './time.ts'

const happening = (id: string, more: Partial<Happening> = {}): Happening => ({
  at: 0,
  what: 'accepted',
  id,
  key: 'id:42',
  kind: 'person.event',
  ...more,
})
const crowd = (count: number, more: Partial<Happening> = {}) =>
  Array.from({ length: count }, (_, n) => happening(`N${n}`, more))

const plain: Look = { paint: (_, text) => text, stamp: clockText }

test('few of a sort are told one by one, in their order', () => {
  const mixed = [happening('A'), happening('B', { what: 'ended', outcome: 'dead' }), happening('C')]
  const lines = collapse(mixed, plain)
  assert.deepEqual(
    lines.map((line) => line.split(/\s+/)[5]),
    ['A', 'B', 'C'],
  )
})

test('a crowd becomes one line with its count, and does not hide what is of another sort', () => {
  const dead = happening('D', { what: 'ended', outcome: 'dead' })
  const lines = collapse([...crowd(300), dead, ...crowd(12)], plain)
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', /N0.*×312$/)
  assert.match(lines[1] ?? '', /✖ dead .* D/)
})

test('calls that failed and calls that went well are two sorts', () => {
  const attempts = [
    ...crowd(10, { what: 'attempted', status: 200, code: 'ok' }),
    ...crowd(10, { what: 'attempted', status: 503, code: 'upstream_unavailable' }),
  ]
  assert.equal(collapse(attempts, plain).length, 2)
})
