/** The App API, read by the official client. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  APIClient,
  CustomerIORequestError,
  FilterOperator,
  IdentifierType,
  SendEmailRequest,
} from 'customerio-node'
import { holds, readFilter } from './audience.ts'
import { type Emulator, startEmulator } from './emulator.ts'

const BATCH = [
  ['ada', { email: 'Ada@x.io', plan: 'pro', n: 1234567890123456789n, note: 'a,"b"' }],
  ['ben', { plan: 'free', cio_subscription_preferences: { topics: { topic_2: false } } }],
  ['cleo', { plan: 'pro' }],
] as const

const json = (value: unknown) =>
  JSON.stringify(value, (_, given) => (typeof given === 'bigint' ? JSON.rawJSON(String(given)) : given))

async function workspace(): Promise<{ emulator: Emulator; app: APIClient }> {
  const emulator = await startEmulator({ port: 0 })
  after(() => emulator[Symbol.asyncDispose]())
  const people = BATCH.map(([id, attributes]) => ({
    type: 'person',
    action: 'identify',
    identifiers: { id },
    attributes,
    cio_relationships: id === 'ben' ? [] : [{ identifiers: { object_type_id: '1', object_id: 'acme' } }],
  }))
  const acme = { object_type_id: '1', object_id: 'acme' }
  const object = { type: 'object', action: 'identify', identifiers: acme, attributes: { size: 12 } }
  await fetch(`${emulator.url}/api/v2/batch`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('dev:dev')}` },
    body: json({ batch: [...people, object] }),
  })
  emulator.settle()
  return { emulator, app: new APIClient('dev', { url: `${emulator.url}/v1`, retry: { maxRetries: 0 } }) }
}

/** The client types every answer as an unknown object. */
const members = (value: unknown) => value as Readonly<Record<string, unknown>>

const isStatus = (status: number) => (thrown: unknown) =>
  thrown instanceof CustomerIORequestError && thrown.statusCode === status

test('people are found by a filter, in pages', async () => {
  const { app } = await workspace()
  const pro = { attribute: { field: 'plan', operator: FilterOperator.Eq, value: 'pro' } }
  const first = members(await app.searchCustomers(pro, { limit: 1 }))
  assert.deepEqual(first.ids, ['ada'])
  const second = members(await app.searchCustomers(pro, { limit: 1, start: String(first.next) }))
  assert.deepEqual([second.ids, second.next], [['cleo'], ''])
  const { identifiers } = members(
    await app.searchCustomers({
      attribute: { field: 'email', operator: FilterOperator.Eq, value: 'ADA@X.IO' },
    }),
  )
  assert.deepEqual(identifiers, [{ email: 'Ada@x.io', id: 'ada', cio_id: 'a3000001' }])
  await assert.rejects(
    app.searchCustomers({ attribute: { field: 'plan', operator: 'gt' } } as never),
    isStatus(400),
  )
})

test('a filter is read whole or not at all', () => {
  const plan = { attribute: { field: 'plan', operator: 'exists' } }
  const candidate = {
    isIn: (id: string) => id === '7',
    has: (field: string, text?: string) => field === 'plan' && (text ?? 'pro') === 'pro',
  }
  const cases: readonly [unknown, boolean | undefined][] = [
    [plan, true],
    [{ not: plan }, false],
    [{ segment: { id: 7 } }, true],
    [{ and: [plan, { segment: { id: 8 } }] }, false],
    [{ or: [plan, { segment: { id: 8 } }] }, true],
    [{ attribute: { field: 'plan', operator: 'eq', value: 'free' } }, false],
    [{}, undefined],
    [{ and: [] }, undefined],
    [{ and: [plan, {}] }, undefined],
    [{ ...plan, segment: { id: 7 } }, undefined],
    [{ attribute: { field: 'plan', operator: 'eq' } }, undefined],
    [null, undefined],
  ]
  for (const [given, expected] of cases) {
    const filter = readFilter(given)
    assert.equal(filter && holds(candidate, filter), expected, JSON.stringify(given))
  }
})

test('segments are made, filled through Track, counted, listed and deleted', async () => {
  const { emulator, app } = await workspace()
  const { segment } = (await app.createSegment({ name: 'VIP', description: 'd' })) as {
    segment: { id: number }
  }
  await fetch(`${emulator.url}/api/v1/segments/${segment.id}/add_customers`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('dev:dev')}` },
    body: '{"ids":["ada","cleo","nobody"]}',
  })
  emulator.settle()
  assert.deepEqual(await app.getSegmentCustomerCount(segment.id), { count: 2 })
  const { ids } = members(await app.getSegmentMembership(segment.id))
  assert.deepEqual(ids, ['ada', 'cleo'])
  assert.deepEqual(await app.getCustomerSegments('ada'), {
    segments: [{ id: segment.id, name: 'VIP', description: 'd' }],
  })
  const found = members(await app.searchCustomers({ segment: { id: segment.id } } as never))
  assert.deepEqual(found.ids, ['ada', 'cleo'])
  await app.getSegmentUsedBy(segment.id)
  assert.equal(((await app.listSegments()) as { segments: unknown[] }).segments.length, 1)
  assert.deepEqual(await app.deleteSegment(segment.id), {})
  await assert.rejects(app.getSegment(segment.id), isStatus(404))
  assert.deepEqual(emulator.person('id:ada')?.segments, [])
  await assert.rejects(app.createSegment({ name: 'x', description: 1 as never }), isStatus(400))
})

test('exports are null when there are none, then listed, and downloaded until the link expires', async () => {
  const { emulator, app } = await workspace()
  assert.deepEqual(await app.listExports(), { exports: null })
  const filters = { attribute: { field: 'email', operator: 'exists' } }
  const { export: made } = (await app.createCustomersExport(filters as never)) as { export: { id: number } }
  const { export: shown } = (await app.getExport(made.id)) as { export: Record<string, unknown> }
  assert.deepEqual([shown.status, shown.type, shown.total], ['done', 'customers', 1])
  const { url } = (await app.downloadExport(made.id)) as { url: string }
  const text = await (await fetch(url)).text()
  assert.equal(text, 'id,email,cio_id,plan,n,note\nada,Ada@x.io,a3000001,pro,1234567890123456789,"a,""b"""\n')
  emulator.advance(15 * 60_000)
  assert.equal((await fetch(url)).status, 403)
  await app.createDeliveriesExport(1)
  assert.equal(((await app.listExports()) as { exports: unknown[] }).exports.length, 2)
  await assert.rejects(app.getExport(9), isStatus(404))
})

test('objects and relationships are read from either side', async () => {
  const { app } = await workspace()
  const { cio_relationships: related } = members(await app.getCustomerRelationships('ada'))
  assert.deepEqual(related, [
    {
      object_type_id: 1,
      identifiers: { cio_object_id: 'ob00000001', object_id: 'acme' },
      attributes: {},
      timestamps: {},
    },
  ])
  const filter = { object_attribute: { field: 'size', operator: 'eq', value: '12', type_id: '1' } }
  assert.deepEqual(members(await app.findObjects('1', filter as never)).ids, ['acme'])
  const { object } = (await app.getObjectAttributes('1', 'acme')) as { object: { attributes: unknown } }
  assert.deepEqual(object.attributes, { size: 12 })
  const people = members(await app.getObjectRelationships('1', 'acme', { limit: 1 }))
  assert.equal(people.next, 'a3000001')
  assert.equal(((await app.listObjectTypes()) as { types: unknown[] }).types.length, 1)
  await assert.rejects(app.getObjectAttributes('1', 'nobody'), isStatus(404))
})

test('preferences name the topics that anybody chose, and there are no deliveries', async () => {
  const { app } = await workspace()
  const { customer } = (await app.getCustomerSubscriptionPreferences('ben')) as {
    customer: { topics: { id: number; subscribed: boolean }[] }
  }
  assert.deepEqual(
    customer.topics.map(({ id, subscribed }) => [id, subscribed]),
    [[2, false]],
  )
  assert.equal(((await app.listSubscriptionTopics()) as { topics: unknown[] }).topics.length, 1)
  assert.deepEqual(await app.getCustomerMessages('ada'), { messages: [], next: '' })
  assert.deepEqual(await app.getMessages(), { messages: [], next: '' })
  await assert.rejects(app.getMessage('x'), isStatus(404))
  await assert.rejects(app.getCustomerMessages('nobody', { idType: IdentifierType.Id }), isStatus(404))
  for (const list of [app.listCampaigns(), app.listBroadcasts(), app.listNewsletters(), app.getSnippets()])
    assert.deepEqual(Object.values(members(await list))[0], [])
  assert.equal(
    ((await app.listWorkspaces()) as { workspaces: { people: number }[] }).workspaces[0]?.people,
    3,
  )
  assert.deepEqual(await app.getIpAddresses(), { ip_addresses: ['127.0.0.1'] })
})

test('sending is not emulated, and the client is told so', async () => {
  const { app } = await workspace()
  const email = new SendEmailRequest({ transactional_message_id: 1, to: 'a@x.io', identifiers: { id: '1' } })
  await assert.rejects(app.sendEmail(email), {
    statusCode: 501,
    message: 'Sending by email is not emulated.',
  })
  await assert.rejects(app.triggerBroadcast(1, {}, {}), isStatus(501))
})
