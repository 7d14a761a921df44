import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../core/json.ts'
import { readItem } from './item.ts'
import { faultIn, oversize } from './validate.ts'

const person = (more: JsonObject): JsonObject => ({
  type: 'person',
  action: 'identify',
  identifiers: { id: '1' },
  ...more,
})
const event = (more: JsonObject): JsonObject => person({ action: 'event', name: 'x', ...more })
const object = (more: JsonObject): JsonObject => ({
  type: 'object',
  action: 'identify',
  identifiers: { object_type_id: '1', object_id: 'acme' },
  ...more,
})
const numbered = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, i]))

/** An item, and the field at fault; null when it is taken. Every limit stands here with the last value it allows. */
const TABLE: readonly [why: string, item: JsonObject, field: string | null][] = [
  ['a plain identify', person({ attributes: { plan: 'pro' } }), null],
  ['no type', { action: 'identify' }, 'type'],
  ['an unknown type', { type: 'robot', action: 'identify' }, 'type'],
  ['no action', { type: 'person' }, 'action'],
  ['an action of another type', object({ action: 'suppress' }), 'action'],
  ['a type the emulator keeps to itself', { type: 'segment', action: 'add_customers' }, 'type'],
  ['no identifiers', person({ identifiers: undefined }), 'identifiers'],
  ['empty identifiers', person({ identifiers: {} }), 'identifiers'],
  ['two identifiers', person({ identifiers: { id: '1', email: 'a@x.io' } }), 'identifiers'],
  ['two identifiers, one of them null', person({ identifiers: { id: '1', email: null } }), null],
  ['an identifier that is a number', person({ identifiers: { id: 1 } }), null],
  ['an identifier that is an object', person({ identifiers: { id: {} } }), 'identifiers.id'],
  ['an id of 150 bytes', person({ identifiers: { id: 'x'.repeat(150) } }), null],
  [
    'an id of 151 bytes in 76 characters',
    person({ identifiers: { id: `${'é'.repeat(75)}x` } }),
    'identifiers.id',
  ],
  ['an e-mail address without @', person({ identifiers: { email: 'ada' } }), 'identifiers.email'],
  ['a phone number that is not E.164', person({ identifiers: { phone: '0123' } }), 'identifiers.phone'],
  ['an anonymous_id for an identify', person({ identifiers: { anonymous_id: 'x' } }), 'identifiers'],
  ['an anonymous_id for an event', event({ identifiers: { anonymous_id: 'x' } }), null],
  ['a value of 1000 bytes', person({ attributes: { plan: 'x'.repeat(1000) } }), null],
  ['a value of 1001 bytes', person({ attributes: { plan: 'x'.repeat(1001) } }), 'attributes.plan'],
  [
    'a value of 1002 bytes in 501 characters',
    person({ attributes: { plan: 'é'.repeat(501) } }),
    'attributes.plan',
  ],
  ['a name of 150 bytes', person({ attributes: { ['n'.repeat(150)]: 1 } }), null],
  ['a name of 151 bytes', person({ attributes: { ['n'.repeat(151)]: 1 } }), `attributes.${'n'.repeat(151)}`],
  ['300 attributes', person({ attributes: numbered(300) }), null],
  ['301 attributes', person({ attributes: numbered(301) }), 'attributes'],
  ['attributes that are a list', person({ attributes: [] }), 'attributes'],
  ['an e-mail attribute that is none', person({ attributes: { email: 'ada' } }), 'attributes.email'],
  [
    'preferences longer than a value may be',
    person({ attributes: { cio_subscription_preferences: numbered(200) } }),
    null,
  ],
  ['a timestamp as text', person({ timestamp: '1700000000' }), null],
  ['a timestamp as a date', person({ timestamp: '2023-11-14' }), 'timestamp'],
  ['an event without a name', event({ name: undefined }), 'name'],
  ['an event name of spaces', event({ name: '  ' }), 'name'],
  ['an event name of 100 bytes between spaces', event({ name: ` ${'n'.repeat(100)} ` }), null],
  ['an event name of 101 bytes', event({ name: 'n'.repeat(101) }), 'name'],
  ['event data of 100,000 bytes', event({ attributes: { a: 'x'.repeat(100_000 - 8) } }), null],
  ['event data of 100,001 bytes', event({ attributes: { a: 'x'.repeat(100_001 - 8) } }), 'attributes'],
  [
    'a device without a platform',
    person({ action: 'add_device', device: { token: 't' } }),
    'device.platform',
  ],
  ['a device without a token', person({ action: 'add_device', device: { platform: 'ios' } }), 'device.token'],
  [
    'last_used as text',
    person({ action: 'add_device', device: { token: 't', platform: 'ios', last_used: '17' } }),
    null,
  ],
  ['a merge of one', { type: 'person', action: 'merge', primary: { id: '1' } }, 'secondary'],
  [
    'a merge by phone',
    { type: 'person', action: 'merge', primary: { id: '1' }, secondary: { phone: '+1' } },
    'secondary',
  ],
  [
    'a relationship without identifiers',
    person({ cio_relationships: [{}] }),
    'cio_relationships.0.identifiers',
  ],
  ['relationships that are an object', person({ cio_relationships: {} }), 'cio_relationships'],
  ['no relationships to add', person({ action: 'add_relationships' }), 'cio_relationships'],
  [
    'an object of type 0',
    object({ identifiers: { object_type_id: '0', object_id: 'a' } }),
    'identifiers.object_type_id',
  ],
  ['an object by cio_object_id', object({ identifiers: { cio_object_id: 'ob1' } }), null],
  [
    'an object of more than 100 KB',
    object({
      attributes: Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`a${i}`, 'x'.repeat(1000)])),
    }),
    'attributes',
  ],
  [
    'a delivery metric',
    { type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'opened' },
    null,
  ],
  [
    'an unknown delivery metric',
    { type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'read' },
    'name',
  ],
]

for (const [why, item, field] of TABLE) {
  test(`${why} is ${field === null ? 'taken' : `refused at ${field.slice(0, 40)}`}`, () => {
    assert.equal(faultIn(readItem(JSON.stringify(item)))?.field ?? null, field)
  })
}

test('the two texts that are known of Customer.io are its own', () => {
  const long = faultIn(readItem(JSON.stringify(person({ attributes: { plan: 'x'.repeat(1001) } }))))
  const name = faultIn(readItem(JSON.stringify(event({ name: 'n'.repeat(101) }))))
  assert.deepEqual(long, {
    reason: 'invalid',
    field: 'attributes.plan',
    message: 'property value cannot be longer than 1000 bytes',
  })
  assert.equal(name?.message, 'event name cannot be longer than 100 bytes')
})

test('an item of 32 KB passes and one byte more does not', () => {
  assert.equal(oversize('x'.repeat(32 * 1024)), undefined)
  assert.equal(oversize('x'.repeat(32 * 1024 + 1))?.reason, 'invalid')
})
