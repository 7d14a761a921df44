import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { TrackClient } from 'customerio-node'
import { makeUlids } from '../core/ulid.ts'
import { type Emulator, startEmulator } from './emulator.ts'
import type { FaultRule } from './faults.ts'

const start = (faults: readonly FaultRule[] = []): Promise<Emulator> => startEmulator({ port: 0, faults })
const DEV = `Basic ${Buffer.from('dev:dev').toString('base64')}`

function send(emulator: Emulator, name: string, path = '/api/v1/customers/1/events'): Promise<Response> {
  const body = JSON.stringify({ name })
  return fetch(emulator.url + path, { method: 'POST', headers: { authorization: DEV }, body })
}

/** How a request ended: its status, or the code of the network's error. */
async function outcome(emulator: Emulator, name: string): Promise<number | string> {
  try {
    return (await send(emulator, name)).status
  } catch (thrown) {
    const { cause } = thrown as { cause?: { code?: string } } // fetch wraps the error of the socket
    return cause?.code ?? 'no code'
  }
}

const namesOf = (emulator: Emulator): string[] => {
  emulator.settle()
  return emulator.events().map(({ name }) => name)
}

/** The status and the fault of the last request, as the log has them. */
const lastOf = (emulator: Emulator) => {
  const last = emulator.requests().at(-1)
  return [last?.status, last?.fault]
}

test('cut applies the request and gives no answer', async () => {
  await using emulator = await start([{ kind: 'cut' }])
  assert.match(String(await outcome(emulator, 'a')), /UND_ERR_SOCKET|ECONNRESET/)
  assert.deepEqual(namesOf(emulator), ['a'])
  assert.deepEqual(lastOf(emulator), [null, 'cut'])
})

test('reset gives no answer either, and applies nothing', async () => {
  await using emulator = await start([{ kind: 'reset' }])
  assert.equal(await outcome(emulator, 'a'), 'ECONNRESET')
  assert.deepEqual(namesOf(emulator), [])
  assert.deepEqual(lastOf(emulator), [null, 'reset'])
})

test('a status applies nothing, and speaks in the form of the API', async () => {
  await using emulator = await start([{ kind: 'status', status: 500, retryAfter: 7 }])
  const response = await send(emulator, 'a')
  assert.deepEqual([response.status, response.headers.get('retry-after')], [500, '7'])
  assert.deepEqual(await response.json(), { meta: { error: 'emulated fault' } })
  const batch = await send(emulator, 'a', '/api/v2/batch')
  assert.ok(Array.isArray(((await batch.json()) as { errors: unknown }).errors))
  assert.deepEqual(namesOf(emulator), [])
  assert.deepEqual(lastOf(emulator), [500, 'status'])
})

test('a body of one’s own takes the place of the form, as a proxy would answer', async () => {
  await using emulator = await start([{ kind: 'status', status: 502, body: '<h1>Bad gateway</h1>' }])
  const response = await send(emulator, 'a')
  assert.equal(response.headers.get('content-type'), 'text/html')
  assert.equal(await response.text(), '<h1>Bad gateway</h1>')
})

test('a rate limit answers 429 beyond its budget, with Retry-After only when it is given one', async () => {
  await using emulator = await start([{ kind: 'rate_limit', rps: 0.001, retryAfter: 2, path: '/api/v1' }])
  assert.equal(await outcome(emulator, 'a'), 200)
  const limited = await send(emulator, 'b')
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '2'])
  emulator.faults.clear()
  emulator.faults.add({ kind: 'rate_limit', percent: 100 })
  const bare = await send(emulator, 'a')
  assert.deepEqual([bare.status, bare.headers.get('retry-after')], [429, null])
})

test('an outage answers 503 or resets, whatever else is set', async () => {
  await using emulator = await start([{ kind: 'cut', percent: 50 }, { kind: 'outage' }])
  assert.deepEqual([await outcome(emulator, 'a'), await outcome(emulator, 'b')], [503, 503])
  emulator.faults.clear()
  emulator.faults.add({ kind: 'outage', status: null })
  assert.equal(await outcome(emulator, 'c'), 'ECONNRESET')
  assert.deepEqual(namesOf(emulator), [])
})

test('a redirect names the same path at another host, and applies nothing', async () => {
  await using emulator = await start([{ kind: 'redirect', to: 'http://eu.test', path: '/api/' }])
  const path = '/api/v1/customers/a%2Fb/events'
  const body = '{"name":"a"}'
  const answer = await fetch(emulator.url + path, {
    method: 'POST',
    headers: { authorization: DEV },
    body,
    redirect: 'manual',
  })
  assert.deepEqual([answer.status, answer.headers.get('location')], [301, `http://eu.test${path}`])
  assert.deepEqual(namesOf(emulator), [])
})

test('latency delays and then serves', async () => {
  await using emulator = await start([{ kind: 'latency', ms: 30 }])
  assert.equal(await outcome(emulator, 'a'), 200)
  const [request] = emulator.requests()
  assert.equal(request?.fault, 'latency')
  assert.ok((request?.ms ?? 0) >= 29, `${request?.ms} ms`)
  assert.deepEqual(namesOf(emulator), ['a'])
})

test('faults spare other paths and the control API', async () => {
  await using emulator = await start([{ kind: 'outage', path: '/api/v2' }])
  assert.equal(await outcome(emulator, 'a'), 200)
  emulator.faults.add({ kind: 'outage' })
  assert.equal((await fetch(`${emulator.url}/_emulator/stats`)).status, 200)
  assert.equal(await outcome(emulator, 'b'), 503)
})

test('rules are set, shown and taken away over HTTP; the same seed gives the same answers', async () => {
  await using emulator = await start()
  const control = (method: string, path = '', body?: unknown) =>
    fetch(`${emulator.url}/_emulator/faults${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const rules = [
    { kind: 'status', status: 500, percent: 40 },
    { kind: 'reset', percent: 20 },
  ]
  const runs: unknown[] = []
  for (let run = 0; run < 2; run += 1) {
    await control('DELETE')
    assert.equal((await control('POST', '', { rules, seed: 42 })).status, 201)
    const met: (number | string)[] = []
    for (let n = 0; n < 30; n += 1) met.push(await outcome(emulator, 'a'))
    runs.push(met)
  }
  assert.deepEqual(runs[0], runs[1])
  assert.deepEqual([...new Set(runs[0] as unknown[])].sort(), [200, 500, 'ECONNRESET'].sort())
  const wrong = await control('POST', '', { rules: [{ kind: 'cut' }, { kind: 'flood' }] })
  assert.equal(wrong.status, 400)
  const { data } = (await (await control('GET')).json()) as { data: { id: number }[] }
  assert.equal(data.length, 2)
  assert.equal((await control('DELETE', `/${data[0]?.id}`)).status, 200)
  assert.equal((await control('DELETE', `/${data[0]?.id}`)).status, 404)
})

test('a client that repeats what was cut off has one effect for each ULID', { timeout: 20_000 }, async () => {
  await using emulator = await start([
    { kind: 'cut', percent: 30 },
    { kind: 'reset', percent: 20 },
    { kind: 'status', status: 503, percent: 20 },
  ])
  emulator.faults.seed(1)
  const ulid = makeUlids()
  const ids = Array.from({ length: 40 }, () => ulid(Date.now()))
  const retry = { maxRetries: 30, minTimeoutMs: 1, maxTimeoutMs: 2, maxTotalBackoffMs: 10_000 }
  const client = new TrackClient('dev', 'dev', { url: `${emulator.url}/api/v1`, retry })
  for (const id of ids) await client.track('1', { name: 'x', id })
  emulator.settle()
  assert.deepEqual(
    emulator.events().map(({ id }) => id),
    ids,
  )
  const { duplicates, faults } = emulator.stats()
  assert.equal(duplicates, faults.cut)
})

/** Headers that fetch does not let a program set. */
async function control(emulator: Emulator, headers: Record<string, string>): Promise<[number, string]> {
  const { port } = emulator
  const asked = request({ host: '127.0.0.1', port, method: 'POST', path: '/_emulator/clock', headers })
  asked.end('{"advanceMs":1000}')
  const [answer] = (await once(asked, 'response')) as [IncomingMessage] // node:http says so
  return [answer.statusCode ?? 0, await text(answer)]
}

test('curl controls it, by every name of this machine, and no web page does', async () => {
  await using emulator = await start()
  const { port } = emulator
  for (const host of [`127.0.0.1:${port}`, `LocalHost:${port}`, `[::1]:${port}`, 'localhost']) {
    assert.equal((await control(emulator, { host }))[0], 200, host)
    assert.equal((await control(emulator, { host, origin: `http://${host}` }))[0], 200, host)
  }
  const host = `127.0.0.1:${port}`
  const pages = [
    { host, origin: 'https://example.com', 'content-type': 'text/plain' },
    { host, origin: 'null' },
    { host, origin: 'http://localhost:3000' },
    { host: `rebound.example.com:${port}` },
    { host: `rebound.example.com:${port}`, origin: `http://rebound.example.com:${port}` },
    { host: `127.0.0.1.example.com:${port}` },
  ]
  for (const page of pages) {
    const [status, body] = await control(emulator, page)
    assert.deepEqual([status, JSON.parse(body).code], [403, 'forbidden'], JSON.stringify(page))
  }
})
