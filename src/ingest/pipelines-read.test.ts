import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { memberMap } from '../core/json.ts'
import { type Draft, writeValue } from './draft.ts'
import { type MessageType, readBatch, readCall } from './pipelines-read.ts'
import { draftOf, readAnonymousEvent, readItem } from './read-v2.ts'
import {
  addDeviceItem,
  anonymousEventItem,
  eventItem,
  identifyItems,
  mergeItem,
  plainItem,
} from './translate-v1.ts'

const BIG = '12345678901234567890'
const textOf = (draft: Draft | undefined): string => (draft === undefined ? '' : writeValue(draft.members))

/** A message, and the operation in Track v2 form that it becomes. */
const TABLE: readonly [why: string, type: MessageType, message: string, value: string][] = [
  [
    'a person by id, with traits to the digit',
    'identify',
    `{"userId":"42","traits":{ "plan":"pro", "n":${BIG} },"timestamp":"2023-11-14T22:13:20.000Z"}`,
    `{"type":"person","identifiers":{"id":"42"},"action":"identify","timestamp":1700000000,"attributes":{ "plan":"pro", "n":${BIG} }}`,
  ],
  [
    'an id that is a number',
    'identify',
    `{"userId":${BIG}}`,
    `{"type":"person","identifiers":{"id":"${BIG}"},"action":"identify"}`,
  ],
  [
    'an id that is an address',
    'identify',
    '{"userId":"a@b.c","traits":{}}',
    '{"type":"person","identifiers":{"email":"a@b.c"},"action":"identify","attributes":{}}',
  ],
  [
    'an id that is a cio_id',
    'identify',
    '{"userId":"cio_a3","traits":{"a":1}}',
    '{"type":"person","identifiers":{"cio_id":"a3"},"action":"identify","attributes":{"a":1}}',
  ],
  [
    'a person by the address among the traits alone',
    'identify',
    '{"userId":"","anonymousId":null,"traits":{"email":"a@b.c"}}',
    '{"type":"person","identifiers":{"email":"a@b.c"},"action":"identify","attributes":{"email":"a@b.c"}}',
  ],
  [
    'a known person who was anonymous',
    'identify',
    '{"userId":"42","anonymousId":"anon","traits":{"a":1}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"identify","attributes":{"a":1,"anonymous_id":"anon"}}',
  ],
  [
    'a known person who was anonymous, without traits',
    'identify',
    '{"userId":"42","anonymousId":"anon"}',
    '{"type":"person","identifiers":{"id":"42"},"action":"identify","attributes":{"anonymous_id":"anon"}}',
  ],
  [
    'somebody known by an anonymousId alone',
    'identify',
    '{"anonymousId":"anon","traits":{"a":1}}',
    '{"type":"person","identifiers":{"anonymous_id":"anon"},"action":"identify","attributes":{"a":1}}',
  ],
  [
    'dates, and createdAt',
    'identify',
    '{"userId":"42","traits":{"createdAt":"2023-11-14T22:13:20Z","born":"2023-11-14"}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"identify","attributes":{"created_at":1700000000,"born":1699920000}}',
  ],
  [
    'createdAt beside created_at',
    'identify',
    '{"userId":"42","traits":{"createdAt":1,"created_at":2}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"identify","attributes":{"created_at":2}}',
  ],
  [
    'a person with an object',
    'identify',
    '{"userId":"42","traits":{"objectId":"acme","objectTypeId":2,"relationshipAttributes":{"role":"x"}}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"identify","attributes":{"objectId":"acme"},"cio_relationships":[{"identifiers":{"object_type_id":"2","object_id":"acme"},"relationship_attributes":{"role":"x"}}]}',
  ],
  [
    'an event',
    'track',
    `{"userId":"42","event":"order","properties":{"total":1.50,"n":${BIG}},"messageId":"m","originalTimestamp":"2023-11-14T22:13:20Z"}`,
    `{"type":"person","identifiers":{"id":"42"},"action":"event","name":"order","timestamp":1700000000,"attributes":{"total":1.50,"n":${BIG}}}`,
  ],
  [
    'an event of an anonymous person',
    'track',
    '{"anonymousId":"anon","event":"order","timestamp":1700000000}',
    '{"type":"person","identifiers":{"anonymous_id":"anon"},"action":"event","name":"order","timestamp":1700000000}',
  ],
  [
    'a timestamp that is a number in a text',
    'track',
    '{"userId":"1","event":"order","timestamp":"1700000000"}',
    '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"order","timestamp":1700000000}',
  ],
  [
    'a page',
    'page',
    '{"userId":"42","name":"home","properties":{"url":"https://x.io"}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"page","name":"home","attributes":{"url":"https://x.io"}}',
  ],
  [
    'a page by its address',
    'page',
    '{"userId":"42","properties":{"url":"https://x.io"}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"page","name":"https://x.io","attributes":{"url":"https://x.io"}}',
  ],
  [
    'a page by the address in its context',
    'page',
    '{"userId":"42","context":{"page":{"url":"https://x.io"}}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"page","name":"https://x.io"}',
  ],
  [
    'a screen',
    'screen',
    '{"anonymousId":"a","name":"feed"}',
    '{"type":"person","identifiers":{"anonymous_id":"a"},"action":"screen","name":"feed"}',
  ],
  [
    'a group of a known person',
    'group',
    '{"userId":"42","groupId":"acme","traits":{"name":"Acme","object_type_id":"3","relationshipAttributes":{"since":"2023-11-14"}}}',
    '{"type":"object","identifiers":{"object_type_id":"3","object_id":"acme"},"action":"identify","attributes":{"name":"Acme"},"cio_relationships":[{"identifiers":{"id":"42"},"relationship_attributes":{"since":1699920000}}]}',
  ],
  [
    'a group of an anonymous person',
    'group',
    '{"anonymousId":"anon","groupId":7}',
    '{"type":"object","identifiers":{"object_type_id":"1","object_id":"7"},"action":"identify_anonymous","cio_relationships":[{"identifiers":{"anonymous_id":"anon"}}]}',
  ],
  [
    'a group of nobody',
    'group',
    '{"groupId":"acme","traits":{}}',
    '{"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"},"action":"identify","attributes":{}}',
  ],
  [
    'an alias',
    'alias',
    '{"userId":"42","previousId":"old@b.c"}',
    '{"type":"person","action":"merge","primary":{"id":"42"},"secondary":{"email":"old@b.c"}}',
  ],
  [
    'a device',
    'track',
    '{"userId":"42","event":"Device Created or Updated","timestamp":"2023-11-14T22:13:20Z","context":{"device":{"token":"t","type":"iOS"}},"properties":{"app_version":"1.2"}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"add_device","device":{"token":"t","platform":"ios","last_used":1700000000,"attributes":{"app_version":"1.2"}}}',
  ],
  [
    'a device that goes',
    'track',
    '{"userId":"42","event":"Device Deleted","context":{"device":{"token":"t"}}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"delete_device","device":{"token":"t"}}',
  ],
  [
    'a person who goes',
    'track',
    '{"userId":"42","event":"User Deleted"}',
    '{"type":"person","identifiers":{"id":"42"},"action":"delete"}',
  ],
  [
    'a person to be left alone',
    'track',
    '{"userId":"42","event":"User Suppressed"}',
    '{"type":"person","identifiers":{"id":"42"},"action":"suppress"}',
  ],
  [
    'a person to be left alone no longer',
    'track',
    '{"userId":"42","event":"User Unsuppressed"}',
    '{"type":"person","identifiers":{"id":"42"},"action":"unsuppress"}',
  ],
  [
    'a relationship that goes',
    'track',
    '{"userId":"42","event":"Relationship Deleted","properties":{"objectId":"acme","objectTypeId":2}}',
    '{"type":"person","identifiers":{"id":"42"},"action":"delete_relationships","cio_relationships":[{"identifiers":{"object_type_id":"2","object_id":"acme"}}]}',
  ],
  [
    'an object that goes',
    'track',
    '{"anonymousId":"a","event":"Object Deleted","properties":{"objectId":"acme"}}',
    '{"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"},"action":"delete"}',
  ],
  [
    'a metric of a delivery',
    'track',
    '{"anonymousId":"a","event":"Report Delivery Event","timestamp":"2023-11-14T22:13:20Z","properties":{"deliveryId":"d","metric":"clicked","recipient":"r","actionName":"n","actionValue":"v","href":"h"}}',
    '{"type":"metric","action":"report","body":{"delivery_id":"d","metric":"clicked","timestamp":1700000000,"recipient":"r","href":"h","metadata":{"action_name":"n","action_value":"v"}}}',
  ],
  [
    'a view of a message',
    'track',
    '{"anonymousId":"a","event":"Report Content Event","properties":{"actionType":"viewed_content","contentId":7}}',
    '{"type":"person","identifiers":{"anonymous_id":"a"},"action":"viewed_content","name":"viewed_content","attributes":{"contentId":7}}',
  ],
  [
    'an event whose name only looks like one of these',
    'track',
    '{"userId":"42","event":"user deleted"}',
    '{"type":"person","identifiers":{"id":"42"},"action":"event","name":"user deleted"}',
  ],
  [
    'an event by the name of a method',
    'track',
    '{"userId":"42","event":"constructor"}',
    '{"type":"person","identifiers":{"id":"42"},"action":"event","name":"constructor"}',
  ],
]

for (const [why, type, message, value] of TABLE)
  test(`${type}: ${why}`, () => {
    assert.equal(textOf(readCall(type, message)), value)
    const batch = `{"batch":[${message.replace('{', `{"type":"${type}",`)}]}`
    assert.deepEqual(readBatch(batch).drafts.map(textOf), [value], 'and the same in a batch')
  })

test('a message is recognised by its messageId, whatever it says', () => {
  for (const [type, message] of [
    ['identify', '{"userId":"1"}'],
    ['alias', '{"userId":"1","previousId":"2"}'],
    ['track', '{"event":"Report Delivery Event","properties":{"deliveryId":"d","metric":"opened"}}'],
  ] as const) {
    assert.equal(readCall(type, message.replace('{', '{"messageId":"m",')).clientId, 'm')
    assert.equal(readCall(type, message).clientId, undefined)
  }
})

test('the context of a batch is that of every message without one of its own', () => {
  const device = (token: string) => `"context":{"device":{"token":"${token}"}}`
  const message = '"type":"track","userId":"42","event":"Device Deleted"'
  const { drafts } = readBatch(`{"batch":[{${message}},{${message},${device('own')}}],${device('all')}}`)
  assert.deepEqual(
    drafts.map(({ members }) => members.get('device')),
    ['{"token":"all"}', '{"token":"own"}'],
  )
})

const REFUSED: readonly [type: MessageType, message: string, says: RegExp][] = [
  ['identify', '[]', /not a JSON object/],
  ['identify', '{', /not JSON/],
  ['identify', '{}', /userId or anonymousId is required/],
  ['identify', '{"userId":{}}', /userId must be a string/],
  ['identify', '{"userId":true}', /userId must be a string/],
  ['identify', '{"userId":" "}', /must not be empty/],
  ['identify', '{"userId":"\\ud800"}', /not well-formed/],
  ['identify', '{"userId":"1","traits":[]}', /traits must be an object/],
  ['identify', '{"userId":"1","timestamp":"soon"}', /timestamp must be an ISO 8601/],
  ['identify', '{"userId":"1","messageId":{}}', /messageId must be a string/],
  ['track', '{"userId":"1"}', /name is required/],
  ['track', '{"event":"x"}', /userId or anonymousId is required/],
  ['track', '{"userId":"1","event":7}', /name must be a string/],
  ['track', '{"userId":"1","event":"x","properties":"y"}', /properties must be an object/],
  ['track', '{"anonymousId":"1","event":"User Deleted"}', /userId is required/],
  ['track', '{"userId":"1","event":"Device Deleted"}', /device.token is required/],
  ['track', '{"userId":"1","event":"Object Deleted"}', /objectId is required/],
  ['track', '{"event":"Report Delivery Event","properties":{"metric":"x"}}', /deliveryId is required/],
  ['track', '{"userId":"1","event":"Report Content Event"}', /actionType must be/],
  ['page', '{"userId":"1"}', /name is required/],
  ['group', '{"userId":"1"}', /groupId is required/],
  ['alias', '{"userId":"1"}', /previousId is required/],
]

for (const [type, message, says] of REFUSED)
  test(`${type} ${message} is refused`, () =>
    assert.throws(() => readCall(type, message), { code: 'bad_request', message: says }))

test('of a batch the good messages are kept, and the others named by their place', () => {
  const good = '{"type":"identify","userId":"1"}'
  const large = `{"type":"identify","userId":"1","traits":{"a":"${'x'.repeat(32 * 1024)}"}}`
  const { drafts, faults } = readBatch(`{"batch":[${good},7,{"type":"delete"},${large},${good}]}`)
  assert.equal(drafts.length, 2)
  assert.deepEqual(
    faults.map(({ message }) => message.split(' ').slice(0, 3).join(' ')),
    ['batch[1]: A message', 'batch[2]: type must', 'batch[3]: A message'],
  )
})

test('a message of 32 KB is taken, and one byte more is not', () => {
  const sized = (bytes: number) => {
    const frame = '{"type":"identify","userId":"1","traits":{"a":""}}'
    return `{"batch":[${frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`)}]}`
  }
  assert.deepEqual(
    [-1, 0, 1].map((more) => readBatch(sized(32 * 1024 + more)).faults.length),
    [0, 0, 1],
  )
})

/** Texts in which no date can be read, since those alone come out otherwise. */
const plainJson = fc
  .dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 8 })
  .filter((object) => !/\d{4}-\d{2}-\d{2}/.test(JSON.stringify(object)))
const BESIDE = [
  'createdAt',
  'object_type_id',
  'objectTypeId',
  'relationshipAttributes',
  'objectId',
  '_timestamp',
  'cio_relationships',
]
const traits = plainJson.filter((object) => !BESIDE.some((name) => Object.hasOwn(object, name)))
const who = fc
  .oneof(
    fc.string({ minLength: 1 }),
    fc.emailAddress(),
    fc.string({ minLength: 1 }).map((text) => `cio_${text}`),
  )
  .filter((id) => id.isWellFormed() && id.replace(/^cio_/, '').trim() !== '')
const seconds = fc.integer({ min: 0, max: 4_000_000_000 })
const iso = (at: number) => new Date(at * 1000).toISOString()

const ofV2 = (value: object): string => {
  const text = JSON.stringify(value)
  return textOf(draftOf(readItem({ value: JSON.parse(text), members: memberMap(text) })))
}
const identifiersOf = (id: string) =>
  id.includes('@') ? { email: id } : id.startsWith('cio_') ? { cio_id: id.slice(4) } : { id }
const said = (type: MessageType, message: object) => textOf(readCall(type, JSON.stringify(message)))

test('a person said through v1, v2 and Pipelines is one operation', () => {
  fc.assert(
    fc.property(who, traits, seconds, (id, attributes, timestamp) => {
      const expected = ofV2({
        type: 'person',
        identifiers: identifiersOf(id),
        action: 'identify',
        attributes,
        timestamp,
      })
      const [v1] = identifyItems(id, JSON.stringify({ ...attributes, _timestamp: timestamp }))
      assert.equal(textOf(v1 && draftOf(readItem(v1))), expected)
      assert.equal(said('identify', { userId: id, traits: attributes, timestamp: iso(timestamp) }), expected)
    }),
    { numRuns: cases(200, 1_000) },
  )
})

test('an event, a page and a screen said through v1, v2 and Pipelines are one operation', () => {
  const name = fc.string({ minLength: 1 }).filter((text) => text.trim() !== '')
  const type = fc.constantFrom('event', 'page', 'screen')
  fc.assert(
    fc.property(who, name, type, plainJson, seconds, (id, name, type, data, timestamp) => {
      const expected = ofV2({
        type: 'person',
        identifiers: identifiersOf(id),
        action: type,
        name,
        attributes: data,
        timestamp,
      })
      const v1 = eventItem(id, JSON.stringify({ type, name, data, timestamp }))
      assert.equal(textOf(draftOf(readItem(v1))), expected)
      const message = { userId: id, properties: data, timestamp: iso(timestamp) }
      const cdp =
        type === 'event'
          ? said('track', { ...message, event: name })
          : said(type === 'page' ? 'page' : 'screen', { ...message, name })
      assert.equal(cdp, expected)
      const anonymous = anonymousEventItem(JSON.stringify({ anonymous_id: id, type, name, data, timestamp }))
      const { userId: _, ...rest } = { ...message, anonymousId: id }
      const cdpAnonymous =
        type === 'event'
          ? said('track', { ...rest, event: name })
          : said(type === 'page' ? 'page' : 'screen', { ...rest, name })
      assert.equal(cdpAnonymous, textOf(draftOf(readAnonymousEvent(anonymous))))
    }),
    { numRuns: cases(200, 1_000) },
  )
})

test('what is done to a person is one operation in every API', () => {
  fc.assert(
    fc.property(who, who, (id, other) => {
      const track = (event: string, more: object = {}) => said('track', { userId: id, event, ...more })
      for (const [event, action] of [
        ['User Deleted', 'delete'],
        ['User Suppressed', 'suppress'],
        ['User Unsuppressed', 'unsuppress'],
      ] as const)
        assert.equal(track(event), textOf(draftOf(readItem(plainItem(id, action)))))
      const device = { id: other, platform: 'ios', last_used: 17 }
      assert.equal(
        track('Device Created or Updated', {
          timestamp: iso(17),
          context: { device: { token: other, type: 'ios' } },
        }),
        textOf(draftOf(readItem(addDeviceItem(id, JSON.stringify({ device }))))),
      )
      const merge = { primary: identifiersOf(id), secondary: identifiersOf(other) }
      assert.equal(
        said('alias', { userId: id, previousId: other }),
        textOf(draftOf(readItem(mergeItem(JSON.stringify(merge))))),
      )
    }),
    { numRuns: 300 },
  )
})
