/**
 * What Customer.io receives through the gateway, byte for byte against what the application said. The differences are those
 * that docs/compatibility.md lists, and no others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { elements, memberMap } from '../../src/core/json.ts'
import { isUlid } from '../../src/core/ulid.ts'
import { cases } from '../cases.ts'
import { type Stand, stand } from './stand.ts'

const SEED = 20261124
const CASES = cases(250, 1_000)

/** A JSON value as text, in ways that a parser and a printer would not leave as they are. */
const value = fc.oneof(
  fc.constantFrom(
    '12345678901234567890',
    '1.0',
    '-0',
    '1e2',
    '"\\u00e9"',
    '"\\/"',
    '"é"',
    '[ 1 , 2 ]',
    'true',
    'null',
  ),
  fc.constantFrom('{"b":1,"a":{ "z" : [] }}', '"😀"', '"\\ud83d\\ude00"', '9223372036854775807', '0.1000'),
  fc.string({ minLength: 1, maxLength: 20 }).map((text) => JSON.stringify(text)),
  fc.integer().map(String),
)

const said = fc.record({
  kind: fc.constantFrom('identify', 'event'),
  attributes: fc.dictionary(fc.stringMatching(/^[a-z]{2,8}$/), value, { maxKeys: 5 }),
  hasId: fc.boolean(),
  hasTime: fc.boolean(),
})

const ULIDS = Array.from({ length: CASES }, (_, n) => `01HB4HBDKTFWYZCK01DMR${String(n).padStart(5, '0')}`)
const NOW = Math.floor(Date.now() / 1000) - 60

const objectOf = (attributes: Readonly<Record<string, string>>) =>
  `{ ${Object.entries(attributes)
    .map(([name, text]) => `"${name}": ${text}`)
    .join(', ')} }`

/** Everybody is somebody else, so that no two identifies become one. */
const ITEMS = fc
  .sample(said, { numRuns: CASES, seed: SEED })
  .map(({ kind, attributes, hasId, hasTime }, n) => {
    const isEvent = kind === 'event'
    const parts = [`"identifiers": {"id":"p${n}"}`, `"type" : "person"`, `"action":"${kind}"`]
    if (isEvent) parts.push(`"name":"e${n}"`)
    if (isEvent && hasId) parts.push(`"id":"${ULIDS[n]}"`)
    if (hasTime) parts.push(`"timestamp":${NOW}`)
    parts.push(`"attributes":${objectOf(attributes)}`)
    return `{${parts.join(', ')}}`
  })

const call = (at: Stand, method: string, path: string, body: string) =>
  fetch(`${at.gateway.url}${path}`, {
    method,
    headers: { authorization: `Basic ${btoa('dev:dev')}`, 'content-type': 'application/json' },
    body,
  })

/** By the id of the person, the item as Customer.io received it. */
function received({ emulator }: Stand): Map<string, string> {
  const texts = emulator
    .requests({ path: '/api/v2/batch' })
    .flatMap(({ body }) => elements(memberMap(body).get('batch') ?? '[]'))
  return new Map(texts.map((text) => [String(JSON.parse(text).identifiers.id), text]))
}

/** What was said stands there to the byte, be it in another order of the item's own members; what was added is told. */
function added(saidText: string, receivedText: string): string[] {
  const before = memberMap(saidText)
  const after = memberMap(receivedText)
  const kept = [...after].filter(([name]) => before.has(name))
  assert.deepEqual(kept.sort(), [...before].sort(), receivedText)
  return [...after.keys()].filter((name) => !before.has(name))
}

test(`${CASES} items of v2 arrive to the byte, with no more than an id and a time added (seed ${SEED})`, async () => {
  const at = await stand()
  for (let from = 0; from < CASES; from += 250) {
    const answer = await call(
      at,
      'POST',
      '/api/v2/batch',
      `{"batch":[${ITEMS.slice(from, from + 250).join(',\n')}]}`,
    )
    assert.equal(answer.status, 200, await answer.text())
  }
  await at.drained()
  const arrived = received(at)
  assert.equal(arrived.size, CASES)
  for (const [n, item] of ITEMS.entries()) {
    const text = arrived.get(`p${n}`) ?? ''
    const { action, id, timestamp } = JSON.parse(text)
    const expected = [
      ...(action === 'event' && !item.includes('"id":"01') ? ['id'] : []),
      ...(item.includes('"timestamp"') ? [] : ['timestamp']),
    ]
    assert.deepEqual(added(item, text).sort(), expected, text)
    assert.ok(action !== 'event' || isUlid(id))
    assert.ok(Number.isInteger(timestamp))
  }
})

test('the attributes of v1 and the data of its events arrive to the byte as those of v2', async () => {
  const at = await stand()
  const bodies = fc.sample(said, { numRuns: 100, seed: SEED }).map(({ attributes }) => objectOf(attributes))
  await Promise.all(
    bodies.flatMap((body, n) => [
      call(at, 'PUT', `/api/v1/customers/i${n}`, body),
      call(at, 'POST', `/api/v1/customers/e${n}/events`, `{"name":"x","data":${body}}`),
    ]),
  )
  await at.drained()
  const arrived = received(at)
  for (const [n, body] of bodies.entries()) {
    assert.equal(memberMap(arrived.get(`e${n}`) ?? '').get('attributes'), body)
    const attributes = memberMap(arrived.get(`i${n}`) ?? '').get('attributes') ?? ''
    assert.deepEqual([...memberMap(attributes)], [...memberMap(body)])
  }
})

test('what v1 alone has a form for is passed on to the byte', async () => {
  const at = await stand()
  const calls: readonly (readonly [path: string, body: string])[] = [
    ['/api/v1/segments/7/add_customers', '{ "ids":["1", "é"] }'],
    ['/api/v1/forms/f/submit', '{"data":{"id":"1","note":"\\u00e9"}}'],
    ['/api/v1/metrics', `{"delivery_id":"d","metric":"opened","timestamp":${NOW},"n":12345678901234567890}`],
  ]
  for (const [path, body] of calls) assert.ok((await call(at, 'POST', path, body)).ok, path)
  await at.drained()
  for (const [path, body] of calls) {
    const [request] = at.emulator.requests({ path })
    assert.deepEqual([...memberMap(request?.body ?? '{}')], [...memberMap(body)], path)
  }
})
