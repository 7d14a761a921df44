import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { memberMap, parseJson } from '../core/json.ts'
import { endOfValue } from '../core/json-bytes.ts'
import { brokenLimit } from '../core/json-limits.ts'
import { cutBatch } from './cut-batch.ts'
import type { Draft } from './draft.ts'
import { isItemError, readItem } from './read-v2.ts'
import { stamp } from './stamp.ts'

const ULID = '01JDBYA8000000000000000000'
const arrival = {
  source: 'web',
  at: 1_700_000_000_000,
  idempotencyKey: undefined,
  headers: {},
  ulids: () => ULID,
}
const cut = (text: string) => cutBatch(Buffer.from(text), 32 * 1024)

/** What the general way makes of an item: its operation, or undefined where it is refused. */
function general(text: string) {
  const read = readItem({ value: JSON.parse(text), members: memberMap(text) })
  return isItemError(read) ? undefined : stamp(read, 0, arrival)
}

const PLAIN = [
  '{"type":"person","identifiers":{"id":"42"},"action":"event","name":"bought","attributes":{"n":12345678901234567890,"a":[1,{"b":null}]}}',
  '{"type":"person","identifiers":{"email":"A@b.C"},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"cio_id":"aéb"},"action":"page","name":"naïve","timestamp":1700000000,"attributes":{}}',
  `{"type":"person","identifiers":{"id":"1"},"action":"screen","name":"n","id":"${ULID}","attributes":{"t":"\\u00e9\\n"}}`,
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","id":"my-own","timestamp":1}',
  '{"type":"person","identifiers":{"id":"1"},"action":"identify","attributes":{"plan":"pro"}}',
  '{"type":"person","identifiers":{"id":"1"},"action":"identify","timestamp":1700000000}',
]

for (const text of PLAIN)
  test(`stays as it came, and means what it means in the general way: ${text}`, () => {
    const [draft, ...rest] = cut(`{"batch":[${text}]}`) ?? []
    assert.ok(draft !== undefined && typeof draft !== 'string' && rest.length === 0)
    assert.deepEqual(draft.members, memberMap(text))
    assert.deepEqual(stamp(draft, 0, arrival), general(text))
  })

const UNUSUAL = [
  '{"type":"person","identifiers":{"id":42},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"id":" 1"},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"id":"1\u00a0"},"action":"event","name":"n"}',
  `{"type":"person","identifiers":{"id":"${'é'.repeat(75)}1"},"action":"event","name":"n"}`,
  `{"type":"person","identifiers":{"id":"1"},"action":"event","name":"${'n'.repeat(101)}"}`,
  '{"type":"person","identifiers":{"id":"1","email":"a@b.c"},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"anonymous_id":"1"},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"id":"\\ud800"},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event"}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":""}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"\\u0020"}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","timestamp":"1"}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","timestamp":1.5}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","attributes":[]}',
  '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","name":"m"}',
  '{"type":"person", "identifiers":{"id":"1"},"action":"event","name":"n"}',
  '{"type":"person","identifiers":{"id":"1"},"action":"identify","attributes":{"email":"a@b.c"}}',
  '{"type":"person","identifiers":{"id":"1"},"action":"identify","attributes":{"em\\u0061il":"a@b.c"}}',
  '{"type":"person","identifiers":{"id":"1"},"action":"delete"}',
  '{"identifiers":{"id":"1"},"type":"person","action":"event","name":"n"}',
  '17',
]

test('what is unusual is cut out as it stands, and the rest of the batch is not slowed by it', () => {
  const items = cut(` { "batch" : [ ${UNUSUAL.join(' , ')} ,${PLAIN[0]}] } `)
  assert.deepEqual(items?.slice(0, -1), UNUSUAL)
  assert.equal(typeof items?.at(-1), 'object')
})

test('what is no batch, or breaks a limit, is left to the general way as a whole', () => {
  const deep = `${'['.repeat(31)}${']'.repeat(31)}`
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`k${n}`, n])))
  for (const text of [
    '',
    '[]',
    '{"batch":{}}',
    '{"batch":[]',
    '{"batch":[],"a":1}',
    '{"batch":[]}x',
    '{"batch":[1,]}',
  ])
    assert.equal(cut(text), undefined, text)
  for (const item of [deep, wide, '{"a":01}', '{"a":"\t"}', '{"a":"\\x"}', '{"a":tru}', '{"a":1.}', '{a:1}'])
    assert.equal(cut(`{"batch":[${item}]}`), undefined, item)
  assert.equal(cut(`{"batch":[${deep.slice(1, -1)}]}`)?.length, 1)
})

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('n', 'aéb', 'A@b.c') },
  fc.string(),
  fc.constantFrom('é', ' ', '', '\ud800'),
)
const identifiers = fc.oneof(
  fc.record({ id: name }),
  fc.record({ email: name }),
  fc.record({ cio_id: fc.oneof(name, fc.integer()) }),
  fc.record({ id: name, email: name }),
)
const item = fc
  .record(
    {
      type: fc.constantFrom('person', 'person', 'person', 'object'),
      identifiers,
      action: fc.constantFrom('event', 'event', 'identify', 'page', 'screen', 'delete'),
      name,
      id: fc.oneof(name, fc.constant(ULID)),
      timestamp: fc.oneof({ weight: 3, arbitrary: fc.nat() }, fc.double(), fc.constant('')),
      attributes: fc.oneof(
        {
          weight: 9,
          arbitrary: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('id', 'email')), fc.jsonValue()),
        },
        fc.nat(),
      ),
    },
    { requiredKeys: ['type', 'identifiers', 'action'] },
  )
  .map((value) => JSON.stringify(value))

const ITEMS = cases(500, 2_000)

test('both ways give the same operation, whatever the item', () => {
  let plain = 0
  fc.assert(
    fc.property(item, (text) => {
      const [read] = cut(`{"batch":[${text}]}`) ?? []
      if (typeof read === 'string' || read === undefined) return assert.equal(read ?? text, text)
      plain += 1
      assert.deepEqual(stamp(read satisfies Draft, 0, arrival), general(text))
    }),
    { numRuns: ITEMS, seed: 5 },
  )
  assert.ok(plain > ITEMS / 20, `only ${plain} of ${ITEMS} were plain`)
})

/** JSON with one character of it changed, left out, or put in twice. */
const nearlyJson = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.nat(),
    fc.constantFrom('', '"', '\\', '{', ']', ',', ':', '0', '-', '.', 'e', ' ', '\n', '\u0001'),
  )
  .map(([text, at, put]) => {
    const place = at % (text.length + 1)
    return `${text.slice(0, place)}${put}${text.slice(place + (at % 3))}`
  })

test('a value is passed over exactly where JSON.parse takes it and it keeps the limits', () => {
  fc.assert(
    fc.property(nearlyJson, (text) => {
      const bytes = Buffer.from(text.trim())
      const end = endOfValue(bytes, 0, 0)
      const isWhole = end === bytes.length
      assert.equal(
        isWhole,
        parseJson(text.trim()) !== undefined && brokenLimit(text.trim()) === undefined,
        text,
      )
    }),
    { numRuns: cases(1_000, 5_000), seed: 5 },
  )
})
