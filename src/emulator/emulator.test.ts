import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { APIClient, CustomerIORequestError, IdentifierType, TrackClient } from 'customerio-node'
import { cases } from '../../test/cases.ts'
import { isObject, type JsonObject } from '../core/json.ts'
import type { Stats } from './control.ts'
import { type Emulator, type EmulatorOptions, startEmulator } from './emulator.ts'

const start = (options: EmulatorOptions = {}): Promise<Emulator> => startEmulator({ port: 0, ...options })

/** Without the client's own retries, so that a failure shows as what it is. */
const trackClient = ({ url }: Emulator, key = 'dev') =>
  new TrackClient('dev', key, { url: `${url}/api/v1`, retry: { maxRetries: 0 } })
const appClient = ({ url }: Emulator, key = 'dev') =>
  new APIClient(key, { url: `${url}/v1`, retry: { maxRetries: 0 } })

const DEV = `Basic ${Buffer.from('dev:dev').toString('base64')}`

function call(emulator: Emulator, method: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(emulator.url + path, { ...init, method, headers: { authorization: DEV, ...init.headers } })
}

const post = (emulator: Emulator, path: string, body: unknown) =>
  call(emulator, 'POST', path, { body: typeof body === 'string' ? body : JSON.stringify(body) })

/** The body, in the shape that the test goes on to check. */
const jsonOf = async <T>(response: Response): Promise<T> => (await response.json()) as T

interface ErrorBody {
  readonly errors: readonly { readonly batch_index?: number; readonly field?: string }[]
}

interface MetaBody {
  readonly meta: { readonly error?: string; readonly errors?: readonly string[] }
}

interface ListBody<T> {
  readonly data: readonly T[]
}

const NOW = Math.floor(Date.now() / 1000)

test('all that the official Node client says of people is done', async () => {
  await using emulator = await start()
  const client = trackClient(emulator)
  await client.identify('42', { email: 'Ada@x.io', plan: 'pro', created_at: NOW })
  await client.track('42', { name: 'bought', data: { total: 12.5 }, timestamp: NOW })
  await client.trackPageView('42', '/pricing')
  await client.trackAnonymous('anon', { name: 'visited' })
  await client.trackAnonymous('', { name: 'invited', data: { recipient: 'new@x.io' } })
  await client.identify('42', { anonymous_id: 'anon' })
  await client.addDevice('42', 'token', 'ios', { last_used: NOW, app_version: '1.2' })
  await client.addDevice('42', 'gone', 'android')
  await client.deleteDevice('42', 'gone')
  await client.identify('other', { email: 'other@x.io', city: 'Oslo' })
  await client.mergeCustomers(IdentifierType.Id, '42', IdentifierType.Email, 'other@x.io')
  await client.addCustomersToSegment(3, ['42', 'nobody'])
  await client.identify('deleted', {})
  await client.destroy('deleted')
  await client.suppress('blocked')
  await client.identify('blocked', {})
  emulator.settle()

  const ada = emulator.person('id:42')
  assert.deepEqual(ada?.attributes, { plan: 'pro', created_at: NOW, anonymous_id: 'anon', city: 'Oslo' })
  assert.equal(ada?.email, 'Ada@x.io')
  assert.deepEqual(ada?.devices, [
    { id: 'token', platform: 'ios', last_used: NOW, attributes: { app_version: '1.2' } },
  ])
  assert.deepEqual(ada?.segments, ['3'])
  assert.deepEqual(
    emulator.people().map(({ key }) => key),
    ['id:42'],
  )
  assert.deepEqual(
    emulator.events().map(({ person, name, type }) => [person, name, type]),
    [
      ['id:42', 'bought', 'event'],
      ['id:42', '/pricing', 'page'],
      ['id:42', 'visited', 'event'],
      [null, 'invited', 'event'],
    ],
  )
})

test('ids of every kind come through percent-encoding as they are', async () => {
  await using emulator = await start()
  const ids = ['a b/c+1', '50%', '%2525', 'ключ', '😀', 'a?b#c', 'x'.repeat(150), 'cio']
  for (const id of ids) await trackClient(emulator).identify(id, {})
  await trackClient(emulator).identify('A+b@x.io', {})
  emulator.settle()
  const cioId = emulator.person('email:a+B@x.io')?.cio_id
  await trackClient(emulator).identify(`cio_${cioId}`, { plan: 'pro' })
  emulator.settle()
  assert.deepEqual(
    emulator.people().map(({ key }) => key),
    [...ids.map((id) => `id:${id}`), 'email:a+b@x.io'],
  )
  assert.equal(emulator.person('email:a+b@x.io')?.attributes.plan, 'pro')
})

test('the App API reads back what has taken effect, as strings, through the official client', async () => {
  await using emulator = await start({ settleMs: 60_000 })
  const text = '{"email":"ada@x.io","big":1234567890123456789,"vip":true,"tags":["a"],"unsubscribed":"TRUE"}'
  await call(emulator, 'PUT', '/api/v1/customers/42', { body: text })
  const app = appClient(emulator)
  await assert.rejects(app.getAttributes('42'), (thrown) => {
    assert.ok(thrown instanceof CustomerIORequestError)
    assert.deepEqual(JSON.parse(thrown.body), { errors: [{ detail: 'not found', status: '404' }] })
    return thrown.statusCode === 404
  })
  emulator.settle()
  const { customer } = (await app.getAttributes('ADA@x.io', IdentifierType.Email)) as { customer: JsonObject }
  assert.deepEqual(customer.attributes, {
    big: '1234567890123456789',
    vip: 'true',
    tags: '["a"]',
    unsubscribed: 'TRUE',
    id: '42',
    email: 'ada@x.io',
    cio_id: 'a3000001',
    _cio_subscription_preferences_computed: '{"topics":{}}',
  })
  assert.equal(customer.unsubscribed, true)
  const found = { email: 'ada@x.io', id: '42', cio_id: 'a3000001' }
  assert.deepEqual(await app.getCustomersByEmail('ada@x.io'), { results: [found] })
  assert.deepEqual(await app.getCustomersByEmail('who@x.io'), { results: [] })
  const { customers } = (await app.getCustomersAttributes(['42', 'nobody'])) as { customers: unknown[] }
  assert.equal(customers.length, 1)
})

test('activities come newest first, in pages that follow on each other', async () => {
  await using emulator = await start()
  for (let n = 1; n <= 25; n += 1) await trackClient(emulator).track('42', { name: `n${n}` })
  emulator.settle()
  const names: unknown[] = []
  let from: string | undefined
  do {
    const page: unknown = await appClient(emulator).getCustomerActivities('42', {
      type: 'event',
      ...(from !== undefined && { start: from }),
    })
    assert.ok(isObject(page) && Array.isArray(page.activities))
    assert.ok(page.activities.length <= 10)
    names.push(...page.activities.map(({ name }: { name: string }) => name))
    from = String(page.next)
  } while (from !== '')
  assert.deepEqual(
    names,
    Array.from({ length: 25 }, (_, index) => `n${25 - index}`),
  )
})

test('success is {} with a line break and the headers that were recorded of Customer.io', async () => {
  await using emulator = await start()
  for (const [method, path] of [
    ['PUT', '/api/v1/customers/42'],
    ['POST', '/api/v1/customers/42/suppress'],
    ['DELETE', '/api/v1/customers/42'],
  ] as const) {
    const response = await call(emulator, method, path)
    assert.equal(response.status, 200)
    assert.equal(await response.text(), '{}\n')
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(response.headers.get('status'), '200 OK')
    assert.equal(response.headers.get('via'), '1.1 google')
    assert.equal(response.headers.get('retry-after'), null)
  }
})

test('bodies come as clients send them: zipped, on DELETE, absent, of any content type', async () => {
  await using emulator = await start()
  const event = { type: 'person', action: 'event', identifiers: { id: '1' }, name: 'zipped' }
  const zipped = await call(emulator, 'POST', '/api/v2/batch', {
    body: new Uint8Array(gzipSync(JSON.stringify({ batch: [event] }))),
    headers: { 'content-encoding': 'gzip' },
  })
  assert.equal(zipped.status, 200)
  const body = await call(emulator, 'DELETE', '/api/v1/customers/2', { body: '{}' })
  assert.equal(body.status, 200)
  const odd = await call(emulator, 'PUT', '/api/v1/customers/3', {
    body: '{"a":1}',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  })
  assert.equal(odd.status, 200)
  const broken = await call(emulator, 'POST', '/api/v2/batch', {
    body: 'no gzip',
    headers: { 'content-encoding': 'gzip' },
  })
  assert.equal(broken.status, 400)
  emulator.settle()
  assert.deepEqual(
    emulator.people().map(({ key }) => key),
    ['id:1', 'id:3'],
  )
})

test('credentials: both alphabets of base64 are read, and wrong ones are 401 in the shape of the API', async () => {
  const credentials = { siteId: 'dev>>>', apiKey: '???dev' }
  await using emulator = await start({ credentials })
  const token = Buffer.from('dev>>>:???dev').toString('base64')
  assert.match(token, /[+/]/)
  for (const spelling of [token, token.replaceAll('+', '-').replaceAll('/', '_')]) {
    const headers = { authorization: `Basic ${spelling}` }
    const response = await call(emulator, 'PUT', '/api/v1/customers/1', { headers })
    assert.equal(response.status, 200)
  }
  const refused = await call(emulator, 'PUT', '/api/v1/customers/1')
  assert.deepEqual([refused.status, await refused.json()], [401, { meta: { error: 'Unauthorized' } }])
  const app = await call(emulator, 'GET', '/v1/activities')
  assert.deepEqual(
    [app.status, await app.json()],
    [401, { errors: [{ detail: 'Unauthorized', status: '401' }] }],
  )
  const open = await post(emulator, '/api/v1/metrics', { delivery_id: 'd', metric: 'opened' })
  assert.equal(open.status, 200)
})

test('what an authorization header said is not kept', async () => {
  await using emulator = await start()
  await call(emulator, 'GET', '/auth', { headers: { authorization: 'Basic c2VjcmV0' } })
  assert.doesNotMatch(JSON.stringify(emulator.requests()), /c2VjcmV0/)
})

test('a batch is split: 200 for all, 207 for some or none, 400 for what is no batch', async () => {
  await using emulator = await start()
  const good = { type: 'person', action: 'identify', identifiers: { id: '1' } }
  const bad = { type: 'person', action: 'event', identifiers: { id: '1' }, name: 'n'.repeat(101) }
  const large = { ...good, attributes: { a: 'x'.repeat(33_000) } }
  const answer = async (body: unknown) => {
    const response = await post(emulator, '/api/v2/batch', body)
    return [response.status, await jsonOf<ErrorBody>(response)] as const
  }
  const fault = { reason: 'invalid', field: 'name', message: 'event name cannot be longer than 100 bytes' }
  assert.deepEqual(await answer({ batch: [good, good] }), [200, {}])
  assert.deepEqual(await answer({ batch: [] }), [200, {}])
  assert.deepEqual(await answer({ batch: [bad, good] }), [207, { errors: [{ batch_index: 0, ...fault }] }])
  assert.equal((await answer({ batch: [bad] }))[0], 207)
  const [status, { errors }] = await answer({ batch: [good, large, 5] })
  assert.deepEqual([status, errors.map((each) => each.batch_index)], [207, [1, 2]])
  for (const whole of ['{"batch":', '[]', '{}', { batch: {} }, { batch: [good], pad: 'x'.repeat(512_000) }])
    assert.equal((await answer(whole))[0], 400)
  emulator.settle()
  assert.equal(emulator.stats().accepted, 4)
})

test('a single item is 400 for a fault, and a batch of just 500 KB is taken', async () => {
  await using emulator = await start()
  const entity = await post(emulator, '/api/v2/entity', { type: 'person', action: 'dance' })
  assert.equal(entity.status, 400)
  assert.equal((await jsonOf<ErrorBody>(entity)).errors[0]?.field, 'action')
  const item = JSON.stringify({ type: 'person', action: 'identify', identifiers: { id: '1' } })
  const frame = JSON.stringify({ batch: [JSON.parse(item)], pad: '' })
  const body = frame.replace('""', `"${'x'.repeat(500 * 1024 - frame.length)}"`)
  assert.equal(body.length, 500 * 1024)
  assert.equal((await post(emulator, '/api/v2/batch', body)).status, 200)
  assert.equal((await post(emulator, '/api/v2/batch', body.replace('x', 'xx'))).status, 400)
})

test('errors of Track v1 come in its own two shapes', async () => {
  await using emulator = await start()
  const answers = await Promise.all([
    post(emulator, '/api/v1/customers/1/events', { name: 'n'.repeat(101) }),
    post(emulator, '/api/v1/merge_customers', {
      primary: { id: '1', email: 'a@x.io' },
      secondary: { id: '2' },
    }),
    call(emulator, 'PUT', '/api/v1/customers/1', { body: JSON.stringify({ plan: 'x'.repeat(1001) }) }),
    call(emulator, 'PUT', '/api/v1/customers/1', { body: '{"plan":' }),
    post(emulator, '/api/v1/segments/1/add_customers', { ids: Array.from({ length: 1001 }, String) }),
    post(emulator, '/api/v1/forms/f/submit', { data: { email: 'a@x.io', id: '1' } }),
  ])
  const said = await Promise.all(
    answers.map(async (each) => [each.status, (await jsonOf<MetaBody>(each)).meta] as const),
  )
  assert.deepEqual(
    said.map(([status]) => status),
    [400, 400, 400, 400, 400, 400],
  )
  assert.deepEqual(said[0]?.[1], { errors: ['event name cannot be longer than 100 bytes'] })
  assert.equal(typeof said[1]?.[1].error, 'string')
  assert.deepEqual(said[2]?.[1], { errors: ['property value cannot be longer than 1000 bytes'] })
})

test('forms answer 204 and identify, metrics and unsubscribes are kept, the region names the emulator', async () => {
  await using emulator = await start()
  const form = await post(emulator, '/api/v1/forms/f/submit', {
    data: { email: 'a@x.io', food: 'pizza', form_id: 'f' },
  })
  assert.deepEqual([form.status, await form.text()], [204, ''])
  await trackClient(emulator).trackPush({
    delivery_id: 'd1',
    event: 'opened',
    device_id: 't',
    timestamp: NOW,
  })
  await trackClient(emulator).unsubscribe('d2', true)
  emulator.settle()
  assert.deepEqual(emulator.person('email:a@x.io')?.attributes, { food: 'pizza' })
  const { data } = await jsonOf<ListBody<{ delivery_id: string; metric: string }>>(
    await fetch(`${emulator.url}/_emulator/metrics`),
  )
  assert.deepEqual(
    data.map((each) => [each.delivery_id, each.metric]),
    [
      ['d1', 'opened'],
      ['d2', 'unsubscribed'],
    ],
  )
  const region = await jsonOf<Record<string, unknown>>(await call(emulator, 'GET', '/api/v1/accounts/region'))
  assert.deepEqual([region.url, region.region, region.data_center], [emulator.url, 'us', 'us'])
})

test('what is not emulated says so and where to look', async () => {
  await using emulator = await start()
  const response = await post(emulator, '/api/v3/entity', {})
  const problem = await jsonOf<{ code: string; hint: string }>(response)
  assert.deepEqual([response.status, problem.code], [501, 'not_emulated'])
  assert.match(problem.hint, /_emulator\/coverage/)
  const app = await post(emulator, '/v1/imports', {})
  const { errors } = await jsonOf<{ errors: readonly JsonObject[] }>(app)
  assert.deepEqual([app.status, errors[0]?.status, errors[0]?.code], [501, '501', 'not_emulated'])
})

test('the control API shows people and events with every number as it came', async () => {
  await using emulator = await start()
  const item = `{"type":"person","action":"event","identifiers":{"id":"1"},"name":"x","attributes":{"n":12345678901234567890,"m":1.10}}`
  await post(emulator, '/api/v2/entity', item)
  await call(emulator, 'PUT', '/api/v1/customers/1', { body: '{"big":12345678901234567890}' })
  emulator.settle()
  const events = await (await fetch(`${emulator.url}/_emulator/events?person=id:1`)).text()
  assert.ok(events.includes('"data":{"n":12345678901234567890,"m":1.10}'), events)
  const person = await (await fetch(`${emulator.url}/_emulator/people/id:1`)).text()
  assert.ok(person.includes('"attributes":{"big":12345678901234567890}'), person)
  assert.equal(emulator.eventData(emulator.events()[0]?.seq ?? 0), '{"n":12345678901234567890,"m":1.10}')
  assert.equal((await fetch(`${emulator.url}/_emulator/people/id:2`)).status, 404)
})

test('events and requests can be read on from where one stopped', async () => {
  await using emulator = await start()
  for (const name of ['a', 'b', 'c', 'd']) await post(emulator, '/api/v1/customers/1/events', { name })
  emulator.settle()
  const page = async (query: string) => {
    const response = await fetch(`${emulator.url}/_emulator/${query}`)
    return (await jsonOf<ListBody<{ seq: number; name: string }>>(response)).data
  }
  const first = await page('events?limit=2')
  const second = await page(`events?after=${first.at(-1)?.seq}`)
  assert.deepEqual(
    [...first, ...second].map(({ name }) => name),
    ['a', 'b', 'c', 'd'],
  )
  assert.deepEqual(
    (await page('requests?limit=2')).map(({ seq }) => seq),
    [3, 4],
  )
  assert.deepEqual(
    (await page('requests?since=1&limit=2')).map(({ seq }) => seq),
    [2, 3],
  )
  assert.equal((await page('requests?path=/api/v2')).length, 0)
})

test('settling by HTTP, changing the delay, and starting over', async () => {
  await using emulator = await start()
  const control = async <T = Stats>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    return jsonOf<T>(await fetch(`${emulator.url}/_emulator/${path}`, init))
  }
  assert.deepEqual(await control<unknown>('PUT', 'settings', { settleMs: 60_000 }), { settleMs: 60_000 })
  await trackClient(emulator).identify('1', {})
  const waiting = await control('GET', 'stats')
  assert.deepEqual([waiting.accepted, waiting.pending, waiting.people], [1, 1, 0])
  const settled = await control('POST', 'settle')
  assert.deepEqual([settled.accepted, settled.pending, settled.people], [1, 0, 1])
  await control('POST', 'faults', { kind: 'cut' })
  await control('POST', 'reset')
  assert.deepEqual((await control<ListBody<unknown>>('GET', 'faults')).data, [])
  const empty = await control('GET', 'stats')
  assert.deepEqual([empty.accepted, empty.people, empty.requests], [0, 0, 0])
})

test('it listens on loopback only, and wants no credentials that look real', async () => {
  await assert.rejects(start({ host: '0.0.0.0' }), { code: 'bad_config' })
  await assert.rejects(start({ credentials: { apiKey: 'f0e1d2c3b4a5968778695a4b3c2d1e0f' } }), {
    code: 'bad_config',
  })
})

test('a port that is taken is told as such', async () => {
  await using emulator = await start()
  await assert.rejects(start({ port: emulator.port }), { code: 'port_in_use' })
})

const BATCHES = cases(10, 100)

test(`${BATCHES * 2_000} events go through in batches, each with its effect`, async () => {
  await using emulator = await start()
  const batches = Array.from({ length: BATCHES }, (_, batch) =>
    JSON.stringify({
      batch: Array.from({ length: 2000 }, (_, n) => ({
        type: 'person',
        identifiers: { id: `p${n % 500}` },
        action: 'event',
        name: 'order',
        timestamp: NOW,
        attributes: { batch, n },
      })),
    }),
  )
  const begun = process.cpuUsage()
  for (const body of batches) assert.equal((await post(emulator, '/api/v2/batch', body)).status, 200)
  emulator.settle()
  const { user, system } = process.cpuUsage(begun)
  assert.equal(emulator.stats().events, BATCHES * 2_000)
  // Time of the processor, about 3 s for 200,000, so that a busy machine does not fail the test. A scan for each request would take minutes.
  const took = (user + system) / 1e6
  assert.ok(took < 0.12 * BATCHES, `it took ${took.toFixed(1)} s of processor time`)
})
