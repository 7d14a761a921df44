import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifyText, mergeIdentifies, parseIdentify } from './coalesce.ts'

const identify = (timestamp: number, attributes: string, id = '"42"') =>
  `{"type":"person","identifiers":{"id":${id}},"action":"identify","timestamp":${timestamp},"attributes":${attributes}}`

function merge(...values: string[]): string | undefined {
  const [head, ...rest] = values.map(parseIdentify)
  let merged = head
  for (const next of rest) merged = merged && next && mergeIdentifies(merged, next)
  return merged && identifyText(merged)
}

test('the last write wins per attribute', () => {
  assert.equal(
    merge(identify(2, '{"plan":"free","seats":1}'), identify(2, '{"plan":"pro","city":null}')),
    identify(2, '{"plan":"pro","seats":1,"city":null}'),
  )
})

test('what is written over altogether gives way to a newer one', () => {
  const newer = identify(2, '{"plan":"pro","seats":null}')
  assert.equal(merge(identify(1, '{"plan":"free"}'), newer), newer)
})

test('numbers keep every digit, and text every escape', () => {
  const merged = merge(identify(1, '{"big":12345678901234567890,"a":"\\u0041"}'), identify(1, '{"e":1e400}'))
  assert.equal(merged, identify(1, '{"big":12345678901234567890,"a":"\\u0041","e":1e400}'))
})

for (const [name, a, b] of [
  ['an attribute that would become newer than it is', identify(1, '{"a":1}'), identify(2, '{"b":2}')],
  ['an address that only one of them brings', identify(1, '{"a":1}'), identify(1, '{"email":"a@x.org"}')],
  ['a timestamp that goes back', identify(2, '{"a":1}'), identify(1, '{"a":2}')],
  ['other identifiers', identify(1, '{"a":1}'), identify(1, '{"a":2}', '"43"')],
  ['_update given on one side', identify(1, '{"a":1}'), identify(1, '{"a":2,"_update":true}')],
  [
    'other preferences',
    identify(1, '{"cio_subscription_preferences":{"topics":{"topic_1":true}}}'),
    identify(1, '{"cio_subscription_preferences":{"topics":{"topic_2":true}}}'),
  ],
  ['relationships', identify(1, '{"a":1}'), `${identify(1, '{"a":2}').slice(0, -1)},"cio_relationships":[]}`],
] as const)
  test(`two identifies are sent apart: ${name}`, () => assert.equal(merge(a, b), undefined))

test('more than 300 attributes are not merged into one identify', () => {
  const many = (prefix: string) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: 151 }, (_, i) => [`${prefix}${i}`, i])))
  assert.equal(merge(identify(1, many('a')), identify(1, many('b'))), undefined)
})
