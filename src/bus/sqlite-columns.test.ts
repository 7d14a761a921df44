import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BusRecord } from '../core/record.ts'
import { decodeStretch, encodeMeta } from './sqlite-columns.ts'
import { stretchOf } from './stretch.ts'

const record = (n: number, more: Partial<BusRecord> = {}): BusRecord => ({
  id: `id${n}`,
  key: `id:"${n}"`,
  kind: n % 3 === 0 ? 'person.identify' : 'person.event',
  at: 1_700_000_000_000 + Math.floor(n / 4),
  headers: n % 2 === 0 ? { source: 'web' } : { source: 'web', stamped: '1' },
  value: `{"n":"${'é'.repeat(n)}"}`,
  ...more,
})

test('what is written in columns is read as it was', () => {
  const stretch = stretchOf(
    40,
    Array.from({ length: 20 }, (_, n) => record(n)),
    16,
  )
  const body = stretch.records.map(({ value }) => value).join('')
  assert.deepEqual(decodeStretch(40, encodeMeta(stretch.records, stretch.lanes), body), stretch)
})

test('headers that say the same lie there once, also where they are different objects', () => {
  const stretch = stretchOf(
    0,
    Array.from({ length: 10 }, (_, n) => record(n, { headers: { source: 'web' } })),
    16,
  )
  assert.equal(encodeMeta(stretch.records, stretch.lanes).split('"source"').length, 2)
})

test('chunks from before there were columns are read as well', () => {
  const meta =
    '{"headers":[{"source":"web"}],"rows":[[3,"A","id:1","person.event",7,0,2],[5,"B","id:2","person.delete",8,0,4]]}'
  assert.deepEqual(decodeStretch(9, meta, '{}null'), {
    first: 9,
    records: [
      { id: 'A', key: 'id:1', kind: 'person.event', at: 7, headers: { source: 'web' }, value: '{}' },
      { id: 'B', key: 'id:2', kind: 'person.delete', at: 8, headers: { source: 'web' }, value: 'null' },
    ],
    lanes: [3, 5],
  })
})
