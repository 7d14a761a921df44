/** What strangers write, and what becomes of it: the envelope in its many hands, Track v2, and what is neither. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent } from '../core/notices.ts'
import { HEADER, type Headers, type Received, TOPICS } from '../core/record.ts'
import { isUlid } from '../core/ulid.ts'
import { policiesWith } from '../preflight/rules.ts'
import { Judge } from './judge.ts'
import { isFault, readMessage } from './message.ts'
import { adopt as adoptBy, strangeRecord } from './strangers.ts'

const AT = 1_800_000_000_000

const judge = new Judge({ policies: policiesWith(), clock: { now: () => AT }, notify: silent })
const adopt = (record: Received) => adoptBy(record, judge)

const lying = (value: string | Uint8Array, more: Partial<Received> = {}): Received => ({
  ...strangeRecord({ value, key: 'k', at: AT }, 0),
  topic: TOPICS.track,
  lane: 3,
  offset: 1234,
  epoch: 1,
  ...more,
})

/** The operation that a message becomes, as text without what was stamped on it. */
function operationOf(value: object | string): string {
  const { kind, value: text } = adopt(lying(typeof value === 'string' ? value : JSON.stringify(value)))
  assert.notEqual(kind, 'unreadable', text)
  return text.replace(/,"id":"[^"]*"/, '').replace(/,"timestamp":1800000000(?=[,}])/, '')
}

const PERSON = '{"type":"person","identifiers":{"id":"42"}'

const SAID: readonly (readonly [title: string, value: object | string, operation: string])[] = [
  [
    'identify, the attributes as payload',
    { type: 'identify', userId: '42', payload: { plan: 'pro' } },
    `${PERSON},"action":"identify","attributes":{"plan":"pro"}}`,
  ],
  [
    'identify, the attributes under traits',
    { type: 'identify', userId: '42', payload: { traits: { plan: 'pro' } } },
    `${PERSON},"action":"identify","attributes":{"plan":"pro"}}`,
  ],
  [
    'identify of a user id that is an address',
    { type: 'identify', userId: 'ada@example.com', payload: {} },
    '{"type":"person","identifiers":{"email":"ada@example.com"},"action":"identify","attributes":{}}',
  ],
  [
    'identify that names the person in the payload alone',
    { type: 'identify', payload: { email: 'ada@example.com' } },
    '{"type":"person","identifiers":{"email":"ada@example.com"},"action":"identify","attributes":{"email":"ada@example.com"}}',
  ],
  [
    'track with event and properties',
    { type: 'track', userId: '42', payload: { event: 'order', properties: { total: 1 } } },
    `${PERSON},"action":"event","name":"order","attributes":{"total":1}}`,
  ],
  [
    'track with name and data',
    { type: 'track', userId: '42', payload: { name: 'order', data: { total: 1 } } },
    `${PERSON},"action":"event","name":"order","attributes":{"total":1}}`,
  ],
  [
    'track with the data beside the name',
    { type: 'track', userId: '42', payload: { eventName: 'order', total: 1, currency: 'EUR' } },
    `${PERSON},"action":"event","name":"order","attributes":{"total":1,"currency":"EUR"}}`,
  ],
  [
    'track of somebody anonymous',
    { type: 'track', anonymousId: 'a-1', payload: { event: 'order' } },
    '{"type":"person","identifiers":{"anonymous_id":"a-1"},"action":"event","name":"order"}',
  ],
  [
    'numbers to the digit, of the user too',
    '{"type":"track","userId":12345678901234567890,"payload":{"event":"order","total":1.50,"big":98765432109876543210}}',
    '{"type":"person","identifiers":{"id":"12345678901234567890"},"action":"event","name":"order","attributes":{"total":1.50,"big":98765432109876543210}}',
  ],
  [
    'page',
    { type: 'page', userId: '42', payload: { name: '/pricing' } },
    `${PERSON},"action":"page","name":"/pricing"}`,
  ],
  ['delete', { type: 'delete', userId: '42', payload: {} }, `${PERSON},"action":"delete"}`],
  ['suppress, without a payload', { type: 'suppress', userId: '42' }, `${PERSON},"action":"suppress"}`],
  [
    'alias',
    { type: 'alias', userId: '42', payload: { previousId: 'ada@example.com' } },
    '{"type":"person","action":"merge","primary":{"id":"42"},"secondary":{"email":"ada@example.com"}}',
  ],
  [
    'an operation in Track v2 form',
    { type: 'person', identifiers: { id: '42' }, action: 'event', name: 'order', attributes: { total: 1 } },
    `${PERSON},"action":"event","name":"order","attributes":{"total":1}}`,
  ],
  [
    'an object in Track v2 form',
    { type: 'object', identifiers: { object_type_id: '1', object_id: 'acme' }, action: 'identify' },
    '{"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"},"action":"identify"}',
  ],
]

for (const [title, value, operation] of SAID)
  test(`understood: ${title}`, () => assert.equal(operationOf(value), operation))

test('the time is taken from ISO 8601, seconds and milliseconds, and else is that of the message', () => {
  const timeOf = (timestamp: unknown) => {
    const said = adopt(lying(JSON.stringify({ type: 'identify', userId: '1', payload: {}, timestamp })))
    return Number(/"timestamp":(\d+)/.exec(said.value)?.[1])
  }
  assert.equal(timeOf('2026-11-25T18:00:00Z'), 1_795_629_600)
  assert.equal(timeOf(1_795_629_600), 1_795_629_600)
  assert.equal(timeOf(1_795_629_600_123), 1_795_629_600)
  assert.equal(timeOf('1795629600123'), 1_795_629_600)
  assert.equal(timeOf(undefined), AT / 1000, 'also when it is read again much later')
})

const REFUSED: readonly (readonly [
  title: string,
  value: string | Uint8Array,
  field: string,
  message: RegExp,
])[] = [
  ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0), '', /not UTF-8/],
  ['no JSON', 'hello', '', /not a JSON object/],
  ['nothing', '', '', /empty/],
  ['a list', '[1]', '', /not a JSON object/],
  ['a type that nobody knows', '{"type":"ping","userId":"1"}', 'type', /one of identify, track/],
  ['no type', '{"userId":"1","payload":{}}', 'type', /one of/],
  ['a send', '{"type":"transactional","userId":"1"}', 'type', /customerio\.transactional/],
  ['nobody', '{"type":"track","payload":{"event":"x"}}', 'userId', /required/],
  ['no name', '{"type":"track","userId":"1","payload":{}}', 'name', /required/],
  ['a payload that is none', '{"type":"track","userId":"1","payload":"x"}', 'payload', /object/],
  [
    'a time that is none',
    '{"type":"track","userId":"1","payload":{"event":"x"},"timestamp":"soon"}',
    'timestamp',
    /ISO/,
  ],
  [
    'too many bytes',
    `{"type":"track","userId":"1","payload":{"event":"x","a":"${'x'.repeat(40_000)}"}}`,
    '',
    /32768 bytes/,
  ],
  ['too deep', `${'['.repeat(50)}${']'.repeat(50)}`, '', /nested/],
  [
    'an action that nobody knows',
    '{"type":"person","identifiers":{"id":"1"},"action":"hug"}',
    'action',
    /action/,
  ],
]

for (const [title, value, field, message] of REFUSED)
  test(`not understood: ${title}`, () => {
    const record = lying(value)
    const read = readMessage(record)
    assert.ok(isFault(read))
    assert.equal(read.field, field)
    assert.match(read.message, message)
    const dead = adopt(record)
    assert.equal(dead.kind, 'unreadable')
    assert.equal(dead.value, record.value, 'its bytes are kept')
    assert.equal(dead.headers[HEADER.origin], 'customerio.track/3/1234')
  })

test('the same message gives the same ids, other messages others; an id of the producer is recognised anywhere', () => {
  const said = (more: object, place: Partial<Received> = {}) =>
    adopt(lying(JSON.stringify({ type: 'track', userId: '1', payload: { event: 'x' }, ...more }), place)).id
  assert.ok(isUlid(said({})))
  assert.equal(said({}), said({}))
  assert.notEqual(said({}), said({}, { offset: 1235 }))
  assert.equal(said({ messageId: 'm-1' }), said({ messageId: 'm-1' }, { lane: 0, offset: 9, at: 5 }))
  assert.notEqual(said({ messageId: 'm-1' }), said({ messageId: 'm-2' }))
  const ulid = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
  assert.equal(said({ messageId: ulid }), ulid)
})

test('the correlation id is that of the envelope, of the header, or the place', () => {
  const idOf = (more: object, headers: Headers = {}) =>
    adopt(
      lying(JSON.stringify({ type: 'track', userId: '1', payload: { event: 'x' }, ...more }), { headers }),
    ).headers[HEADER.correlationId]
  assert.equal(idOf({ correlationId: 'c-1' }, { 'correlation-id': 'c-2' }), 'c-1')
  assert.equal(idOf({}, { 'correlation-id': 'c-2' }), 'c-2')
  assert.equal(idOf({}), 'customerio.track/3/1234')
  assert.equal(idOf({ correlationId: 'two\nlines' }), 'two lines')
})

test('a record of Sluice is left as it is', () => {
  const own = lying('{}', { id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', kind: 'person.event' })
  assert.equal(adopt(own), own)
})
