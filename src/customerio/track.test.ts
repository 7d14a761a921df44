import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchCall, singleCall } from './track.ts'

test('a batch is its items joined, byte for byte', () => {
  assert.equal(
    batchCall(['{"a":1.0}', '{"b":12345678901234567890}']).body,
    '{"batch":[{"a":1.0},{"b":12345678901234567890}]}',
  )
})

const event = (identifiers: string, action = 'event') =>
  `{"type":"person","identifiers":${identifiers},"action":"${action}","name":"n","id":"01","timestamp":1,"attributes":{"x":1.50}}`

for (const [kind, value, method, path, body] of [
  [
    'anonymous.event',
    event('{"anonymous_id":"a"}'),
    'POST',
    '/api/v1/events',
    '{"anonymous_id":"a","name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'anonymous.event',
    event('{}', 'page'),
    'POST',
    '/api/v1/events',
    '{"type":"page","name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'person.event',
    event('{"id":"a b/c"}'),
    'POST',
    '/api/v1/customers/a%20b%2Fc/events',
    '{"name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'person.screen',
    event('{"email":"a@b.c"}', 'screen'),
    'POST',
    '/api/v1/customers/a%40b.c/events',
    '{"type":"screen","name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'person.event',
    event('{"cio_id":"a3"}'),
    'POST',
    '/api/v1/customers/cio_a3/events',
    '{"name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'person.event',
    event('{"id":"looks@like.mail"}'),
    'POST',
    '/api/v2/entity',
    event('{"id":"looks@like.mail"}'),
  ],
  ...['{"email":"no-at"}', '{"id":".."}', '{"id":"."}'].map(
    (identifiers) =>
      ['person.event', event(identifiers), 'POST', '/api/v2/entity', event(identifiers)] as const,
  ),
  [
    'person.event',
    event('{"id":null,"email":"a@b.c"}'),
    'POST',
    '/api/v1/customers/a%40b.c/events',
    '{"name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'person.event',
    event('{"id":12345678901234567890}'),
    'POST',
    '/api/v1/customers/12345678901234567890/events',
    '{"name":"n","id":"01","timestamp":1,"data":{"x":1.50}}',
  ],
  [
    'person.identify',
    '{"type":"person","identifiers":{"id":"1"},"action":"identify","timestamp":5,"attributes":{"a":1},"cio_relationships":[1]}',
    'PUT',
    '/api/v1/customers/1',
    '{"a":1,"_timestamp":5,"cio_relationships":{"action":"add_relationships","relationships":[1]}}',
  ],
  ['object.identify', '{"type":"object"}', 'POST', '/api/v2/entity', '{"type":"object"}'],
] as const)
  test(`${kind} alone is ${method} ${path}`, () => {
    const call = singleCall(kind, value)
    assert.deepEqual([call.method, call.path, call.body], [method, path, body])
  })
