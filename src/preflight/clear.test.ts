/** The short way and the long way must agree: what is clear by its text holds nothing that a rule would find. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { cutBatch } from '../ingest/cut-batch.ts'
import { isTimely } from './clear.ts'
import { preflight } from './preflight.ts'
import { policiesWith } from './rules.ts'

const NOW = 1_790_000_000
const context = { policies: policiesWith(), nowSeconds: NOW }

/** The draft of an item that ingest keeps as it is; undefined for one that it cuts up. */
function plainOf(item: string) {
  const [draft] = cutBatch(Buffer.from(`{"batch":[${item}]}`), 32 * 1024) ?? []
  if (draft === undefined || typeof draft === 'string' || draft.plain === undefined) return undefined
  const { kind, key, clientId, seconds, value, members, isClear = false } = draft
  const whole = { kind, key, clientId, seconds, value, members }
  return { isClear: isClear && isTimely(draft, NOW), whole }
}

/** Texts on both sides of every line that a rule draws. */
const nasty = fc.oneof(
  fc.constantFrom('', 'a', ' a', 'a ', 'a\u00a0', 'x'.repeat(33), 'x'.repeat(51), 'é'.repeat(80), '\u0000'),
  fc.constantFrom('\ud800', '😀', '1e400', 'a"b', 'a\\b', 'Grandma', 'a@b.c', '€'.repeat(340)),
  fc.string({ maxLength: 8, unit: 'grapheme' }),
)
const usual = fc.constantFrom('user-1', 'order_completed', 'Ada')
const mostly = fc.oneof({ weight: 3, arbitrary: usual }, { weight: 1, arbitrary: nasty })
const key = fc.oneof(
  fc.constantFrom('plan', 'recipient', 'reply_to', 'from_address', '_update', 'cio_id', 'cio_relationships'),
  fc.constantFrom('created_at', 'x'.repeat(51), '€'.repeat(51), 'é', '""', 'n'),
  fc.string({ minLength: 1, maxLength: 4 }),
)
const value = fc.oneof(
  nasty.map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '1',
    'true',
    'null',
    '1790000000',
    '1790000000123',
    '1e400',
    '18446744073709551616',
    '{"a":1}',
  ),
  fc.constantFrom('[]', '"\\ud83d"', '"\\u0000"', '1.5', '12345678901', `[${'1,'.repeat(500)}1]`),
)
const attributes = fc
  .array(fc.tuple(key, fc.constantFrom(':', ':', ' :', ': '), value), { maxLength: 4 })
  .map((all) => `{${all.map(([name, colon, text]) => `${JSON.stringify(name)}${colon}${text}`).join(',')}}`)
const item = fc
  .record({
    action: fc.constantFrom('event', 'identify', 'page'),
    who: fc.tuple(fc.constantFrom('id', 'email', 'cio_id'), mostly),
    name: mostly,
    id: fc.constantFrom('', ',"id":"01JDBYA8000000000000000000"', ',"id":"mine"'),
    time: fc.constantFrom('', NOW, NOW + 301, NOW - 259_201, NOW * 1000, 99_999_999_999, 100_000_000_000),
    attributes,
  })
  .map(({ action, who: [by, whom], name, id, time, attributes }) => {
    const more = action === 'identify' ? '' : `,"name":${JSON.stringify(name)}${id}`
    const at = time === '' ? '' : `,"timestamp":${time}`
    const identifiers = JSON.stringify({ [by]: whom })
    return `{"type":"person","identifiers":${identifiers},"action":"${action}"${more}${at},"attributes":${attributes}}`
  })

const RUNS = cases(4_000, 20_000)

test('what is clear by its text is clear by every rule', () => {
  let [plain, clear] = [0, 0]
  fc.assert(
    fc.property(item, (text) => {
      const found = plainOf(text)
      if (found === undefined) return
      plain += 1
      if (!found.isClear) return
      clear += 1
      assert.deepEqual(preflight(found.whole, context), [])
    }),
    { numRuns: RUNS, seed: 10 },
  )
  assert.ok(plain > RUNS / 20 && clear > RUNS / 70, `${plain} plain, ${clear} clear`)
})

const ORDINARY = [
  '{"type":"person","identifiers":{"id":"user-12345"},"action":"event","name":"order_completed","timestamp":1790000000,"attributes":{"total":19.9,"items":[{"sku":"a-1","n":2}],"coupon":"","text":"\\u00e9"}}',
  '{"type":"person","identifiers":{"id":"user-12345"},"action":"identify","attributes":{"first_name":"Ada","plan":"pro","created_at":1700000000,"n":12}}',
]

for (const text of ORDINARY)
  test(`an ordinary operation is clear: ${text.slice(40, 90)}`, () => {
    const found = plainOf(text)
    assert.ok(found?.isClear)
  })

for (const colon of [':', ' :', ': '])
  test(`a created_at in milliseconds is not clear, written with "${colon}"`, () => {
    const text = `{"type":"person","identifiers":{"id":"a"},"action":"identify","attributes":{"created_at"${colon}1700000000000}}`
    assert.equal(plainOf(text)?.isClear, false)
  })
