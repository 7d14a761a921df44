import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Draft, writeValue } from './draft.ts'
import { readForm, readInAppReport, readReport, readSegment, readUnsubscribe } from './read-v1.ts'

const segment = (idType: unknown, text: string) => readSegment('add', { segment: '7', idType, text })
const ids = (count: number) => JSON.stringify({ ids: Array.from({ length: count }, (_, i) => `p${i}`) })

/** What was said, under which key it is kept, and as what. */
const TAKEN: readonly [why: string, read: () => Draft, key: string, value: string][] = [
  [
    'a form by id',
    () => readForm('f', ' {"data":{"id":"1","email":null,"a":"b"}} '),
    'id:1',
    '{"type":"form","action":"submit","form_id":"f","body":{"data":{"id":"1","email":null,"a":"b"}}}',
  ],
  [
    'a form by an id that is a number of 19 digits',
    () => readForm('f', '{"data":{"id":9223372036854775807}}'),
    'id:9223372036854775807',
    '{"type":"form","action":"submit","form_id":"f","body":{"data":{"id":9223372036854775807}}}',
  ],
  [
    'a form by e-mail',
    () => readForm('f', '{"data":{"email":"A@B.c"}}'),
    'email:a@b.c',
    '{"type":"form","action":"submit","form_id":"f","body":{"data":{"email":"A@B.c"}}}',
  ],
  [
    'a form whose fields are mapped at Customer.io',
    () => readForm('f', '{"data":{"email_address":"a@b.c"}}'),
    'form:f',
    '{"type":"form","action":"submit","form_id":"f","body":{"data":{"email_address":"a@b.c"}}}',
  ],
  [
    'a metric',
    () => readReport('metric', '{"delivery_id":"d","metric":"opened"}'),
    'delivery:d',
    '{"type":"metric","action":"report","body":{"delivery_id":"d","metric":"opened"}}',
  ],
  [
    'a push event',
    () => readReport('push', '{"delivery_id":"d","event":"opened"}'),
    'delivery:d',
    '{"type":"push","action":"report","body":{"delivery_id":"d","event":"opened"}}',
  ],
  [
    'an in-app event',
    () => readInAppReport('{"type":"in_app","payload":{"delivery_id":"d","event":"clicked"}}'),
    'delivery:d',
    '{"type":"in_app","action":"report","body":{"type":"in_app","payload":{"delivery_id":"d","event":"clicked"}}}',
  ],
  [
    'an unsubscribe',
    () => readUnsubscribe('d', '{"unsubscribe":true}'),
    'delivery:d',
    '{"type":"unsubscribe","action":"report","delivery_id":"d","body":{"unsubscribe":true}}',
  ],
]

for (const [why, read, key, value] of TAKEN)
  test(`${why} is kept as it came`, () => {
    const draft = read()
    assert.equal(draft.key, key)
    assert.deepEqual(draft.others, [])
    assert.equal(writeValue(draft.members), value)
  })

test('a change of a segment holds everybody it names', () => {
  const [draft, ...rest] = segment(undefined, '{"ids":["a",9223372036854775807,null,"a"]}')
  assert.deepEqual(rest, [])
  assert.equal(draft?.key, 'segment:7')
  assert.deepEqual(draft?.others, ['id:a', 'id:9223372036854775807', 'id:a'])
  assert.equal(
    writeValue(draft?.members ?? new Map()),
    '{"type":"segment","action":"add","segment_id":"7","body":{"ids":["a",9223372036854775807,null,"a"]}}',
  )
  const [byEmail] = segment('email', '{"ids":["A@b.c"]}')
  assert.deepEqual(byEmail?.others, ['email:a@b.c'])
  assert.equal(byEmail?.members.get('id_type'), '"email"')
})

test('a change of a segment for 1000 people is cut into hundreds, which together name all of them', () => {
  const drafts = segment(undefined, ids(1000))
  assert.equal(drafts.length, 10)
  const named = drafts.flatMap(({ members }) => JSON.parse(members.get('body') ?? '').ids)
  assert.deepEqual({ ids: named }, JSON.parse(ids(1000)))
  assert.deepEqual(
    [100, 101].map((count) => segment(undefined, ids(count)).length),
    [1, 2],
  )
})

test('the time of a report is the one it names', () => {
  assert.equal(readReport('metric', '{"delivery_id":"d","metric":"m","timestamp":17}').seconds, 17)
  assert.equal(readReport('metric', '{"delivery_id":"d","metric":"m","timestamp":null}').seconds, undefined)
})

const REFUSED: readonly [why: string, read: () => unknown, says: RegExp][] = [
  ['no ids', () => segment(undefined, '{}'), /ids must be an array/],
  ['no id', () => segment(undefined, '{"ids":[]}'), /at least one/],
  ['an id_type that there is not', () => segment('phone', ids(1)), /id_type/],
  ['an id_type given twice', () => segment(['id', 'id'], ids(1)), /id_type/],
  ['a body that is no JSON', () => readForm('f', 'data=1'), /not JSON/],
  ['a form without data', () => readForm('f', '{}'), /data must be an object/],
  ['a form of two people', () => readForm('f', '{"data":{"id":"1","email":"a@b.c"}}'), /only one of/],
  ['a number in a form', () => readForm('f', '{"data":{"id":"1","n":1}}'), /must be strings/],
  ['an address that is no text', () => readForm('f', '{"data":{"email":{}}}'), /must be strings/],
  ['a metric of no delivery', () => readReport('metric', '{"metric":"opened"}'), /delivery_id is required/],
  ['a metric without its name', () => readReport('metric', '{"delivery_id":"d"}'), /metric is required/],
  ['a push event without its name', () => readReport('push', '{"delivery_id":"d"}'), /event is required/],
  ['an in-app event without payload', () => readInAppReport('{"type":"in_app"}'), /payload/],
  ['an unsubscribe without a body', () => readUnsubscribe('d', ''), /not JSON/],
]

for (const [why, read, says] of REFUSED)
  test(`${why} is refused`, () => assert.throws(read, { code: 'bad_request', message: says }))
