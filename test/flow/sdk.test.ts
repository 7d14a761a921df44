/**
 * The official Node client, unmodified, with only the address changed: its whole TrackClient, through the gateway, and
 * what Customer.io then holds. The same calls straight at the emulator must leave the same workspace.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdentifierType, TrackClient } from 'customerio-node'
import { startEmulator } from '../../src/emulator/emulator.ts'
import { holdings } from './holdings.ts'
import { stand } from './stand.ts'

const NOW = Math.floor(Date.now() / 1000) - 60

/** Every method that acts on people, each leaving something that can be looked at. */
async function sayEverything(client: TrackClient): Promise<void> {
  await client.identify('42', { email: 'Ada@Example.com', plan: 'pro', seats: 3, _timestamp: NOW })
  await client.track('42', { name: 'order', timestamp: NOW, data: { total: 19.9 } })
  await client.trackPageView('42', '/pricing')
  await client.trackAnonymous('anon-1', { name: 'visited', timestamp: NOW, data: { page: 'home' } })
  await client.identify('42', { anonymous_id: 'anon-1', _timestamp: NOW })
  await client.addDevice('42', 'token-1', 'ios', { last_used: NOW, app_version: '1.2' })
  await client.addDevice('42', 'token-2', 'android')
  await client.deleteDevice('42', 'token-2')
  await client.identify('a b/c+1@x.io?#%', { odd: 'ids', _timestamp: NOW })
  await client.identify('second', { email: 'second@example.com', city: 'Paris', _timestamp: NOW })
  await client.mergeCustomers(IdentifierType.Id, '42', IdentifierType.Id, 'second')
  await client.identify('gone', { a: 1, _timestamp: NOW })
  await client.destroy('gone')
  await client.identify('blocked', { a: 1, _timestamp: NOW })
  await client.suppress('blocked')
  await client.identify('freed', { a: 1, _timestamp: NOW })
  await client.suppress('freed')
  await client.unsuppress('freed')
  await client.identify('freed', { b: 2, _timestamp: NOW })
  await client.entity({
    type: 'person',
    action: 'identify',
    identifiers: { id: 'v2' },
    attributes: { n: 1 },
    timestamp: NOW,
  })
  await client.batch([
    { type: 'person', action: 'identify', identifiers: { id: 'v2b' }, attributes: { n: 2 }, timestamp: NOW },
    { type: 'person', action: 'event', identifiers: { id: 'v2b' }, name: 'batched', timestamp: NOW },
  ])
}

test('all that the official client says about people is done, the same as without a gateway in between', async () => {
  const { gateway, emulator, drained } = await stand()
  await sayEverything(new TrackClient('dev', 'dev', { url: `${gateway.url}/api/v1` }))
  await drained()

  const ada = emulator.person('id:42')
  assert.equal(ada?.email, 'Ada@Example.com')
  assert.deepEqual([ada?.attributes.plan, ada?.attributes.seats, ada?.attributes.city], ['pro', 3, 'Paris'])
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
  assert.equal(
    emulator.person('id:a b/c+1@x.io?#%') ?? emulator.person('email:a b/c+1@x.io?#%') === undefined,
    false,
  )
  for (const key of ['id:second', 'id:gone', 'id:blocked']) assert.equal(emulator.person(key), undefined, key)
  assert.deepEqual(emulator.person('id:freed')?.attributes, { b: 2 })
  assert.equal(emulator.person('id:v2b')?.attributes.n, 2)
  assert.equal((await gateway.conservation()).dead, 0)

  await using straight = await startEmulator({ port: 0 })
  await sayEverything(new TrackClient('dev', 'dev', { url: `${straight.url}/api/v1` }))
  straight.settle()
  assert.deepEqual(await holdings(emulator), await holdings(straight))
})

test('the official client reads the region, and is told when its credentials are wrong', async () => {
  const { gateway } = await stand()
  const client = new TrackClient('dev', 'dev', { url: `${gateway.url}/api/v1` })
  assert.equal((await client.getAccountRegion()).region, 'us')
  const stranger = new TrackClient('dev', 'wrong', { url: `${gateway.url}/api/v1` })
  await assert.rejects(stranger.identify('42', {}), { statusCode: 401, message: 'Unauthorized' })
})

/** Every method that acts on something else. */
async function sayTheRest(client: TrackClient): Promise<void> {
  await client.addCustomersToSegment(7, ['42'])
  await client.addCustomersToSegment(8, ['42'])
  await client.removeCustomersFromSegment(8, ['42'])
  await client.submitForm('contact', { id: '42', colour: 'blue' })
  await client.reportMetric({ delivery_id: 'dlv_1', metric: 'opened', timestamp: NOW })
  await client.trackPush({ delivery_id: 'dlv_2', event: 'delivered', device_id: 'token-1', timestamp: NOW })
  await client.unsubscribe('dlv_3')
}

const metricsAt = async ({ url }: { url: string }) => {
  const { data } = (await (await fetch(`${url}/_emulator/metrics`)).json()) as {
    data: { delivery_id: string; metric: string }[]
  }
  return data.map(({ delivery_id, metric }) => `${delivery_id} ${metric}`).sort()
}

test('what the official client says of segments, forms, deliveries and subscriptions arrives as well', async () => {
  const { gateway, emulator, drained } = await stand()
  const client = new TrackClient('dev', 'dev', { url: `${gateway.url}/api/v1` })
  await client.identify('42', { email: 'ada@example.com' })
  await sayTheRest(client)
  await drained()
  assert.deepEqual(emulator.person('id:42')?.segments.map(String), ['7'])
  assert.equal(emulator.person('id:42')?.attributes.colour, 'blue')
  assert.deepEqual(await metricsAt(emulator), ['dlv_1 opened', 'dlv_2 delivered', 'dlv_3 unsubscribed'])
  assert.equal((await gateway.conservation()).dead, 0)

  await using straight = await startEmulator({ port: 0 })
  const direct = new TrackClient('dev', 'dev', { url: `${straight.url}/api/v1` })
  await direct.identify('42', { email: 'ada@example.com' })
  straight.settle()
  await sayTheRest(direct)
  straight.settle()
  assert.deepEqual(await holdings(emulator), await holdings(straight))
  assert.deepEqual(await metricsAt(emulator), await metricsAt(straight))
})

test('no method of the official client is left out', () => {
  const said = `${sayEverything} ${sayTheRest}`
  const methods = Object.getOwnPropertyNames(TrackClient.prototype).filter((name) => name !== 'constructor')
  assert.deepEqual(
    methods.filter((name) => !said.includes(`client.${name}(`)),
    ['getAccountRegion'], // which has a test of its own
  )
})
