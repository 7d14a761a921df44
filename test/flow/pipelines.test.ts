/**
 * The Pipelines API by the official client, unmodified, with only the address changed: through the gateway, straight at
 * the emulator, and what Customer.io then holds, which must be the same.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { PipelinesClient } from 'customerio-node'
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts'
import { holdings } from './holdings.ts'
import { type Stand, stand } from './stand.ts'

const NOW = '2026-11-24T12:00:00.000Z'
const SECONDS = Date.parse(NOW) / 1000

type Options = NonNullable<ConstructorParameters<typeof PipelinesClient>[1]>
const clientOf = ({ url }: { url: string }, options: Options = {}) =>
  new PipelinesClient('dev', { url: `${url}/v1`, ...options })

async function sayEverything(client: PipelinesClient): Promise<void> {
  const at = { timestamp: NOW }
  await client.track({ anonymousId: 'anon-1', event: 'visited', properties: { page: 'home' }, ...at })
  await client.page({ anonymousId: 'anon-1', name: 'pricing', properties: { url: 'https://x.io' }, ...at })
  await client.identify({
    userId: '42',
    anonymousId: 'anon-1',
    traits: { email: 'Ada@Example.com', plan: 'pro', createdAt: '2023-11-14T22:13:20Z', unsubscribed: false },
    ...at,
  })
  await client.track({ userId: '42', event: 'order', properties: { total: 19.9, at: NOW }, ...at })
  await client.screen({ userId: '42', name: 'feed', ...at })
  await client.group({
    userId: '42',
    groupId: 'acme',
    traits: { name: 'Acme', objectTypeId: 1, relationshipAttributes: { role: 'owner' } },
    ...at,
  })
  await client.group({ userId: '42', groupId: 'gone', traits: { name: 'Gone' }, ...at })
  const act = (userId: string, event: string, more: object = {}) =>
    client.track({ userId, event, ...at, ...more })
  await act('42', 'Relationship Deleted', { properties: { objectId: 'gone' } })
  await act('42', 'Object Deleted', { properties: { objectId: 'gone' } })
  for (const token of ['token-1', 'token-2'])
    await act('42', 'Device Created or Updated', {
      context: { device: { token, type: 'ios' } },
      properties: { app_version: '1.2' },
    })
  await act('42', 'Device Deleted', { context: { device: { token: 'token-2' } } })
  for (const userId of ['second', 'blocked', 'freed', 'deleted'])
    await client.identify({ userId, traits: { city: userId }, ...at })
  await client.alias({ userId: '42', previousId: 'second', ...at })
  await act('deleted', 'User Deleted')
  await act('blocked', 'User Suppressed')
  await act('freed', 'User Suppressed')
  await act('freed', 'User Unsuppressed')
  await act('42', 'Report Delivery Event', {
    properties: { deliveryId: 'dlv_1', metric: 'clicked', href: 'h' },
  })
  await act('42', 'Report Content Event', {
    anonymousId: 'somebody',
    properties: { actionType: 'viewed_content', contentId: 7 },
  })
  await client.batch([
    { type: 'identify', userId: 'b@example.com', traits: { n: 1 }, ...at },
    { type: 'track', userId: 'b@example.com', event: 'batched', messageId: 'once', ...at },
    { type: 'track', userId: 'b@example.com', event: 'batched', messageId: 'once', ...at },
  ])
}

test('all that the official client says is done, the same as without a gateway in between', async () => {
  const at = await stand()
  await sayEverything(clientOf(at.gateway, { strictMode: true }))
  await at.drained()
  const { emulator } = at

  const ada = emulator.person('id:42')
  assert.equal(ada?.email, 'Ada@Example.com')
  assert.deepEqual([ada?.attributes.plan, ada?.attributes.created_at], ['pro', 1_700_000_000])
  assert.equal(ada?.attributes.city, 'second', 'taken over from whom she was merged with')
  assert.deepEqual(
    ada?.devices.map(({ id }) => id),
    ['token-1'],
  )
  assert.deepEqual(
    emulator
      .events({ person: 'id:42' })
      .map(({ name, type, timestamp }) => [name, type, timestamp])
      .sort(),
    [
      ['feed', 'screen', SECONDS],
      ['order', 'event', SECONDS],
      ['pricing', 'page', SECONDS],
      ['visited', 'event', SECONDS],
    ],
  )
  assert.equal(emulator.events({ person: 'id:42' }).find(({ name }) => name === 'order')?.data.at, SECONDS)
  assert.equal(ada?.relationships.length, 1)
  for (const key of ['id:second', 'id:blocked', 'id:freed', 'id:deleted'])
    assert.equal(emulator.person(key), undefined, key)
  assert.deepEqual(
    emulator.events({ person: 'email:b@example.com' }).map(({ name }) => name),
    ['batched'],
  )
  assert.equal(emulator.requests({ path: '/api/v1/metrics' }).length, 1)
  assert.deepEqual(
    emulator.events({ person: 'anonymous_id:somebody' }).map(({ name }) => name),
    ['viewed_content'],
  )
  const figures = await at.gateway.conservation()
  assert.deepEqual([figures.dead, figures.missing], [0, 0])

  await using straight = await startEmulator({ port: 0 })
  await sayEverything(clientOf(straight, { strictMode: true }))
  straight.settle()
  assert.deepEqual(await holdings(emulator), await holdings(straight))
})

interface Server {
  readonly name: string
  readonly url: string
  /** What Customer.io holds behind it. */
  readonly emulator: Emulator
  readonly told: Stand['told']
  drained(): Promise<void>
}

/** Both that speak the Pipelines API: what is refused is refused by either, in the same words to a program. */
async function servers(): Promise<readonly Server[]> {
  const { gateway, emulator, told, drained } = await stand()
  const straight = await startEmulator({ port: 0 })
  after(() => straight[Symbol.asyncDispose]())
  return [
    { name: 'gateway', url: gateway.url, emulator, told, drained },
    {
      name: 'emulator',
      url: straight.url,
      emulator: straight,
      told: [],
      drained: async () => straight.settle(),
    },
  ]
}

const post = (
  url: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('dev:')}`, 'content-type': 'application/json', ...headers },
    body,
  })

const WRONG: readonly [
  why: string,
  path: string,
  body: string,
  headers: Record<string, string>,
  strict: number,
][] = [
  [
    'a key that nobody has',
    '/v1/identify',
    '{"userId":"1"}',
    { authorization: `Basic ${btoa('nobody:')}` },
    401,
  ],
  [
    'a key with a password',
    '/v1/identify',
    '{"userId":"1"}',
    { authorization: `Basic ${btoa('dev:dev')}` },
    401,
  ],
  ['a body that is no JSON', '/v1/track', '{', {}, 400],
  ['a message about nobody', '/v1/track', '{"event":"x"}', {}, 400],
  ['an event without a name', '/v1/track', '{"userId":"1"}', {}, 400],
  [
    'a message over 32 KB',
    '/v1/identify',
    `{"userId":"1","traits":{"a":"${'x'.repeat(32 * 1024)}"}}`,
    {},
    400,
  ],
  ['a batch that is none', '/v1/batch', '{"batch":{}}', {}, 400],
  ['a batch over 500 KB', '/v1/batch', `{"batch":[],"x":"${'x'.repeat(500 * 1024)}"}`, {}, 400],
]

test('what is wrong with a request is answered 200, or 400 and 401 in the strict mode, and has no effect', async () => {
  for (const { name, url, emulator, told, drained } of await servers()) {
    for (const [why, path, body, headers, status] of WRONG) {
      const answer = await post(url, path, body, headers)
      assert.deepEqual([answer.status, await answer.text()], [200, '{}\n'], `${name}: ${why}`)
      const strict = await post(url, path, body, { ...headers, 'x-strict-mode': '1' })
      assert.equal(strict.status, status, `${name}: ${why}, strictly`)
      const { meta } = (await strict.json()) as { meta: { error?: string; errors?: string[] } }
      assert.ok(status === 401 ? meta.error === 'Unauthorized' : meta.errors?.length === 1, `${name}: ${why}`)
    }
    await drained()
    assert.equal(emulator.people().length, 0, name)
    const refused = told.filter(([notice]) => notice === 'ingest.refused').length
    assert.equal(refused, name === 'gateway' ? WRONG.length * 2 : 0, 'each is told')
  }
})

test('of a batch the good messages are taken; in the strict mode all of them or none', async () => {
  const batch = '{"batch":[{"type":"identify","userId":"1"},{"type":"track","userId":"1"},{"type":"x"}]}'
  for (const { name, url, emulator, drained } of await servers()) {
    const strict = await post(url, '/v1/batch', batch, { 'x-strict-mode': '1' })
    const { meta } = (await strict.json()) as { meta: { errors: string[] } }
    assert.deepEqual(
      [strict.status, meta.errors.map((text) => text.split(':')[0])],
      [400, ['batch[1]', 'batch[2]']],
    )
    await drained()
    assert.equal(emulator.people().length, 0, name)
    const answer = await post(url, '/v1/batch', batch)
    assert.deepEqual([answer.status, await answer.text()], [200, '{}\n'])
    assert.equal(answer.headers.get('x-sluice-code'), name === 'gateway' ? 'some_refused' : null)
    await drained()
    assert.deepEqual(
      emulator.people().map(({ id }) => id),
      ['1'],
      name,
    )
  }
})

test('a body that is packed is read', async () => {
  for (const { url, emulator, drained } of await servers()) {
    const body = gzipSync('{"batch":[{"type":"identify","userId":"1"}]}')
    await post(url, '/v1/batch', new Uint8Array(body), { 'content-encoding': 'gzip' })
    await drained()
    assert.equal(emulator.people().length, 1)
  }
})

test('a message that comes again under its messageId has no second effect, whatever it says', async () => {
  const at = await stand()
  const client = clientOf(at.gateway)
  for (let n = 0; n < 3; n += 1) {
    await client.identify({ userId: '1', messageId: 'm1', traits: { n } })
    await client.track({ userId: '1', event: 'order', messageId: 'm2' })
  }
  await at.drained()
  assert.equal((await at.gateway.conservation()).accepted, 2)
  assert.equal(at.emulator.events().length, 1)
  assert.equal(at.emulator.person('id:1')?.attributes.n, 0)
})

test('what the gateway cannot store is never answered 200', async () => {
  const at = await stand({ env: { SLUICE_MAX_LOG_BYTES: '400KB' } })
  at.emulator.faults.add({ kind: 'outage', status: 503 })
  let answer: Response
  do {
    answer = await post(
      at.gateway.url,
      '/v1/track',
      JSON.stringify({
        userId: '1',
        event: 'x',
        properties: { padding: randomBytes(15_000).toString('base64') },
      }),
    )
  } while (answer.status === 200)
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('x-sluice-code'), 'storage_full')
  at.emulator.faults.clear()
  await at.drained()
})

test('the official client is told by the strict mode that its key is wrong, and by the permissive one nothing', async () => {
  for (const { url } of await servers()) {
    const [strict, lax] = [true, false].map(
      (strictMode) => new PipelinesClient('bogus', { url: `${url}/v1`, strictMode }),
    )
    await assert.rejects(async () => strict?.identify({ userId: '1' }), {
      statusCode: 401,
      message: 'Unauthorized',
    })
    await lax?.identify({ userId: '1' })
  }
})
