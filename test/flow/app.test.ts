/**
 * The App API by the official client, unmodified, with only the address changed: through the gateway, which passes it on
 * within one budget, and straight at the emulator. What comes back must be the same.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { APIClient, FilterOperator, SendEmailRequest, TrackClient } from 'customerio-node'
import type { Emulator } from '../../src/emulator/emulator.ts'
import { type Stand, stand, temporary } from './stand.ts'

const clientOf = ({ url }: { url: string }, key = 'dev') =>
  new APIClient(key, { url: `${url}/v1`, retry: { maxRetries: 0 } })

const open = (env: Record<string, string> = {}): Promise<Stand> =>
  stand({ env: { SLUICE_LIMITS_APP_PER_SECOND: '1000', ...env } })

const get = ({ gateway }: Stand, path: string, init: RequestInit = {}) =>
  fetch(gateway.url + path, {
    redirect: 'manual',
    ...init,
    headers: { authorization: 'Bearer dev', ...init.headers },
  })

/** Every read of the client that an emulated workspace can answer, in an order in which each has something to find. */
const READS: readonly ((client: APIClient) => Promise<unknown>)[] = [
  (client) => client.getCustomersByEmail('a+b@x.io'),
  (client) => client.getCustomersByEmail('nobody@x.io'),
  (client) => client.getAttributes('a b/c'),
  (client) => client.getCustomersAttributes(['a b/c', 'nobody']),
  (client) => client.getCustomerActivities('a b/c', { limit: 2 }),
  (client) => client.getCustomerMessages('a b/c'),
  (client) => client.getCustomerRelationships('a b/c'),
  (client) => client.getCustomerSegments('a b/c'),
  (client) => client.getCustomerSubscriptionPreferences('a b/c', { language: 'de' }),
  (client) => client.searchCustomers({ attribute: { field: 'email', operator: FilterOperator.Exists } }),
  (client) => client.getObjectAttributes('1', 'acme'),
  (client) => client.getObjectRelationships('1', 'acme'),
  (client) => client.listObjectTypes(),
  (client) => client.listActivities({ limit: 3 }),
  (client) => client.listSegments(),
  (client) => client.getSegment(7),
  (client) => client.getSegmentCustomerCount(7),
  (client) => client.getSegmentMembership(7),
  (client) => client.getSegmentUsedBy(7),
  (client) => client.listSubscriptionTopics(),
  (client) => client.listSubscriptionChannels(),
  (client) => client.listExports(),
  (client) => client.getMessages({ limit: 5 }),
  (client) => client.listTransactionalMessages(),
  (client) => client.listCampaigns(),
  (client) => client.listBroadcasts(),
  (client) => client.listNewsletters(),
  (client) => client.listCollections(),
  (client) => client.listReportingWebhooks(),
  (client) => client.getSnippets(),
  (client) => client.getSenderIdentities(),
  (client) => client.listWorkspaces(),
  (client) => client.getIpAddresses(),
]

test(`${READS.length} reads of the official client come back through the gateway as they are`, async () => {
  const at = await open()
  const track = new TrackClient('dev', 'dev', { url: `${at.gateway.url}/api/v1` })
  await track.identify('a b/c', {
    email: 'a+b@x.io',
    plan: 'pro',
    cio_relationships: {
      action: 'add_relationships',
      relationships: [{ identifiers: { object_type_id: '1', object_id: 'acme' } }],
    },
  })
  await track.track('a b/c', { name: 'order', data: { total: 1 } })
  await at.drained()
  await track.addCustomersToSegment(7, ['a b/c'])
  await at.drained()
  for (const [n, read] of READS.entries()) {
    const passed = await read(clientOf(at.gateway))
    assert.deepEqual(passed, await read(clientOf(at.emulator)), String(n))
  }
  await assert.rejects(clientOf(at.gateway).getAttributes('nobody'), { statusCode: 404 })
})

/** Arguments that satisfy most methods of the client, which looks at little more than whether they are there. */
const RICH = {
  ...{ name: 'x', value: 'v', language: 'de', subject: 's', data: [{ a: 1 }], schema: ['a'], type: 'people' },
  ...{ endpoint: 'https://x.io', events: ['email_sent'], identifier: 'id', data_file_url: 'https://x.io/f' },
  ...{ res: 'days', start: 1, end: 2, parent_folder_id: 1, html: 'h', filename: 'a.png' },
  ...{ tag: 'x-t', path: 'p', email: 'a@x.io' },
}
const TRIES: readonly (readonly unknown[])[] = [
  ['1', '1', '1', '1'],
  [RICH, RICH],
  ['1', RICH, RICH],
  ['1', '1', RICH, RICH],
  [['1']],
  ['1', [RICH]],
  ['1', '1'],
  ['1'],
]

/** Those that send are refused; they have tests of their own. */
const SENDS = /^(send|triggerBroadcast|constructor$|resourceBase$)/
const METHODS = Object.getOwnPropertyNames(APIClient.prototype).filter((name) => !SENDS.test(name))

/** Calls a method until something goes out, and tells what went out and what came of it. */
async function exchange(name: string, { client, emulator }: { client: APIClient; emulator: Emulator }) {
  for (const args of TRIES) {
    const since = emulator.requests().at(-1)?.seq ?? 0
    const method: unknown = Reflect.get(client, name)
    assert.ok(typeof method === 'function')
    const result = await Promise.resolve()
      .then(() => method.apply(client, args))
      .catch(({ statusCode, body }) => ({ statusCode, body }))
    const [call] = emulator.requests({ since })
    if (call !== undefined)
      return {
        method: call.method,
        path: call.path,
        body: plain(call.body),
        result: plain(JSON.stringify(result)),
      }
  }
  return undefined
}

/** The boundary of a form is drawn anew each time, and time goes on. */
const plain = (text: string) =>
  text.replace(/formdata-undici-\d+/g, 'boundary').replace(/\b1\d{9}\b/g, 'seconds')

test(`all ${METHODS.length} methods of the official client but the sends come through unchanged, either way`, async () => {
  const at = await open({ SLUICE_ENV: 'production' })
  const straight = await open()
  const through = { client: clientOf(at.gateway), emulator: at.emulator }
  const direct = { client: clientOf(straight.emulator), emulator: straight.emulator }
  for (const name of METHODS) {
    const expected = await exchange(name, direct)
    assert.ok(expected !== undefined, `${name} sent nothing`)
    assert.deepEqual(await exchange(name, through), expected, name)
  }
})

test('what the client makes through the gateway is there, and can be taken away', async () => {
  const { gateway, emulator } = await open()
  const app = clientOf(gateway)
  const { segment } = (await app.createSegment({ name: 'VIP' })) as { segment: { id: number } }
  assert.deepEqual(await clientOf(emulator).getSegment(segment.id), { segment })
  assert.deepEqual(await app.deleteSegment(segment.id), {})
  const filters = { attribute: { field: 'email', operator: FilterOperator.Exists } }
  const { export: made } = (await app.createCustomersExport(filters as never)) as { export: { id: number } }
  await app.createDeliveriesExport(1)
  assert.equal(((await app.listExports()) as { exports: unknown[] }).exports.length, 2)
  assert.ok((await app.downloadExport(made.id)) instanceof Object)
})

test('a stranger is refused; a source shows a key of its own, and Customer.io sees that of the workspace alone', async () => {
  const directory = temporary()
  const source = '{ name: web, site_id: dev, api_key: dev, app_key: hers }'
  writeFileSync(join(directory, 'sluice.yaml'), `sources:\n  - ${source}\n`)
  const at = await stand({ directory })
  await assert.rejects(clientOf(at.gateway, 'wrong').listSegments(), { statusCode: 401 })
  assert.equal(at.emulator.requests({ path: '/v1/' }).length, 0)
  await clientOf(at.gateway, 'hers').listSegments()
  await clientOf(at.gateway, 'dev').listSegments()
})

test('without the key of the workspace nothing is passed on, and the caller is told so rather than 401', async () => {
  const at = await stand({ defaults: { siteId: 'dev', apiKey: 'dev' } })
  const answer = await get(at, '/v1/segments')
  assert.deepEqual([answer.status, answer.headers.get('x-sluice-code')], [501, 'app_api_off'])
  await assert.rejects(clientOf(at.gateway).listSegments(), { statusCode: 501 })
  assert.equal(at.emulator.requests({ path: '/v1/' }).length, 0)
})

test('the query and the language are passed on as they are, and no header that nobody reads', async () => {
  const at = await open()
  await get(at, '/v1/segments?x=%2B', { headers: { 'accept-language': 'de', 'x-secret': 'no' } })
  const [call] = at.emulator.requests({ path: '/v1/' })
  assert.equal(call?.path, '/v1/segments?x=%2B')
  assert.deepEqual([call?.headers['accept-language'], call?.headers['x-secret']], ['de', undefined])
})

test('the calls of all share one budget: who would wait too long is told when to come again', async () => {
  const at = await open({ SLUICE_LIMITS_APP_PER_SECOND: '1' })
  const gone = new AbortController()
  const refused: Response[] = []
  const enough = Promise.withResolvers<void>()
  // One goes at once, and three wait for a turn of theirs within three seconds; the rest would wait longer. However slowly
  // they come, four of so many are refused.
  const calls = Array.from({ length: 24 }, async () => {
    const answer = await get(at, '/v1/segments', { signal: gone.signal })
    if (answer.status === 429 && refused.push(answer) === 4) enough.resolve()
  })
  await enough.promise
  for (const answer of refused) {
    assert.match(answer.headers.get('retry-after') ?? '', /^[34]$/)
    const { errors } = (await answer.json()) as { errors: { status: string }[] }
    assert.equal(errors[0]?.status, '429')
  }
  gone.abort()
  await Promise.allSettled(calls)
  assert.ok(at.emulator.requests({ path: '/v1/' }).length < 4, 'nobody asks for those who are gone')
})

test('a 429 of Customer.io goes to the caller, and holds off the others for as long as it says', async () => {
  const at = await open()
  at.emulator.faults.add({ kind: 'status', status: 429, retryAfter: 60, percent: 100 })
  const first = await get(at, '/v1/segments')
  assert.deepEqual([first.status, first.headers.get('retry-after')], [429, '60'])
  at.emulator.faults.clear()
  const second = await get(at, '/v1/segments')
  assert.deepEqual([second.status, second.headers.get('x-sluice-code')], [429, 'upstream_rate_limited'])
  assert.equal(at.emulator.requests({ path: '/v1/' }).length, 1)
})

test('no answer is 502, a redirect is not followed, and what Customer.io says of our key is not the caller’s', async () => {
  const at = await open()
  const faults = [
    [{ kind: 'reset' }, 502, 'upstream_unreachable'],
    [{ kind: 'redirect', to: 'http://127.0.0.1:9' }, 502, 'upstream_redirected'],
    [{ kind: 'status', status: 401 }, 502, 'upstream_unauthorized'],
    [{ kind: 'outage', status: 503 }, 503, null],
  ] as const
  for (const [fault, status, code] of faults) {
    const rule = at.emulator.faults.add(fault)
    const answer = await get(at, '/v1/segments')
    assert.deepEqual([answer.status, answer.headers.get('x-sluice-code')], [status, code], fault.kind)
    assert.equal(answer.headers.get('location'), null)
    assert.ok(Array.isArray(((await answer.json()) as { errors: unknown }).errors), fault.kind)
    at.emulator.faults.remove(rule.id)
  }
})

test('sends are not passed on, in the form that the client reads, nor mailings from where it is not production', async () => {
  const at = await open()
  const app = clientOf(at.gateway)
  const email = new SendEmailRequest({ transactional_message_id: 1, to: 'a@x.io', identifiers: { id: '1' } })
  await assert.rejects(app.sendEmail(email), { statusCode: 501, message: /not pass on transactional sends/ })
  await assert.rejects(app.triggerBroadcast(1, {}, {}), { statusCode: 501 })
  await assert.rejects(app.sendNewsletter(1), { statusCode: 403 })
  await assert.rejects(app.createNewsletter({ name: 'x', send_now: true } as never), { statusCode: 403 })
  assert.equal(at.emulator.requests({ path: '/v1/' }).length, 0)
  await assert.rejects(app.getBroadcastTriggerStatus(1, 2), { statusCode: 404 }, 'a read is')
  const live = await open({ SLUICE_ENV: 'production' })
  await assert.rejects(clientOf(live.gateway).sendNewsletter(1), { statusCode: 501 })
  assert.equal(live.emulator.requests({ path: '/v1/newsletters/1/send' }).length, 1)
})

test('bytes go either way as they are, and a body beyond what any call carries is refused', async () => {
  const at = await open()
  const bytes = Uint8Array.from({ length: 2_000_000 }, (_, n) => n % 251)
  const headers = { 'content-type': 'multipart/form-data; boundary=x' }
  const answer = await get(at, '/v1/assets/files', { method: 'POST', body: bytes, headers })
  assert.equal(answer.status, 501)
  const [call] = at.emulator.requests({ path: '/v1/assets' })
  assert.equal(call?.body, Buffer.from(bytes).toString('utf8'))
  assert.equal(call?.headers['content-type'], headers['content-type'])
  const large = await get(at, '/v1/assets/files', {
    method: 'POST',
    body: new Uint8Array(11 * 1024 * 1024),
    headers,
  })
  assert.equal(large.status, 413)
})
