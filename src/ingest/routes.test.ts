/** The Track API to the letter: answers, errors, ids and bytes, with a real server and a bus in memory. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { unwatched } from '../core/feed.ts'
import { type NoticeFields, silent } from '../core/notices.ts'
import { TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { createServer } from '../http/server.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { openMemoryPeople } from '../people/memory.ts'
import { type Policies, policiesWith } from '../preflight/rules.ts'
import { Intake } from './accept.ts'
import { Judge } from './judge.ts'
import { trackRoutes } from './routes.ts'
import { knowSources, knowWriters } from './sources.ts'

const CREDENTIALS = `Basic ${btoa('dev:s3cr?t>~')}`

interface Wishes {
  readonly capacity?: number
  readonly policies?: Partial<Policies>
  readonly clock?: Clock
}

async function stand({
  capacity = Number.POSITIVE_INFINITY,
  policies = {},
  clock = systemClock,
}: Wishes = {}) {
  const bus = openMemoryBus({ clock, capacity })
  const ledger = await openSqliteLedger({ directory: ':memory:' })
  const ulids = makeUlids()
  const intake = new Intake({
    bus,
    ledger,
    people: openMemoryPeople(),
    clock,
    ulids,
    feed: unwatched,
    notify: silent,
  })
  const server = createServer({ clock, ulids })
  const sources = [{ name: 'web', siteId: 'dev', apiKey: 's3cr?t>~' }]
  const [nameSource, nameWriter] = [knowSources(sources), knowWriters(sources)]
  const judge = new Judge({ policies: policiesWith(policies), clock, notify: silent })
  await server.app.register(
    trackRoutes({ intake, judge, nameSource, nameWriter, region: 'eu', notify: silent }),
  )
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  after(async () => {
    await server.stop({ graceMs: 100 })
    await intake.idle()
    await ledger[Symbol.asyncDispose]()
  })
  const call = (
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        authorization: CREDENTIALS,
        ...(headers.type === 'none' ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    })
  const records = async () => {
    const found = await bus.read(TOPICS.events, { from: 0, limit: 10_000 })
    return [...found].sort((a, b) => a.offset - b.offset)
  }
  /** The values on the bus without what Sluice stamps, so that two ways of saying the same can be compared. */
  const said = async () =>
    (await records()).map(({ value }) => value.replace(/"(id":"[0-9A-Z]{26}"|timestamp":\d{10}),/g, ''))
  return { call, records, said }
}

test('a success is three bytes with the recorded headers, and names the operation', async () => {
  const { call, records } = await stand()
  const answer = await call('PUT', '/api/v1/customers/42', '{"plan":"pro"}')
  assert.equal(await answer.text(), '{}\n')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  assert.equal(answer.headers.get('cache-control'), 'no-cache, no-store, must-revalidate, max-age=0')
  assert.equal(answer.headers.get('x-sluice-id'), (await records())[0]?.id)
})

for (const [name, method, path, body, status, expected] of [
  [
    'a body that is no JSON',
    'PUT',
    '/api/v1/customers/42',
    '{',
    400,
    { meta: { errors: ['The body is not JSON.'] } },
  ],
  [
    'an event without a name',
    'POST',
    '/api/v1/customers/42/events',
    '{"data":{}}',
    400,
    { meta: { errors: ['name is required'] } },
  ],
  [
    'a merge of nobody',
    'POST',
    '/api/v1/merge_customers',
    '{"primary":{"id":"1"}}',
    400,
    { meta: { error: 'secondary is required' } },
  ],
  [
    'an entity without a type',
    'POST',
    '/api/v2/entity',
    '{"action":"event"}',
    400,
    { errors: [{ reason: 'required', field: 'type', message: 'type is required' }] },
  ],
  [
    'a batch that is none',
    'POST',
    '/api/v2/batch',
    '[]',
    400,
    { errors: [{ reason: 'invalid', field: 'batch', message: 'The body must be {"batch":[…]}.' }] },
  ],
  [
    'one bad item in a batch',
    'POST',
    '/api/v2/batch',
    '{"batch":[{"type":"person","identifiers":{"id":"1"},"action":"delete"},{"type":"person","identifiers":{"id":"1","email":"a@b.c"},"action":"delete"}]}',
    207,
    {
      errors: [
        {
          batch_index: 1,
          reason: 'invalid',
          field: 'identifiers',
          message: 'identifiers must hold only one of id, email, phone, cio_id, anonymous_id',
        },
      ],
    },
  ],
] as const)
  test(`${name} is answered ${status} in the shape of its route`, async () => {
    const { call } = await stand()
    const answer = await call(method, path, body)
    assert.equal(answer.status, status)
    assert.deepEqual(await answer.json(), expected)
  })

test('wrong credentials are 401 on every route, and the URL-safe alphabet is read', async () => {
  const { call } = await stand()
  for (const authorization of [
    '',
    'Bearer x',
    `Basic ${btoa('dev:')}`,
    `Basic ${btoa(':s3cr?t>~')}`,
    'Basic %%%',
  ]) {
    const answer = await call('PUT', '/api/v1/customers/42', '{}', { authorization })
    assert.equal(answer.status, 401, authorization)
    assert.deepEqual(await answer.json(), { meta: { error: 'Unauthorized' } })
  }
  const urlSafe = Buffer.from('dev:s3cr?t>~').toString('base64url')
  assert.equal(
    (await call('PUT', '/api/v1/customers/42', '{}', { authorization: `Basic ${urlSafe}` })).status,
    200,
  )
})

test('an id in the path is decoded once, whatever it holds', async () => {
  const { call, records } = await stand()
  const ids = [
    'a/b',
    'a?b',
    'a#b',
    '100%',
    'a%2Fb',
    'a+b',
    'a b',
    '😀',
    'ä',
    "o'brien",
    'a\\b',
    '12345678901234567890',
  ]
  for (const id of ids)
    assert.equal((await call('PUT', `/api/v1/customers/${encodeURIComponent(id)}`, '{}')).status, 200, id)
  assert.deepEqual(
    (await records()).map(({ value }) => JSON.parse(value).identifiers.id),
    ids,
  )
  await call('PUT', '/api/v1/customers/cio_03000001', '{}')
  await call('PUT', '/api/v1/customers/Ada%40Example.com', '{}')
  assert.deepEqual(
    (await records()).slice(-2).map(({ key }) => key),
    ['cio_id:03000001', 'email:ada@example.com'],
  )
})

test('what the official clients send beside the point is taken: bodies on DELETE, none on suppress, gzip', async () => {
  const { call, records } = await stand()
  await call('DELETE', '/api/v1/customers/42', '{}')
  await call('DELETE', '/api/v1/customers/42')
  await call('POST', '/api/v1/customers/42/suppress', undefined, { type: 'none' })
  await call('PUT', '/api/v1/customers/42', new Uint8Array(gzipSync('{"a":1.50}')), {
    'content-encoding': 'gzip',
  })
  const kinds = (await records()).map(({ kind }) => kind)
  assert.deepEqual(kinds, ['person.delete', 'person.delete', 'person.suppress', 'person.identify'])
})

test('every value reaches the log as it was written', async () => {
  const { call, records } = await stand()
  const attributes =
    '{"big":12345678901234567890,"f":1.50,"e":1e400,"u":"\\u00e9\\ud83d","__proto__":{"x":1},"n":null, "s" : "a\\"b" }'
  await call('PUT', '/api/v1/customers/42', attributes)
  await call('POST', '/api/v1/customers/42/events', `{"name":"n","data":${attributes}}`)
  await call(
    'POST',
    '/api/v2/entity',
    `{"type":"person","identifiers":{"id":"42"},"action":"event","name":"n","attributes":${attributes}}`,
  )
  for (const { value } of await records()) assert.ok(value.includes(attributes.trim()), value)
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
})

test('an item over 32 KB is its own error, and the batch goes on', async () => {
  const { call, records } = await stand()
  const item = (padding: number) =>
    JSON.stringify({
      type: 'person',
      identifiers: { id: '1' },
      action: 'event',
      name: 'n',
      attributes: { p: 'x'.repeat(padding) },
    })
  const frame = item(0).length
  const answer = await call(
    'POST',
    '/api/v2/batch',
    `{"batch":[${item(32 * 1024 - frame)},${item(32 * 1024 - frame + 1)}]}`,
  )
  assert.equal(answer.status, 207)
  assert.equal((await records()).length, 1)
  assert.equal(
    (await call('POST', '/api/v2/batch', `{"batch":[${new Array(20).fill(item(30_000)).join(',')}]}`)).status,
    413,
  )
})

test('a full bus is 503 with Retry-After in the shape of the route, and nothing is remembered', async () => {
  const { call, records } = await stand({ capacity: 1 })
  await call('PUT', '/api/v1/customers/1', '{}')
  const event = '{"name":"n","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}'
  for (let n = 0; n < 2; n += 1) {
    const answer = await call('POST', '/api/v1/customers/1/events', event)
    assert.deepEqual(
      [answer.status, answer.headers.get('retry-after'), answer.headers.get('x-sluice-code')],
      [503, '1', 'storage_full'],
    )
    assert.ok(((await answer.json()) as { meta: { errors: string[] } }).meta.errors[0])
  }
  assert.equal((await records()).length, 1)
})

test('a repeat by id, in either spelling, or by Idempotency-Key is stored once and answered with the first id', async () => {
  const { call, records } = await stand()
  const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
  const answers = await Promise.all([
    call('POST', '/api/v1/customers/1/events', `{"name":"n","id":"${id}"}`),
    call('POST', '/api/v1/customers/1/events', `{"name":"n","id":"${id.toLowerCase()}"}`),
    call('POST', '/api/v1/customers/1/events', '{"name":"n","id":"my-own-id"}'),
    call('POST', '/api/v1/customers/1/events', '{"name":"n","id":"my-own-id"}'),
    call('POST', '/api/v1/customers/1/events', '{"name":"n"}', { 'idempotency-key': 'k' }),
    call('POST', '/api/v1/customers/1/events', '{"name":"n"}', { 'idempotency-key': 'k' }),
  ])
  const ids = answers.map(({ headers }) => headers.get('x-sluice-id'))
  assert.deepEqual([ids[0] === ids[1], ids[2] === ids[3], ids[4] === ids[5]], [true, true, true])
  assert.equal((await records()).length, 3)
  for (const { id: own, value } of await records())
    assert.equal(JSON.parse(value).id, own, 'what Customer.io dedupes on')
})

test('a batch corrected and sent again under its Idempotency-Key stores what was refused, and nothing twice', async () => {
  const { call, records } = await stand()
  const writer = { authorization: `Basic ${btoa('s3cr?t>~:')}`, 'idempotency-key': 'p' }
  const v2 = (middle: string) =>
    `{"batch":[${[middle, 'last'].map((name) => `{"type":"person","identifiers":{"id":"1"},"action":"event","name":"${name}"}`).join(',')}]}`
  const pipelines = (middle: string) =>
    `{"batch":[{"type":"track","userId":"2","event":"${middle}"},{"type":"track","userId":"2","event":"last"}]}`
  for (const [path, body, headers] of [
    ['/api/v2/batch', v2, { 'idempotency-key': 'k' }],
    ['/v1/batch', pipelines, writer],
  ] as const) {
    await call('POST', path, body(''), headers)
    assert.equal((await call('POST', path, body('mended'), headers)).status, 200)
  }
  assert.deepEqual(
    (await records()).map(({ key, value }) => `${key} ${JSON.parse(value).name}`),
    ['id:1 last', 'id:1 mended', 'id:2 last', 'id:2 mended'],
  )
})

test('requests that are not waited for keep their order per person, also while links are made', async () => {
  const { call, records } = await stand()
  const calls: Promise<Response>[] = []
  for (let n = 0; n < 30; n += 1) {
    calls.push(call('PUT', `/api/v1/customers/u${n % 3}`, `{"email":"u${n % 3}@x.io","n":${n}}`))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(calls)
  const { status } = await call('POST', '/api/v1/customers/u0%40x.io/events', '{"name":"later"}')
  assert.equal(status, 200)
  assert.equal((await records()).at(-1)?.key, 'id:u0', 'the address is known to be hers')
})

/** JSON values as a client could write them. */
const attributes = fc.dictionary(
  fc
    .string({ minLength: 1, maxLength: 12 })
    .filter((name) => !name.startsWith('_') && !name.startsWith('cio_') && name !== '__proto__'),
  fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
  { maxKeys: 6 },
)

test('one act gives one operation, whether it is said in v1 or in v2', async () => {
  // What is stamped is stamped alike: a second that ends between the two is no difference between them.
  const { call, said } = await stand({ clock: { ...systemClock, now: () => 1_800_000_000_000 } })
  const id = fc
    .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
    .filter(
      (text) => text.trim() !== '' && !text.includes('@') && !text.startsWith('cio_') && !/^\.+$/.test(text),
    )
  let seen = 0
  await fc.assert(
    fc.asyncProperty(
      id,
      attributes,
      fc.constantFrom('event', 'page', 'screen'),
      async (person, given, type) => {
        const path = `/api/v1/customers/${encodeURIComponent(person)}`
        const target = { type: 'person', identifiers: { id: person } }
        await call('PUT', path, JSON.stringify(given))
        await call(
          'POST',
          '/api/v2/entity',
          JSON.stringify({ ...target, action: 'identify', attributes: given }),
        )
        await call('POST', `${path}/events`, JSON.stringify({ name: 'n', type, data: given }))
        await call(
          'POST',
          '/api/v2/entity',
          JSON.stringify({ ...target, action: type, name: 'n', attributes: given }),
        )
        await call('PUT', `${path}/devices`, JSON.stringify({ device: { id: 't', platform: 'ios' } }))
        await call(
          'POST',
          '/api/v2/entity',
          JSON.stringify({ ...target, action: 'add_device', device: { token: 't', platform: 'ios' } }),
        )
        const news = (await said()).slice(seen)
        seen += news.length
        assert.equal(news.length, 6)
        for (const at of [0, 2, 4]) assert.equal(news[at], news[at + 1])
      },
    ),
    { numRuns: cases(20, 60), verbose: 1 },
  )
})

test('what is refused is told of by its code, and a defect of ours as what it is', async () => {
  const told: NoticeFields[] = []
  const server = createServer({ clock: systemClock, ulids: makeUlids() })
  const accept = async () => {
    throw new TypeError('undefined is not a function')
  }
  const nameSource = (header: string | undefined) => (header === undefined ? undefined : 'web')
  await server.app.register(
    trackRoutes({
      intake: { accept },
      judge: new Judge({ policies: policiesWith(), clock: systemClock, notify: silent }),
      nameSource,
      nameWriter: nameSource,
      region: 'us',
      notify: (_name, fields = {}) => told.push(fields),
    }),
  )
  const call = (payload: string, headers: Record<string, string> = { authorization: 'x' }) =>
    server.app.inject({ method: 'PUT', url: '/api/v1/customers/1', payload, headers })
  const statuses = [await call('{}', {}), await call('['), await call('x'.repeat(600_000)), await call('{}')]
  assert.deepEqual(
    statuses.map(({ statusCode }) => statusCode),
    [401, 400, 413, 500],
  )
  assert.deepEqual(
    told.map(({ code }) => code),
    ['unauthorized', 'bad_request', 'too_large', 'internal'],
  )
  assert.doesNotMatch(statuses[3]?.body ?? '', /undefined/)
  await server.stop()
})
