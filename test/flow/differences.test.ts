/**
 * The same calls straight to Customer.io and through the gateway, and what it received, byte for byte. Every difference must
 * be of a kind that docs/differences.md names, and every kind of the table must occur.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DIFFERENCES, type Difference } from '../../scripts/differences.ts'
import { memberMap, members } from '../../src/core/json.ts'
import { isUlid } from '../../src/core/ulid.ts'
import { unixSeconds } from '../../src/core/unix-time.ts'
import { openEmulator, stand } from './stand.ts'

interface Call {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body: string
}

const ATTRIBUTES =
  '{ "plan":"pro", "n":12345678901234567890, "f":1.50,"e":1E5, "u":"\\u00e9\\ud83d\\ude00","ü":["a",{"b":null}],"__proto__":{"x":1}, "s":" a\\/b\\n" }'
const ULID = '01JDBYA8000000000000000000'
const CUSTOMER = '/api/v1/customers/a%2Fb%20%C3%A9'

const call = (method: Call['method'], path: string, body: string): Call => ({ method, path, body })
const CALLS: readonly Call[] = [
  call('PUT', CUSTOMER, ATTRIBUTES),
  call('PUT', CUSTOMER, ATTRIBUTES.replace('{', '{"_timestamp":1790000000,')),
  call('PUT', CUSTOMER, '{"_timestamp":1790000000123,"a":1.0}'),
  call('POST', `${CUSTOMER}/events`, `{"name":"order","data":${ATTRIBUTES}}`),
  call(
    'POST',
    `${CUSTOMER}/events`,
    `{"data":${ATTRIBUTES},"timestamp":1790000000,"id":"${ULID}","name":"order"}`,
  ),
  call('POST', `${CUSTOMER}/events`, '{"name":"seen","type":"page","id":"my-own","timestamp":1790000000}'),
  call('POST', `${CUSTOMER}/events`, `{"name":"order","id":"${ULID}"}`),
  call('POST', '/api/v1/events', `{"name":"seen","anonymous_id":"x","data":${ATTRIBUTES}}`),
  call(
    'PUT',
    `${CUSTOMER}/devices`,
    '{"device":{"id":"t","platform":"ios","last_used":1790000000,"attributes":{"a":"1.50"}}}',
  ),
  call('PUT', `${CUSTOMER}/devices`, '{"device":{"id":"t","platform":"ios"}}'),
  call('DELETE', `${CUSTOMER}/devices/t%2F1`, '{}'),
  call('POST', `${CUSTOMER}/suppress`, '{"a":1}'),
  call('POST', '/api/v1/merge_customers', '{"secondary":{"email":"a@b.c"},"primary":{"id":"1"}}'),
  call('POST', '/api/v1/segments/7/add_customers?id_type=email', '{"ids":["a@b.c"] }'),
  call('POST', '/api/v1/forms/f%2F1/submit', '{ "data":{"email":"a@b.c","n":"1.50"}}'),
  call('POST', '/api/v1/metrics', '{"delivery_id":"d","metric":"opened","timestamp":1790000000 }'),
  call('POST', '/api/v1/push/events', '{"delivery_id":"d","event":"opened"}'),
  call('POST', '/unsubscribe/d', '{"unsubscribe":true }'),
  call('DELETE', CUSTOMER, ''),
  call(
    'POST',
    '/api/v2/entity',
    `{"action":"identify", "type":"person","identifiers":{ "id":"1"},"attributes":${ATTRIBUTES}}`,
  ),
  call(
    'POST',
    '/api/v2/entity',
    '{"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"},"action":"identify","attributes":{"a":1.50}}',
  ),
  call(
    'POST',
    '/api/v2/entity',
    '{"type":"delivery","identifiers":{"id":"d"},"action":"event","name":"opened","timestamp":1790000000}',
  ),
  call(
    'POST',
    '/v1/track',
    `{"userId":"1","event":"order","properties":${ATTRIBUTES},"messageId":"01JDBYA8000000000000000001","context":{"ip":"1"},"integrations":{}}`,
  ),
  call(
    'POST',
    '/v1/identify',
    '{"userId":"1","traits":{"born":"2023-11-14","n":1.50},"timestamp":"2026-09-21T14:13:20Z"}',
  ),
]

/** What a call says, member by member, as text, under the names of Track v2; and by which names it said it. */
function saidIn({ method, path, body }: Call): Map<string, string> {
  const given = body === '' ? new Map<string, string>() : memberMap(body)
  if (path === '/api/v2/entity') return flat(given)
  if (path === '/v1/track' || path === '/v1/identify')
    return flat(
      rename(given, { userId: 'identifiers', event: 'name', properties: 'attributes', traits: 'attributes' }),
    )
  if (method === 'PUT' && path === CUSTOMER) {
    const timestamp = given.get('_timestamp')
    given.delete('_timestamp')
    return new Map([
      ...[...given].map(([name, text]) => [`attributes.${name}`, text] as const),
      ...(timestamp ? [['timestamp', timestamp] as const] : []),
    ])
  }
  if (path.includes('/devices/'))
    return new Map([['device.token', JSON.stringify(decodeURIComponent(path.split('/').at(-1) ?? ''))]])
  if (path.endsWith('/devices'))
    return flat(new Map([['device', given.get('device')?.replace('"id":', '"token":') ?? '']]))
  return flat(rename(given, { data: 'attributes' }))
}

const rename = (given: ReadonlyMap<string, string>, names: Readonly<Record<string, string>>) =>
  new Map([...given].map(([name, text]) => [names[name] ?? name, text]))

/** Attributes and devices one level down; all else as it stands. */
function flat(given: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, text] of given) {
    if (!['attributes', 'device'].includes(name) || !text.startsWith('{')) found.set(name, text)
    else for (const { key, value } of members(text)) found.set(`${name}.${key}`, value)
  }
  return found
}

/** What says whom it is about stands in the path of v1: it is compared in test/proof/ids.proof.ts. */
const IN_PATH = new Set(['type', 'action', 'identifiers', 'anonymous_id', 'unsubscribe'])
const UNSAID = new Set(['context', 'integrations', 'messageId', 'sentAt'])

interface Pair {
  readonly name: string
  readonly said: string | undefined
  readonly got: string | undefined
  readonly call: Call
}

/** The kind of a difference in one member; undefined for one that nobody allows. */
function kindOf({ name, said, got, call: { path, method } }: Pair): Difference | undefined {
  const isPipelines = path.startsWith('/v1/')
  const takesNone = method === 'DELETE' || path.endsWith('suppress')
  if (got === undefined && ((isPipelines && UNSAID.has(name)) || takesNone)) return 'left_out'
  if (
    name === 'id' &&
    got !== undefined &&
    isUlid(JSON.parse(got)) &&
    (said === undefined || !isUlid(JSON.parse(said)))
  )
    return 'event_id'
  const isTime = name === 'timestamp' || name === 'device.last_used'
  if (isTime && said === undefined && /^\d{10}$/.test(got ?? '')) return 'timestamp'
  const date = said?.startsWith('"') ? unixSeconds(String(JSON.parse(said))) : undefined
  if (name === 'timestamp' && got === String(date ?? Math.floor(Number(said) / 1000))) return 'time_fixed'
  return isPipelines && date !== undefined && got === String(date) ? 'dates' : undefined
}

test('what Customer.io receives through the gateway differs only in the documented ways', async () => {
  const at = await stand({ env: { SLUICE_LIMITS_LINGER: '0ms' } })
  const straight = await openEmulator(2)
  const seen = new Set<Difference>()
  for (const one of CALLS) {
    const user = one.path.startsWith('/v1/') ? 'dev:' : 'dev:dev'
    const send = (url: string) =>
      fetch(`${url}${one.path}`, {
        method: one.method,
        headers: { authorization: `Basic ${btoa(user)}`, 'content-type': 'application/json', 'x-mine': '1' },
        ...(one.body === '' ? {} : { body: one.body }),
      })
    const before = at.emulator.requests().length
    const [alone, through] = [await send(straight.url), await send(at.gateway.url)]
    assert.deepEqual([through.status, await through.text()], [alone.status, await alone.text()], one.path)
    await at.drained()
    const [was] = straight.requests().slice(-1)
    const [is, ...more] = at.emulator.requests().slice(before)
    assert.ok(was && more.length === 0, one.path)
    if (is) compare(one, { was, is }, seen)
    else {
      assert.ok(isRepeat(one), `${one.path} never left`)
      seen.add('repeat')
    }
  }
  assert.deepEqual([...seen].sort(), Object.keys(DIFFERENCES).sort(), 'every kind of the table occurs')
})

/** The last of the calls that carry the one id. */
const isRepeat = (one: Call): boolean =>
  one.body.includes(ULID) && CALLS.findLast(({ body }) => body.includes(ULID)) === one

interface Request {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

function compare(one: Call, { was, is }: { was: Request; is: Request }, seen: Set<Difference>): void {
  assert.equal(is.headers['x-mine'], undefined)
  assert.equal(is.headers['user-agent'], 'Sluice')
  if (was.headers['x-mine'] !== is.headers['x-mine']) seen.add('headers')
  const isCarried = is.path === '/api/v2/batch'
  if (isCarried) seen.add('carrier')
  else assert.deepEqual([is.method, is.path], [was.method, was.path], 'v1 alone has a form for it')
  const said = saidIn(one)
  const operation = isCarried ? is.body.slice('{"batch":['.length, -2) : is.body
  const got = isCarried ? flat(memberMap(operation)) : saidIn({ ...one, body: is.body })
  if (isCarried && one.path !== '/api/v2/entity') seen.add('names')
  if (isCarried && [...got.keys()].join() !== [...said.keys()].join()) seen.add('order')
  for (const name of new Set([...said.keys(), ...got.keys()])) {
    const pair = { name, said: said.get(name), got: got.get(name), call: one }
    if (pair.said === pair.got || IN_PATH.has(name) || name === 'primary' || name === 'secondary') continue
    const kind = kindOf(pair)
    assert.ok(kind, `${one.method} ${one.path}: ${name} was said as ${pair.said} and received as ${pair.got}`)
    seen.add(kind)
  }
}
