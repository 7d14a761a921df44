import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuMs } from '../../test/cpu.ts'
import { brokenLimit } from './json-limits.ts'

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const keyed = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',')}}`

for (const [name, text, broken] of [
  ['32 levels', nested(32), false],
  ['33 levels', nested(33), true],
  ['33 levels of objects', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, true],
  ['1000 members', keyed(1_000), false],
  ['1001 members', keyed(1_001), true],
  ['many objects of few members', `[${Array.from({ length: 5_000 }, () => '{"a":1}').join(',')}]`, false],
  ['brackets and colons within strings', JSON.stringify({ a: '[{:'.repeat(2_000), 'b\\"': '\\' }), false],
  ['a byte order mark', '\ufeff{}', true],
  ['no JSON at all', ']]]}"', false],
] as const)
  test(`${name} ${broken ? 'break' : 'keep'} the limits`, () =>
    assert.equal(brokenLimit(text) !== undefined, broken))

test('the worst half megabyte is judged in a moment', async () => {
  const size = 500 * 1024
  const worst = ['[', '{"a":', '"\\\\', '\\"', '"":', ',', '"'].map((part) =>
    part.repeat(Math.ceil(size / part.length)),
  )
  const ms = await cpuMs(() => worst.map((text) => brokenLimit(text)))
  assert.ok(ms < 500, `${ms} ms`)
})
