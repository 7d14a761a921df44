import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockText, instantText, parseInstant, spanText } from './time.ts'

test('a span is told in its two largest units', () => {
  const cases: readonly [number, string][] = [
    [0, '0 ms'],
    [-5, '0 ms'],
    [41.4, '41 ms'],
    [1270, '1.3 s'],
    [59_000, '59 s'],
    [60_000, '1 m'],
    [3_660_000, '1 h 1 m'],
    [3_605_000, '1 h'],
    [273_600_000, '3 d 4 h'],
  ]
  for (const [ms, text] of cases) assert.equal(spanText(ms), text)
})

test('an instant is a span ago or a date; a bare number is neither', () => {
  assert.equal(parseInstant('15m', 1_000_000), 100_000)
  assert.equal(parseInstant('1970-01-01T00:00:01Z', 0), 1000)
  for (const text of ['soon', '15 parsecs', '', '5', '2026', '1764140400', '2026-02-30', '2026-11-24T25:00'])
    assert.equal(parseInstant(text, 0), undefined, text)
})

test('an instant is written in the form that was chosen', () => {
  assert.equal(instantText(1500, 'iso', 0), '1970-01-01T00:00:01.500Z')
  assert.equal(instantText(1500, 'unix', 0), '1.500')
  assert.equal(instantText(1500, 'relative', 61_500), '1 m ago')
  assert.equal(instantText(61_500, 'relative', 1500), 'in 1 m')
})

test('whatever the zone of this machine, what names no zone is UTC, as is what is printed', () => {
  const nine = Date.UTC(2026, 10, 24, 9)
  const [before, times] = [process.env.TZ, ['09:00', '09:00:00.000', '09:00Z', '11:00+02:00']]
  const written = [
    ...times.flatMap((time) => [`2026-11-24T${time}`, `2026-11-24 ${time}`]),
    '2026-11-24t09:00z',
  ]
  try {
    for (const zone of ['America/New_York', 'Asia/Kolkata', 'UTC']) {
      process.env.TZ = zone
      for (const text of written) assert.equal(parseInstant(text, 0), nine, `${text} in ${zone}`)
      assert.equal(parseInstant('2026-11-24', 0), Date.UTC(2026, 10, 24), zone)
      assert.equal(clockText(nine), '09:00:00Z')
    }
  } finally {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  }
})
