/** What Track v1 alone has a form for: segments, forms, and what is reported of deliveries, through the whole gateway. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrackClient } from 'customerio-node'
import type { LetterPage } from '../../src/admin/wire.ts'
import { type Stand, stand } from './stand.ts'

const clientOf = ({ gateway }: Stand) => new TrackClient('dev', 'dev', { url: `${gateway.url}/api/v1` })
const said = ({ emulator }: Stand, path: string) =>
  emulator.requests().filter((request) => request.path.startsWith(path))
const bodies = (at: Stand, path: string): unknown[] =>
  said(at, path).map(({ body }): unknown => JSON.parse(body))

test('the official client adds to segments and removes, however late the people become known', async () => {
  const at = await stand()
  const client = clientOf(at)
  at.emulator.faults.add({ kind: 'status', status: 500, percent: 30 })
  for (let n = 0; n < 5; n += 1) {
    await client.identify(`u${n}`, { email: `u${n}@example.com` })
    await client.addCustomersToSegment(7, [`u${n}`])
  }
  await client.addCustomersToSegment(
    'a/b',
    Array.from({ length: 5 }, (_, n) => `u${n}@example.com`),
    'email' as Parameters<TrackClient['addCustomersToSegment']>[2], // the client exports its enum as a type only
  )
  await client.removeCustomersFromSegment(7, ['u0', 'u1'])
  await at.drained()
  const members = [0, 1, 2, 3, 4].map((n) => at.emulator.person(`id:u${n}`)?.segments)
  assert.deepEqual(members, [['a/b'], ['a/b'], ['7', 'a/b'], ['7', 'a/b'], ['7', 'a/b']])
})

test('1000 people are added in calls of a hundred, and none is left out', async () => {
  const at = await stand()
  const ids = Array.from({ length: 1000 }, (_, n) => `p${n}`)
  const batch = ids.map((id) => ({ type: 'person', identifiers: { id }, action: 'identify', attributes: {} }))
  await at.call('POST', '/api/v2/batch', { batch })
  const answer = await at.call('POST', '/api/v1/segments/1/add_customers', { ids })
  assert.equal(await answer.text(), '{}\n')
  assert.equal(answer.headers.get('x-sluice-id')?.split(',').length, 10)
  await at.drained()
  assert.ok(at.emulator.people().every(({ segments }) => segments.includes('1')))
  assert.equal(said(at, '/api/v1/segments').length, 10)
})

test('the official client submits a form: 204, and the person is there', async () => {
  const at = await stand()
  await clientOf(at).submitForm('newsletter', { id: '42', first_name: 'Ada' })
  const answer = await at.call(
    'POST',
    '/api/v1/forms/f/submit',
    '{"data":{"id":9223372036854775807,"a":"b"}}',
  )
  assert.deepEqual([answer.status, await answer.text()], [204, ''])
  await at.drained()
  assert.equal(at.emulator.person('id:42')?.attributes.first_name, 'Ada')
  assert.equal(at.emulator.person('id:9223372036854775807')?.attributes.a, 'b')
})

test('the official client reports metrics, push events and unsubscribes, each with the time at which it did', async () => {
  const at = await stand()
  const client = clientOf(at)
  await client.reportMetric({
    delivery_id: 'd1',
    metric: 'clicked',
    timestamp: 17,
    href: 'https://example.com',
  })
  await client.reportMetric({ delivery_id: 'd2', metric: 'opened' })
  await client.trackPush({ delivery_id: 'd3', event: 'opened', device_id: 't', timestamp: 18 })
  await client.unsubscribe('d4')
  await at.drained()
  const [clicked, opened] = bodies(at, '/api/v1/metrics')
  assert.deepEqual(clicked, {
    delivery_id: 'd1',
    metric: 'clicked',
    timestamp: 17,
    href: 'https://example.com',
  })
  assert.ok(Math.abs(Number((opened as { timestamp: number }).timestamp) - Date.now() / 1000) < 60)
  assert.deepEqual(bodies(at, '/api/v1/push/events'), [
    { delivery_id: 'd3', event: 'opened', device_id: 't', timestamp: 18 },
  ])
  assert.deepEqual(bodies(at, '/unsubscribe/d4'), [{ unsubscribe: true }])
  assert.ok(at.emulator.requests().every(({ status }) => status === 200))
})

const OPEN = [
  ['/api/v1/metrics', { delivery_id: 'd', metric: 'opened', timestamp: 1 }],
  ['/api/v1/push/events', { delivery_id: 'd', event: 'opened', timestamp: 1 }],
  ['/push/events', { delivery_id: 'd', event: 'opened', timestamp: 1 }],
  [
    '/api/v1/cio_deliveries/events',
    { type: 'in_app', payload: { delivery_id: 'd', event: 'clicked', timestamp: 1 } },
  ],
  ['/unsubscribe/d', { unsubscribe: true }],
] as const

const report = ({ gateway }: Stand, path: string, body: object) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

test('reports need no credentials, and are said on as they came', async () => {
  const at = await stand()
  for (const [path, body] of OPEN) {
    const answer = await report(at, path, body)
    assert.deepEqual([answer.status, await answer.text()], [200, '{}\n'], path)
  }
  await at.drained()
  const sent = at.emulator.requests().map(({ body }): unknown => JSON.parse(body))
  assert.deepEqual(sent.map(String).length, OPEN.length)
  for (const [, body] of OPEN) assert.ok(sent.some((one) => JSON.stringify(one) === JSON.stringify(body)))
  assert.ok(at.told.some(([name, { source }]) => name === 'ingest.accepted' && source === 'public'))
})

test('a gateway may ask for credentials of reports as well', async () => {
  const at = await stand({ env: { SLUICE_PUBLIC_REPORTS: 'false' } })
  for (const [path, body] of OPEN) {
    const answer = await report(at, path, body)
    assert.deepEqual([answer.status, await answer.json()], [401, { meta: { error: 'Unauthorized' } }], path)
    assert.equal((await at.call('POST', path, body)).status, 200, path)
  }
})

test('segments and forms need credentials', async () => {
  const at = await stand()
  for (const path of ['/api/v1/segments/1/add_customers', '/api/v1/forms/f/submit'])
    assert.equal((await report(at, path, { ids: ['1'], data: { id: '1' } })).status, 401)
})

test('an unsubscribe wants its content type, as at Customer.io', async () => {
  const { gateway } = await stand()
  const answer = await fetch(`${gateway.url}/unsubscribe/d`, { method: 'POST', body: '{"unsubscribe":true}' })
  assert.equal(answer.status, 400)
  assert.deepEqual(Object.keys((await answer.json()) as object), ['meta'])
})

test('a report that Customer.io refuses is a dead letter, and is replayed in its own form', async () => {
  const at = await stand()
  at.emulator.faults.add({ kind: 'status', status: 400 })
  await clientOf(at).addCustomersToSegment(7, ['42'])
  await clientOf(at).identify('42', {})
  await at.drained()
  at.emulator.faults.clear()
  const { data } = await at.admin<LetterPage>('/dead-letters')
  assert.deepEqual(data.map(({ kind }) => kind).sort(), ['person.identify', 'segment.add'])
  for (const kind of ['person.identify', 'segment.add']) {
    await at.admin('/dead-letters/replay', { kind })
    await at.drained()
  }
  assert.deepEqual(at.emulator.person('id:42')?.segments, ['7'])
})
