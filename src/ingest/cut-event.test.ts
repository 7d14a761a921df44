import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { brokenLimit } from '../core/json-limits.ts'
import { cutEvent } from './cut-event.ts'
import { isItemError, readItem } from './read-v2.ts'
import { stamp } from './stamp.ts'
import { eventItem } from './translate-v1.ts'

const ULID = '01JDBYA8000000000000000000'
const arrival = {
  source: 'web',
  at: 1_700_000_000_000,
  idempotencyKey: undefined,
  headers: {},
  ulids: () => ULID,
}

/** What each way makes of a body: its operation, or undefined where it is refused, or not recognised. */
function general(id: string, text: string) {
  try {
    const read = readItem(eventItem(id, text))
    return isItemError(read) || brokenLimit(text) !== undefined ? undefined : stamp(read, 0, arrival)
  } catch {
    return undefined
  }
}
function direct(id: string, text: string) {
  const draft = cutEvent(id, Buffer.from(text))
  return draft && stamp(draft, 0, arrival)
}

for (const [id, text] of [
  ['42', '{"name":"bought","data":{"n":12345678901234567890,"a":[1,{"b":null}]}}'],
  ['A@b.C', ' { "data" : {} , "timestamp" : 1700000000,"name" : "na\u00efve" } \n'],
  ['cio_7f', `{"id":"${ULID}","name":"n"}`],
  ['1', '{"name":"n","id":"my-own","timestamp":1,"data":{"t":"\\u00e9\\n"}}'],
] as const)
  test(`is read from its bytes, and means what it means in the general way: ${text}`, () => {
    assert.ok(direct(id, text) !== undefined)
    assert.deepEqual(direct(id, text), general(id, text))
  })

for (const [id, text] of [
  ['1', ''],
  ['1', '[]'],
  ['1', '{}'],
  ['1', '{"data":{}}'],
  ['1', '{"name":"n"'],
  ['1', '{"name":"n",}'],
  ['1', '{"name":"n"}x'],
  ['1', '{"name":"n","name":"m"}'],
  ['1', '{"name":" n"}'],
  ['1', '{"name":"\\u006e"}'],
  ['1', '{"name":"n","data":[]}'],
  ['1', '{"name":"n","data":{"a":01}}'],
  ['1', `{"name":"n","data":${'{"a":'.repeat(32)}1${'}'.repeat(32)}}`],
  ['1', '{"name":"n","timestamp":1.5}'],
  ['1', '{"name":"n","id":7}'],
  ['1', '{"name":"n","type":"page"}'],
  ['1', '{"name":"n","more":1}'],
  ['cio_', '{"name":"n"}'],
  ['a b', '{"name":"n"}'],
  ['\u00e9', '{"name":"n"}'],
] as const)
  test(`is left to the general way: ${id} ${text}`, () => assert.equal(direct(id, text), undefined))

const name = fc.oneof(fc.constantFrom('n', 'a\u00e9', 'A@b.c'), fc.string())
const members = fc.record(
  {
    name,
    data: fc.dictionary(fc.string(), fc.jsonValue()),
    timestamp: fc.oneof({ weight: 4, arbitrary: fc.nat() }, fc.double()),
    id: fc.oneof(name, fc.constant(ULID)),
  },
  { requiredKeys: ['name'] },
)
const layout = fc.constantFrom(0, 0, 0, '\t')
const body = fc
  .tuple(members, layout, fc.boolean())
  .map(([value, space, turned]) =>
    JSON.stringify(turned ? Object.fromEntries(Object.entries(value).reverse()) : value, null, space),
  )
const id = fc.constantFrom('42', 'A@b.C', 'cio_7f', 'a b', 'x'.repeat(151))

test('both ways give the same operation, whatever the body', () => {
  let recognised = 0
  fc.assert(
    fc.property(id, body, (who, text) => {
      const read = direct(who, text)
      if (read === undefined) return
      recognised += 1
      assert.deepEqual(read, general(who, text))
    }),
    { numRuns: 1_000, seed: 8246 },
  )
  assert.ok(recognised > 100, `${recognised} of 1000 were recognised`)
})
