import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ColumnReader, ColumnWriter, RunReader, RunWriter } from './runs.ts'

test('runs are read as they were written', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 })), (values) => {
      const writer = new RunWriter()
      for (const value of values) writer.add(value)
      const reader = new RunReader(writer.runs)
      assert.deepEqual(
        values.map(() => reader.next()),
        values,
      )
    }),
    { seed: 5 },
  )
})

test('a column holds what means the same once, whether or not it is the same object', () => {
  const values = [{ a: 1 }, { a: 1 }, { a: 2 }, { a: 1 }]
  const writer = new ColumnWriter<object>(JSON.stringify)
  for (const value of values) writer.add(value)
  const { column } = writer
  assert.deepEqual(column, { values: [{ a: 1 }, { a: 2 }], runs: [0, 2, 1, 1, 0, 1] })
  const reader = new ColumnReader(column)
  assert.deepEqual(
    values.map(() => reader.next()),
    values,
  )
})
