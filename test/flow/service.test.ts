/** `CustomerIOService` against an emulated Customer.io, straight and through a whole gateway: what is held then. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import {
  CustomerIOService,
  currentCorrelationId,
  METHODS,
  type ServiceEvent,
  type ServiceOptions,
  SluiceError,
  withCorrelationId,
} from '../../src/client.ts'
import { isUlid } from '../../src/core/ulid.ts'
import { type FaultRule, startEmulator } from '../../src/testing.ts'
import { cases } from '../cases.ts'
import { holdings } from './holdings.ts'
import { seeded } from './seeded.ts'
import { stand } from './stand.ts'

const CREDENTIALS = { siteId: 'dev', apiKey: 'dev' }

function service(options: Partial<ServiceOptions>): CustomerIOService {
  const made = new CustomerIOService({ ...CREDENTIALS, random: seeded(1), ...options })
  after(() => made.close())
  return made
}

/** An emulator, and a client that talks to it straight. */
async function straight(options: Partial<ServiceOptions> = {}) {
  const draws: number[] = []
  const emulator = await startEmulator({ port: 0, random: () => draws.shift() ?? 0.99 })
  after(() => emulator[Symbol.asyncDispose]())
  /** The fault meets the requests that are named, as in `['hit', 'miss', 'hit']`, and no later one. */
  const meet = (rule: FaultRule, requests: readonly ('hit' | 'miss')[] = ['hit']) => {
    emulator.faults.clear()
    emulator.faults.add({ ...rule, percent: 50 })
    draws.push(...requests.map((request) => (request === 'hit' ? 0 : 0.99)))
  }
  return { emulator, client: service({ url: emulator.url, ...options }), meet }
}

/** Something between that hands every request on, and cuts the connection before the first answer on each path. */
async function startFlaky(to: string) {
  const seen = new Set<string>()
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const { connection: _, host: __, 'transfer-encoding': ___, ...rest } = headers
    const body = await text(request)
    const answer = await fetch(`${to}${url}`, { method, headers: rest as Record<string, string>, body }) // one value each
    if (!seen.has(url)) {
      seen.add(url)
      response.destroy()
    } else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  after(() => server.close())
  const { port } = server.address() as AddressInfo // it listens on TCP
  return { url: `http://127.0.0.1:${port}`, cuts: () => seen.size }
}

/** Names and facts of all that the client tells. */
function listen(client: CustomerIOService): [name: string, event: ServiceEvent][] {
  const told: [string, ServiceEvent][] = []
  for (const method of METHODS)
    for (const phase of ['start', 'success', 'error'] as const)
      client.on(`${method}:${phase}`, (event) => told.push([`${method}:${phase}`, event]))
  return told
}

const NOW = Math.floor(Date.now() / 1000) - 60
const at = { timestamp: NOW }

async function sayEverything(client: CustomerIOService): Promise<void> {
  await client.identify('42', { email: 'ada@example.com', plan: 'pro' }, at)
  await client.track('42', 'order', { total: 19.9 }, at)
  await client.page('42', '/pricing', { referrer: '/' }, at)
  await client.trackAnonymous('anon-1', 'visited', { page: 'home' }, at)
  await client.identify('42', { anonymous_id: 'anon-1' }, at)
  await client.addDevice('42', {
    token: 'token-1',
    platform: 'ios',
    lastUsed: NOW,
    attributes: { app_version: '1' },
  })
  await client.addDevice('42', { token: 'token/2', platform: 'android', lastUsed: NOW })
  await client.deleteDevice('42', 'token/2')
  await client.identify('second', { email: 'second@example.com', city: 'Paris' }, at)
  await client.merge({ id: '42' }, { id: 'second' })
  await client.identify('gone', { a: 1 }, at)
  await client.delete('gone')
  await client.identify('blocked', { a: 1 }, at)
  await client.suppress('blocked')
  await client.identify('freed', { a: 1 }, at)
  await client.suppress('freed')
  await client.unsuppress('freed')
  await client.batch([
    { type: 'person', action: 'identify', identifiers: { id: 'v2' }, attributes: { n: 2 }, timestamp: NOW },
    { type: 'person', action: 'event', identifiers: { id: 'v2' }, name: 'batched', timestamp: NOW },
  ])
}

test('all that the client can say is done, and a gateway in between changes nothing of it', async () => {
  const { emulator, client } = await straight({ environment: 'test', updatedAt: false })
  await sayEverything(client)
  emulator.settle()
  const ada = emulator.person('id:42')
  assert.deepEqual(
    [ada?.email, ada?.attributes.plan, ada?.attributes.city],
    ['ada@example.com', 'pro', 'Paris'],
  )
  assert.deepEqual(
    ada?.devices.map(({ id }) => id),
    ['token-1'],
  )
  assert.deepEqual(
    emulator
      .events({ person: 'id:42' })
      .map(({ name }) => name)
      .sort(),
    ['/pricing', 'order', 'visited'],
  )
  assert.equal(emulator.events({ person: 'id:42' }).find(({ name }) => name === '/pricing')?.type, 'page')
  for (const key of ['id:gone', 'id:blocked', 'id:second']) assert.equal(emulator.person(key), undefined, key)
  assert.deepEqual(emulator.person('id:v2')?.attributes, { _env: 'test', n: 2 })

  const { gateway, emulator: behind, drained } = await stand()
  await sayEverything(service({ gateway: gateway.url, environment: 'test', updatedAt: false }))
  await drained()
  assert.deepEqual(await holdings(behind), await holdings(emulator))
  const figures = await gateway.conservation()
  assert.deepEqual([figures.dead, figures.missing], [0, 0])
})

test('_env and _updated_at go with an identify and _env with an event, unless they are switched off', async () => {
  const { emulator, client } = await straight({ environment: 'staging' })
  const before = Math.floor(Date.now() / 1000)
  await client.identify('42', { plan: 'pro' })
  await client.track('42', 'order', { total: 1 })
  await client.trackAnonymous('a', 'visited')
  await client.page('42', '/')
  emulator.settle()
  const { _env, _updated_at: updatedAt, plan } = emulator.person('id:42')?.attributes ?? {}
  assert.deepEqual([_env, plan], ['staging', 'pro'])
  assert.ok(Number(updatedAt) >= before && Number(updatedAt) <= Date.now() / 1000)
  const [event] = emulator.events({ person: 'id:42' })
  assert.deepEqual(event?.data, { _env: 'staging', total: 1 })
  const sent = emulator
    .requests()
    .slice(2)
    .map(({ body }) => JSON.parse(body).data)
  assert.deepEqual(sent, [{ _env: 'staging' }, { _env: 'staging' }])

  const off = service({ url: emulator.url, updatedAt: false })
  await off.identify('43', { plan: 'pro' })
  await off.track('43', 'order')
  emulator.settle()
  assert.deepEqual(emulator.person('id:43')?.attributes, { plan: 'pro' })
  assert.deepEqual(emulator.events({ person: 'id:43' })[0]?.data, {})
})

test('a connection that is cut after the event was taken: it is sent again under its id, and takes effect once', async () => {
  const { emulator, client, meet } = await straight()
  meet({ kind: 'cut' })
  const receipt = await client.track('42', 'order', { total: 19.9 })
  emulator.settle()
  const requests = emulator.requests()
  assert.deepEqual(
    requests.map(({ fault }) => fault),
    ['cut', null],
  )
  assert.equal(requests[0]?.body, requests[1]?.body)
  assert.deepEqual([receipt.attempts, receipt.status, isUlid(receipt.id)], [2, 200, true])
  assert.deepEqual(
    emulator.events().map(({ id }) => id),
    [receipt.id],
  )
})

test('a 429 with Retry-After is waited out, one without is repeated too', async () => {
  const { emulator, client, meet } = await straight()
  meet({ kind: 'rate_limit', retryAfter: 1 })
  const held = await client.identify('42', { plan: 'pro' })
  assert.ok(held.attempts === 2 && held.ms >= 1000, `${held.attempts} attempts in ${held.ms} ms`)
  meet({ kind: 'rate_limit', retryAfter: null })
  const soon = await client.identify('43', { plan: 'pro' })
  assert.equal(soon.attempts, 2) // how soon: customerio/retry.test.ts, by a clock of its own
  emulator.settle()
  assert.deepEqual(
    [emulator.person('id:42')?.attributes.plan, emulator.person('id:43')?.attributes.plan],
    ['pro', 'pro'],
  )
})

test('500s and resets, then success', async () => {
  const { emulator, client, meet } = await straight()
  meet({ kind: 'status', status: 500 }, ['hit', 'hit'])
  assert.equal((await client.track('42', 'first')).attempts, 3)
  meet({ kind: 'reset' })
  assert.equal((await client.track('42', 'second')).attempts, 2)
  emulator.settle()
  assert.deepEqual(
    emulator.events().map(({ name }) => name),
    ['first', 'second'],
  )
})

test('attempts that are used up end in the error of the last answer, with the id for a repeat', async () => {
  const { emulator, client } = await straight({ attempts: 2 })
  emulator.faults.add({ kind: 'outage', status: 503 })
  const failed: unknown = await client.track('42', 'order').catch((error: unknown) => error)
  assert.ok(failed instanceof SluiceError)
  assert.equal(failed.code, 'upstream_unavailable')
  assert.deepEqual([failed.details.status, failed.details.attempts], [503, 2])
  emulator.faults.clear()
  await client.track('42', 'order', {}, { id: String(failed.details.id) })
  await client.track('42', 'order', {}, { id: String(failed.details.id) })
  emulator.settle()
  assert.equal(emulator.events().length, 1)
})

test('an answer that does not come in time is given up, and the call is repeated', async () => {
  const { client, meet } = await straight({ timeoutMs: 100 })
  meet({ kind: 'latency', ms: 1_000 })
  assert.equal((await client.identify('42')).attempts, 2)
})

test('a 400 is not repeated, and the error has the words of Customer.io', async () => {
  const { emulator, client } = await straight()
  // What an e-mail address is, the client does not judge.
  const failed: unknown = await client
    .identify('42', { email: 'no address' })
    .catch((error: unknown) => error)
  assert.ok(failed instanceof SluiceError)
  assert.equal(failed.code, 'upstream_rejected')
  assert.match(failed.message, /email is not an email address/)
  assert.deepEqual([failed.details.status, failed.details.attempts], [400, 1])
  assert.equal(emulator.requests().length, 1)
})

test('wrong credentials are told at once', async () => {
  const { emulator, client } = await straight({ apiKey: 'wrong' })
  await assert.rejects(client.identify('42'), { code: 'upstream_unauthorized', hint: /siteId, apiKey/ })
  assert.equal(emulator.requests().length, 1)
})

test('input that Customer.io would refuse is refused before anything is sent', async () => {
  const { emulator, client } = await straight()
  const told = listen(client)
  await assert.rejects(client.track('42', 'n'.repeat(101)), {
    code: 'bad_request',
    message: 'name must have at most 100 bytes, not 101.',
  })
  await assert.rejects(client.batch('no array' as never), { code: 'bad_request' }) // as from JavaScript
  assert.equal(emulator.requests().length, 0)
  assert.deepEqual(
    told.map(([name]) => name),
    ['track:start', 'track:error', 'batch:start', 'batch:error'],
  )
})

test('a call tells its start and its end, once, whom it was about, and never what was said', async () => {
  const { client, meet } = await straight()
  const told = listen(client)
  meet({ kind: 'status', status: 500 })
  const receipt = await client.track('42', 'order', { secret: 'hunter2' }, { correlationId: 'c-1' })
  await client.identify('42', { email: 'bad' }).catch(() => {})
  assert.deepEqual(
    told.map(([name]) => name),
    ['track:start', 'track:success', 'identify:start', 'identify:error'],
  )
  const [start, success, , failure] = told.map(([, event]) => event)
  assert.deepEqual(start, {
    correlationId: 'c-1',
    method: 'track',
    request: { userId: '42', name: 'order', id: receipt.id },
    ms: 0,
  })
  assert.deepEqual([success?.correlationId, success?.status, success?.attempts], ['c-1', 200, 2])
  assert.ok((success?.ms ?? 0) > 0)
  assert.deepEqual([failure?.status, failure?.error?.code], [400, 'upstream_rejected'])
  assert.doesNotMatch(JSON.stringify(told), /hunter2/)
})

test('nobody need listen for errors, and a listener that throws changes nothing but a warning', async () => {
  const { emulator, client } = await straight()
  await assert.rejects(client.identify(''), { code: 'bad_request' })
  client.on('identify:success', () => {
    throw new Error('of the listener')
  })
  const warned = once(process, 'warning')
  assert.equal((await client.identify('42')).status, 200)
  const [warning] = await warned
  assert.match(warning.message, /identify:success threw: of the listener/)
  assert.equal(emulator.requests().length, 1)
})

test('a correlation id reaches all calls made within, however deep, and the trace of the gateway', async () => {
  const { gateway, admin, drained, emulator } = await stand()
  const client = service({ gateway: gateway.url })
  const told = listen(client)
  const receipts = await Promise.all(
    ['request-1', 'request-2'].map((id) =>
      withCorrelationId(id, async () => {
        await client.identify(id, { plan: 'pro' })
        assert.equal(currentCorrelationId(), id)
        return client.track(id, 'order')
      }),
    ),
  )
  await drained()
  for (const { correlationId, operationId, id } of receipts) {
    const trace = await admin<{ headers: Record<string, string>; key: string; state: string }>(
      `/operations/${operationId}`,
    )
    assert.equal(operationId, id)
    assert.deepEqual([trace.headers['correlation-id'], trace.key], [correlationId, `id:${correlationId}`])
    const own = told.filter(([, event]) => event.correlationId === correlationId).map(([name]) => name)
    assert.deepEqual(own, ['identify:start', 'identify:success', 'track:start', 'track:success'])
  }
  assert.equal(emulator.events().length, 2)
  assert.equal((await client.track('42', 'order', {}, { correlationId: 'given' })).correlationId, 'given')
  await assert.rejects(client.identify('42', {}, { correlationId: 'no spaces' }), { code: 'bad_request' })
  assert.throws(() => withCorrelationId('', () => {}), { code: 'bad_request' })
  withCorrelationId('over', () => {})
  assert.equal(currentCorrelationId(), undefined)
})

test('a gateway that is away for a moment: what is said meanwhile is taken once', async () => {
  const { gateway, emulator, drained } = await stand()
  const proxy = await startFlaky(gateway.url)
  const client = service({ gateway: proxy.url })
  await client.suppress('42')
  await client.track('43', 'order')
  await drained()
  assert.equal(proxy.cuts(), 2)
  assert.equal((await gateway.conservation()).accepted, 2)
  assert.equal(emulator.events().length, 1)
})

test('a batch of 2,100 items goes in parts, in order, and what is refused is told by its place', async () => {
  const { emulator, client } = await straight()
  const items = Array.from({ length: 2100 }, (_, n) => ({
    type: 'person' as const,
    action: 'event',
    identifiers: { id: `p${n % 3}` },
    ...(n === 1500 ? {} : { name: `n${n}` }),
  }))
  const told = listen(client)
  const result = await client.batch(items)
  emulator.settle()
  assert.deepEqual(
    emulator.requests().map(({ body }) => JSON.parse(body).batch.length),
    [1000, 1000, 100],
  )
  assert.deepEqual([result.status, result.accepted, result.attempts], [207, 2099, 3])
  assert.deepEqual(result.errors, [
    { index: 1500, reason: 'required', field: 'name', message: 'name is required' },
  ])
  const expected = items.flatMap(({ name }) => name ?? []).map(String)
  assert.deepEqual(
    emulator.events().map(({ name }) => name),
    expected,
  )
  assert.deepEqual(
    told.map(([name, { request }]) => [name, request.items]),
    [
      ['batch:start', 2100],
      ['batch:success', 2100],
    ],
  )
})

test('a batch that stops in the middle says from which item on nothing was taken', async () => {
  const { emulator, client, meet } = await straight({ attempts: 1 })
  const items = Array.from({ length: 1500 }, (_, n) => ({
    type: 'person' as const,
    action: 'identify',
    identifiers: { id: `p${n}` },
  }))
  meet({ kind: 'status', status: 503 }, ['miss', 'hit'])
  const failed: unknown = await client.batch(items).catch((error: unknown) => error)
  assert.ok(failed instanceof SluiceError)
  assert.deepEqual(
    [failed.code, failed.details.from, failed.details.accepted],
    ['upstream_unavailable', 1000, 1000],
  )
  emulator.settle()
  assert.equal(emulator.people().length, 1000)
})

test('an empty batch is nothing to send', async () => {
  const { emulator, client } = await straight()
  assert.deepEqual((await client.batch([])).accepted, 0)
  assert.equal(emulator.requests().length, 0)
})

test('closing waits for what is under way, and takes nothing new', async () => {
  const { emulator, client, meet } = await straight()
  meet({ kind: 'status', status: 503 })
  const under = client.track('42', 'order')
  const closing = client.close()
  await assert.rejects(client.track('42', 'late'), { code: 'shutting_down' })
  await closing
  assert.equal((await under).attempts, 2)
  emulator.settle()
  assert.deepEqual(
    emulator.events().map(({ name }) => name),
    ['order'],
  )
})

test('hundreds of calls at once are more than the connections, and all of them succeed', async () => {
  const { emulator, client } = await straight({ connections: 4 })
  const calls = cases(300, 1_000)
  await Promise.all(Array.from({ length: calls }, (_, n) => client.track('42', 'tick', { n })))
  emulator.settle()
  assert.equal(emulator.events().length, calls)
})
