/** The limits of the direct client's input: at the limit, and one byte above. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SluiceError } from '../core/errors.ts'
import { jsonText, toSeconds } from './input.ts'
import {
  addDeviceCall,
  anonymousEventCall,
  deleteDeviceCall,
  type EventParts,
  eventCall,
  identifyCall,
  mergeCall,
} from './service-calls.ts'

const ID = '01JZ0000000000000000000000'
const stamps = { environment: undefined, updatedAt: false, seconds: 1_700_000_000 }
const identify = (userId: string, attributes: object) =>
  identifyCall(userId, { ...attributes }, { stamps, timestamp: undefined })
const event = (of: Partial<EventParts>) =>
  eventCall('42', { name: 'n', data: {}, id: ID, timestamp: undefined, stamps, ...of })
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, n]))
/** `{"x":"…"}` adds 8 bytes around the text. */
const dataOf = (bytes: number) => ({ x: 'x'.repeat(bytes - 8) })
// What a caller without types may say; the checks are there for it.
const untyped = (value: unknown) => value as never

const BOUNDARIES: readonly (readonly [field: string, most: number, make: (size: number) => unknown])[] = [
  // A character of two bytes among them: limits are bytes.
  ['userId', 150, (size) => identify(`é${'u'.repeat(size - 2)}`, {})],
  ['attributes', 300, (size) => identify('42', many(size))],
  [
    `attributes.${'é'.repeat(75)}a`,
    150,
    (size) => identify('42', { [`${'é'.repeat(75)}${'a'.repeat(size - 150)}`]: 1 }),
  ],
  ['attributes.plan', 1000, (size) => identify('42', { plan: 'p'.repeat(size) })],
  ['attributes.email', 150, (size) => identify('42', { email: 'e'.repeat(size) })],
  ['name', 100, (size) => event({ name: 'n'.repeat(size) })],
  ['url', 100, (size) => event({ name: '/'.repeat(size), type: 'page' })],
  ['data', 100_000, (size) => event({ data: dataOf(size) })],
  ['primary.id', 150, (size) => mergeCall({ id: 'i'.repeat(size) }, { id: 'b' })],
]

const refusal =
  (field: string, more: object = {}) =>
  (error: unknown) => {
    assert.ok(error instanceof SluiceError)
    assert.equal(error.code, 'bad_request')
    assert.equal(error.details.field, field)
    assert.ok(error.message.startsWith(field), error.message)
    for (const [name, value] of Object.entries(more)) assert.equal(error.details[name], value)
    return true
  }

for (const [field, most, make] of BOUNDARIES)
  test(`${field.slice(0, 20)} may have ${most}, and one more is refused with its name and the limit`, () => {
    make(most)
    assert.throws(() => make(most + 1), refusal(field, { limit: most }))
  })

const REFUSED: readonly (readonly [why: string, field: string, make: () => unknown])[] = [
  ['an empty id', 'userId', () => identify(' ', {})],
  ['an id that is a number', 'userId', () => identify(untyped(42), {})],
  ['half a surrogate pair', 'userId', () => identify('\ud800', {})],
  ['an id that a path would swallow', 'userId', () => identify('..', {})],
  [
    'attributes that are an array',
    'attributes',
    () => identifyCall('42', untyped([]), { stamps, timestamp: 1 }),
  ],
  [
    'attributes that nobody awaited',
    'attributes',
    () => identifyCall('42', Promise.resolve({}), { stamps, timestamp: 1 }),
  ],
  ['data in a Map', 'data', () => event({ data: new Map([['a', 1]]) })],
  ['NaN among the attributes', 'attributes.score', () => identify('42', { score: Number.NaN })],
  ['milliseconds as the time', 'timestamp', () => event({ timestamp: Date.UTC(2026, 0) })],
  ['a Date that is none', 'timestamp', () => event({ timestamp: new Date('tomorrow') })],
  ['an id of an event that is no ULID', 'id', () => event({ id: 'order-1' })],
  [
    'an anonymous id that is empty',
    'anonymousId',
    () => anonymousEventCall('', { name: 'n', data: {}, id: ID, timestamp: 1, stamps }),
  ],
  [
    'a platform that does not exist',
    'device.platform',
    () => addDeviceCall('42', untyped({ token: 't', platform: 'web' })),
  ],
  ['a device without a token', 'device.token', () => addDeviceCall('42', untyped({ platform: 'ios' }))],
  ['an empty token', 'token', () => deleteDeviceCall('42', '')],
  [
    'a merge with two identifiers on one side',
    'secondary',
    () => mergeCall({ id: 'a' }, untyped({ id: 'b', email: 'b@x.io' })),
  ],
  [
    'a merge with an identifier that is none',
    'primary',
    () => mergeCall(untyped({ phone: '+1' }), { id: 'b' }),
  ],
]

for (const [why, field, make] of REFUSED) test(`refused: ${why}`, () => assert.throws(make, refusal(field)))

test('what JSON cannot say is refused with the name of the field', () => {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  assert.throws(() => jsonText('data.x', cycle), {
    code: 'bad_request',
    message: 'data.x cannot be written as JSON.',
  })
  assert.throws(() => jsonText('data.x', () => 1), { code: 'bad_request' })
  assert.throws(() => jsonText('data', { deep: { n: 1 / 0 } }), {
    code: 'bad_request',
    message: /^data, n, must be a finite/,
  })
})

test('a bigint keeps all of its digits, and a member that is undefined is left out', () => {
  const { body } = identify('42', { big: 12_345_678_901_234_567_890n, gone: undefined, none: null })
  assert.equal(body, '{"big":12345678901234567890,"none":null}')
})

test('an identifier is escaped in the path, and a Date becomes unix seconds', () => {
  assert.equal(identify('a b/c?#%@x.io', {}).path, '/api/v1/customers/a%20b%2Fc%3F%23%25%40x.io')
  assert.equal(toSeconds('timestamp', new Date(1_700_000_000_999)), 1_700_000_000)
})

test('what the caller says under the name of a stamp counts instead of it', () => {
  const both = { environment: 'staging', updatedAt: true, seconds: 7 }
  const plain = identifyCall('42', { plan: 'pro' }, { stamps: both, timestamp: 9 })
  assert.equal(plain.body, '{"_env":"staging","_updated_at":7,"plan":"pro","_timestamp":9}')
  const own = identifyCall('42', { _env: 'mine' }, { stamps: both, timestamp: undefined })
  assert.equal(own.body, '{"_env":"mine","_updated_at":7}')
})
