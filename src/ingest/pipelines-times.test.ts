import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cpuMs } from '../../test/cpu.ts'
import { unixSeconds } from '../core/unix-time.ts'
import { withUnixTimes } from './pipelines-times.ts'

for (const [text, seconds] of [
  ['2023-11-14T22:13:20Z', 1_700_000_000],
  ['2023-11-14T22:13:20.999Z', 1_700_000_000],
  ['2023-11-14T22:13:20.123456789Z', 1_700_000_000],
  ['2023-11-15T00:13:20+02:00', 1_700_000_000],
  ['2023-11-15T00:13:20+0200', 1_700_000_000],
  ['2023-11-14T22:13:20', 1_700_000_000],
  ['2023-11-14T22:13Z', 1_699_999_980],
  ['2023-11-14', 1_699_920_000],
  ['1969-12-31T23:59:59.500Z', -1],
  ['2023-13-14', undefined],
  ['2023-11-14 22:13:20', undefined],
  ['2023-11-14T22:13:20Z ', undefined],
  ['1700000000', undefined],
  ['Tue, 14 Nov 2023 22:13:20 GMT', undefined],
  ['', undefined],
] as const)
  test(`${text || 'nothing'} is ${seconds ?? 'no date'}`, () => assert.equal(unixSeconds(text), seconds))

test('every instant keeps its second', () => {
  const instant = fc.date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(instant, (date) => {
      assert.equal(unixSeconds(date.toISOString()), Math.floor(date.getTime() / 1000))
    }),
  )
})

for (const [why, json, expected] of [
  ['a member', '{"a":"2023-11-14"}', '{"a":1699920000}'],
  ['a member of an object within', '{"a":{"b": "2023-11-14"}}', '{"a":{"b": 1699920000}}'],
  ['behind a list', '{"a":[1],"b":"2023-11-14"}', '{"a":[1],"b":1699920000}'],
  ['in a list it stays', '{"a":["2023-11-14"]}', '{"a":["2023-11-14"]}'],
  ['in an object in a list it stays', '{"a":[{"b":"2023-11-14"}]}', '{"a":[{"b":"2023-11-14"}]}'],
  ['as a key it stays', '{"2023-11-14":1,"x":2}', '{"2023-11-14":1,"x":2}'],
  ['in a longer text it stays', '{"a":"on 2023-11-14"}', '{"a":"on 2023-11-14"}'],
  [
    'beside what must stay exact',
    '{ "n": 12345678901234567890, "t": "a\\"[:{", "d":"2023-11-14", "e":"\\ud800" }',
    '{ "n": 12345678901234567890, "t": "a\\"[:{", "d":1699920000, "e":"\\ud800" }',
  ],
] as const)
  test(`a date: ${why}`, () => assert.equal(withUnixTimes(json), expected))

test('an object without dates stays the text it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2), (object, indent) => {
      const json = JSON.stringify(object, null, indent)
      fc.pre(!/\d{4}-\d{2}-\d{2}/.test(json))
      assert.equal(
        withUnixTimes(`${json.slice(0, -1)}${json === '{}' ? '' : ','}"d":"2023-11-14"}`),
        `${json.slice(0, -1)}${json === '{}' ? '' : ','}"d":1699920000}`,
      )
    }),
  )
})

test('32 KB of nesting, of dates or of backslashes takes no longer than it should', async () => {
  const size = 32 * 1024
  for (const json of [
    `${'{"a":'.repeat(size / 6)}"2023-11-14"${'}'.repeat(size / 6)}`,
    `{${'"a":"2023-11-14",'.repeat(size / 17)}"b":1}`,
    `{"d":"2023-11-14","a":"${'\\\\'.repeat(size / 2)}"}`,
  ]) {
    const ms = await cpuMs(() => withUnixTimes(json))
    assert.ok(ms < 100, `${json.slice(0, 20)} took ${ms} ms`)
  }
})
