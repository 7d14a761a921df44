/** Every rule: what it finds, what it leaves alone, and what its fix makes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memberMap, objectText } from '../core/json.ts'
import { Memory } from './memory.ts'
import { fix, preflight } from './preflight.ts'
import { POLICIES, type Policies, policiesWith, RULE_NAMES, type RuleName, ruleOf } from './rules.ts'

const NOW = 1_790_000_000

interface Options {
  readonly policies?: Partial<Policies>
  readonly memory?: Memory
}

/** The operation as it is taken, and what was found of it as `rule policy field`. */
function look(text: string, { policies = {}, memory }: Options = {}) {
  const value = JSON.parse(text)
  const members = memberMap(text)
  const key = value.identifiers?.id === undefined ? undefined : `id:${value.identifiers.id}`
  const judged = preflight(
    {
      kind: `${value.type}.${value.action}`,
      key,
      value,
      members,
      clientId: undefined,
      seconds: value.timestamp,
    },
    { policies: policiesWith(policies), nowSeconds: NOW, ...(memory && { memory }) },
  )
  fix(members, judged)
  return { text: objectText(members), found: judged.map((one) => `${one.rule} ${one.policy} ${one.field}`) }
}

const of = (action: string, more: string, identifiers = '{"id":"42"}') =>
  `{"type":"person","identifiers":${identifiers},"action":"${action}"${more}}`
const identify = (attributes: string, more = '') => of('identify', `,"attributes":${attributes}${more}`)
const event = (more: string) => of('event', `,"name":"n"${more}`)

const FOUND: readonly [rule: RuleName, text: string, found: string, fixed?: string][] = [
  [
    'time_not_seconds',
    event(',"timestamp":1790000000123'),
    'fix timestamp',
    event(',"timestamp":1790000000'),
  ],
  [
    'time_not_seconds',
    event(',"timestamp":"1790000000123"'),
    'fix timestamp',
    event(',"timestamp":1790000000'),
  ],
  [
    'time_not_seconds',
    event(',"timestamp":1790000000123456'),
    'fix timestamp',
    event(',"timestamp":1790000000'),
  ],
  [
    'time_not_seconds',
    event(',"timestamp":"2026-09-21T14:13:20Z"'),
    'fix timestamp',
    event(',"timestamp":1790000000'),
  ],
  ['time_not_seconds', event(',"timestamp":"soon"'), 'refuse timestamp'],
  ['time_not_seconds', event(',"timestamp":{"toString":[]}'), 'refuse timestamp'],
  [
    'time_not_seconds',
    of('add_device', ',"device":{"token":"t","platform":"ios","last_used":1790000000123}'),
    'fix device.last_used',
    of('add_device', ',"device":{"token":"t","platform":"ios","last_used":1790000000}'),
  ],
  ['created_at_not_seconds', identify('{"created_at":1790000000123}'), 'warn attributes.created_at'],
  ['created_at_not_seconds', identify('{"created_at":"2026-09-21"}'), 'warn attributes.created_at'],
  ['time_in_future', event(`,"timestamp":${NOW + 301}`), 'warn timestamp'],
  ['old_event', event(`,"timestamp":${NOW - 72 * 3600 - 1}`), 'warn timestamp'],
  ['reserved_key', identify('{"cio_id":"a"}'), 'warn attributes.cio_id'],
  ['reserved_key', identify('{"_update":"true"}'), 'warn attributes._update'],
  [
    'reserved_key',
    identify('{"cio_subscription_preferences":"no"}'),
    'warn attributes.cio_subscription_preferences',
  ],
  ['reserved_key', event(',"attributes":{"recipient":"Grandma"}'), 'warn attributes.recipient'],
  ['id_spaces', of('delete', '', '{"id":" 42"}'), 'warn identifiers.id'],
  ['empty_attribute', identify('{"a":1,"plan":""}'), 'warn attributes.plan'],
  ['lone_surrogate', identify('{"a":"\\ud83d"}'), 'warn attributes.a'],
  ['lone_surrogate', event(',"attributes":{"a":[{"\\udfff":1}]}'), 'warn attributes.a'],
  ['nul_character', identify('{"a":"x\\u0000"}'), 'warn attributes.a'],
  ['nul_character', of('delete', '', '{"id":"a\\u0000"}'), 'warn identifiers.id'],
  ['number_range', identify('{"a":18446744073709551616}'), 'warn attributes.a'],
  ['number_range', identify('{"a":-9223372036854775809}'), 'warn attributes.a'],
  ['number_range', identify('{"a":[1e400]}'), 'warn attributes.a'],
  ['event_name_spaces', of('event', ',"name":" n"'), 'warn name'],
  ['event_id_not_ulid', event(',"id":"order-7"'), 'fix id'],
  [
    'object_bytes',
    `{"type":"object","identifiers":{"object_type_id":"1","object_id":"a"},"action":"identify","attributes":{${Array.from({ length: 110 }, (_, n) => `"a${n}":"${'x'.repeat(950)}"`)}}}`,
    'refuse attributes',
  ],
]

for (const [rule, text, found, fixed] of FOUND)
  test(`${rule} finds ${text.slice(48, 130)}`, () => {
    const looked = look(text)
    assert.deepEqual(looked.found, [`${rule} ${found}`])
    assert.equal(looked.text, fixed ?? text)
  })

const FIXED: readonly [rule: RuleName, text: string, fixed: string][] = [
  [
    'created_at_not_seconds',
    identify('{"a":1.50,"created_at":"2026-09-21T14:13:20Z"}'),
    identify('{"a":1.50,"created_at":1790000000}'),
  ],
  ['time_in_future', event(`,"timestamp":${NOW + 9999}`), event(`,"timestamp":${NOW}`)],
  [
    'empty_attribute',
    identify('{"plan":"","n":12345678901234567890,"city":""}'),
    identify('{"plan":null,"n":12345678901234567890,"city":null}'),
  ],
  ['event_name_spaces', of('event', ',"name":" order "'), of('event', ',"name":"order"')],
]

for (const [rule, text, fixed] of FIXED)
  test(`${rule} puts right what it is asked to, and nothing else`, () =>
    assert.equal(look(text, { policies: { [rule]: 'fix' } }).text, fixed))

const LEFT_ALONE: readonly string[] = [
  event(`,"timestamp":${NOW + 300}`),
  event(`,"timestamp":${NOW - 72 * 3600}`),
  event(',"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":"1790000000"'),
  event(',"timestamp":null,"id":""'),
  event(',"attributes":{"recipient":"Ada <a@b.c>","reply_to":"+1555","n":18446744073709551615}'),
  identify('{"a":-9223372036854775808,"b":1e300,"c":"1e400","d":"\\ud83d\\ude00","created_at":1790000000}'),
  identify('{"_update":true,"cio_subscription_preferences":{"topics":{"topic_1":true}},"plan":null}'),
  identify(`{"cio_subscription_preferences":${JSON.stringify({ topics: 'x'.repeat(1200) })}}`),
  of('event', ',"name":"n"', `{"anonymous_id":"${'x'.repeat(200)}"}`),
]

for (const text of LEFT_ALONE)
  test(`nothing is said of ${text.slice(29, 120)}`, () => assert.deepEqual(look(text).found, []))

test('a timestamp of the last second before the line, and of the first behind it', () => {
  const times = [99_999_999_999, 100_000_000_000, 100_000_000_001]
  const found = times.map((time) => look(event(`,"timestamp":${time}`)).found)
  assert.deepEqual(
    found.map(([first]) => first?.split(' ')[0]),
    ['time_in_future', 'time_not_seconds', 'time_not_seconds'],
  )
})

test('ids that differ by case or spaces, and identifies that come too late, are known by what came before', () => {
  const memory = new Memory()
  const say = (id: string, timestamp: number) =>
    look(of('identify', `,"timestamp":${timestamp},"attributes":{}`, `{"id":"${id}"}`), { memory }).found
  assert.deepEqual(say('Ada', NOW), [])
  assert.deepEqual(say('Ada', NOW), [])
  assert.deepEqual(say('ada', NOW), ['similar_id warn identifiers.id'])
  assert.deepEqual(say('Ada', NOW - 1), ['stale_identify warn timestamp'])
  assert.deepEqual(say('Ada', NOW + 1), [])
})

test('the memory keeps the last 50,000 and forgets what came first', () => {
  const memory = new Memory()
  for (let n = 0; n < 50_001; n += 1) memory.otherSpelling(`id:p${n}`)
  assert.equal(memory.otherSpelling('id:P1'), 'p1')
  assert.equal(memory.otherSpelling('id:P0'), undefined)
})

test('a rule that is off finds nothing, and one that refuses changes nothing', () => {
  const text = identify('{"plan":""}')
  assert.deepEqual(look(text, { policies: { empty_attribute: 'off' } }), { text, found: [] })
  assert.deepEqual(look(text, { policies: { empty_attribute: 'refuse' } }), {
    text,
    found: ['empty_attribute refuse attributes.plan'],
  })
})

test('every rule has a default that it may have, and a fix where it may be fixed', () => {
  for (const name of RULE_NAMES) {
    const { usual, may, fix: does } = ruleOf(name)
    assert.ok(may.includes(usual), name)
    assert.ok(may.every((policy) => POLICIES.includes(policy)))
    assert.equal(may.includes('fix'), does !== undefined, name)
  }
})
