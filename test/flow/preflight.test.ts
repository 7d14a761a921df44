/** Preflight through the whole gateway: what a caller is told, what an operator sees, and what Customer.io receives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LetterPage, Trace } from '../../src/admin/wire.ts'
import { systemClock } from '../../src/core/clock.ts'
import { realWorld } from '../../src/world.ts'
import { stand, temporary } from './stand.ts'

const NOW_MS = Date.now()
const NOW = Math.floor(NOW_MS / 1000)

test('what is put right and what is let pass is named in the answer, in the trace and at /metrics', async () => {
  const { call, admin, drained, emulator, gateway } = await stand()
  const answer = await call('PUT', '/api/v1/customers/42', { plan: '', _timestamp: NOW_MS })
  assert.deepEqual([answer.status, await answer.text()], [200, '{}\n'])
  assert.equal(answer.headers.get('x-sluice-warnings'), 'empty_attribute, time_not_seconds;fixed')
  await drained()
  const trace = await admin<Trace>(`/operations/${answer.headers.get('x-sluice-id')}`)
  assert.deepEqual(JSON.parse(trace.headers.preflight ?? ''), [
    { rule: 'time_not_seconds', field: 'timestamp', fixed: true },
    { rule: 'empty_attribute', field: 'attributes.plan' },
  ])
  const [request] = emulator.requests({ path: '/api/v2/batch' })
  const [item] = JSON.parse(request?.body ?? '').batch
  assert.deepEqual([item.timestamp, item.attributes], [NOW, { plan: '' }])
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(metrics, /sluice_preflight_findings_total\{rule="time_not_seconds",policy="fix"\} 1/)
  assert.match(metrics, /sluice_preflight_findings_total\{rule="empty_attribute",policy="warn"\} 1/)
})

test('a policy that is set is kept to, and what is refused never reaches Customer.io', async () => {
  const { call, drained, emulator, gateway } = await stand({
    env: { SLUICE_PREFLIGHT: 'empty_attribute=refuse,time_not_seconds=off' },
  })
  const refused = await call('PUT', '/api/v1/customers/42', { plan: '' })
  assert.equal(refused.status, 400)
  assert.deepEqual(
    ['x-sluice-refused', 'x-sluice-code'].map((name) => refused.headers.get(name)),
    ['empty_attribute', 'preflight_refused'],
  )
  assert.deepEqual(await refused.json(), {
    meta: { errors: ['plan is an empty text, which removes the attribute (rule empty_attribute)'] },
  })
  const taken = await call('POST', '/api/v1/customers/42/events', { name: 'n', timestamp: NOW_MS })
  assert.equal(taken.headers.get('x-sluice-warnings'), null)
  await drained()
  assert.deepEqual(
    emulator.events().map(({ timestamp }) => timestamp),
    [NOW_MS],
  )
  assert.equal((await gateway.conservation()).accepted, 1)
})

test('of a batch each rule is named once, whatever items it found', async () => {
  const { call, drained } = await stand()
  const event = (id: string, more: object) => ({
    type: 'person',
    identifiers: { id },
    action: 'event',
    name: 'n',
    ...more,
  })
  const answer = await call('POST', '/api/v2/batch', {
    batch: [event('Ada', { timestamp: 1 }), event('ada', { timestamp: 2 }), event('Ada', { id: 'x' })],
  })
  assert.equal(answer.headers.get('x-sluice-warnings'), 'event_id_not_ulid;fixed, old_event, similar_id')
  await drained()
})

const HOUR_MS = 3_600_000

/** What is accepted now, and delivered so many hours later under this policy. */
async function delivered(hours: number, policy: string) {
  const directory = temporary()
  const before = await stand({ directory, env: { SLUICE_ROLES: 'ingest' } })
  const event = async (name: string, timestamp?: number) => {
    const answer = await before.call('POST', '/api/v1/customers/42/events', { name, timestamp })
    return answer.headers.get('x-sluice-id') ?? ''
  }
  const ids = [await event('first'), await event('backfill', NOW - 100 * 3600), await event('last', NOW)]
  await before.call('POST', '/api/v1/events', { name: 'anonymous', anonymous_id: 'a' })
  await before.gateway.close()
  const clock = { ...systemClock, now: () => Date.now() + hours * HOUR_MS }
  const world = { ...realWorld(), clock }
  const after = await stand({ directory, world, env: { SLUICE_PREFLIGHT: `aged_event=${policy}` } })
  await after.drained()
  return { ...after, ids }
}

test('an event that passed 72 hours while it waited is held with the dead letters, and a replay sends it as history', async () => {
  const { admin, drained, emulator, gateway, ids } = await delivered(73, 'refuse')
  assert.deepEqual(
    emulator.events().map(({ name }) => name),
    ['backfill'],
    'it was history when it came',
  )
  const { data } = await admin<LetterPage>('/dead-letters')
  assert.deepEqual(
    data.map(({ refusal }) => refusal.reason),
    ['aged_event', 'aged_event', 'aged_event'],
  )
  assert.deepEqual(data.map(({ refusal }) => refusal.code).at(0), 'preflight_refused')
  const trace = await admin<Trace>(`/operations/${ids[0]}`)
  assert.deepEqual([trace.state, trace.attempts.length], ['dead', 0], 'Customer.io was not asked')
  await admin('/dead-letters/replay', { ids: data.map(({ id }) => id) })
  await drained()
  assert.equal(emulator.events().length, 4)
  const { dead, missing } = await gateway.conservation()
  assert.deepEqual([dead, missing], [0, 0])
})

test('events that waited for less are sent, and aged ones as the policy has it', async () => {
  const times = (found: readonly { name: string; timestamp: number }[]) =>
    Object.fromEntries(found.map(({ name, timestamp }) => [name, timestamp]))
  const in71 = await delivered(71, 'refuse')
  assert.equal(in71.emulator.events().length, 4)
  const warned = await delivered(73, 'warn')
  assert.equal(times(warned.emulator.events()).last, NOW)
  const trace = await warned.admin<Trace>(`/operations/${warned.ids[2]}`)
  assert.deepEqual(JSON.parse(trace.headers.preflight ?? ''), [{ rule: 'aged_event', field: 'timestamp' }])
  const fixed = times((await delivered(73, 'fix')).emulator.events())
  assert.ok((fixed.last ?? 0) >= NOW + 73 * 3600, 'it happens when it is sent')
  assert.ok((fixed.anonymous ?? 0) >= NOW + 73 * 3600)
  assert.equal(fixed.backfill, NOW - 100 * 3600)
})

test('an identify that is replayed after a newer one is sent, and told of', async () => {
  const { call, admin, drained, emulator } = await stand()
  emulator.faults.add({ kind: 'status', status: 400 })
  const first = await call('PUT', '/api/v1/customers/42', { plan: 'old', _timestamp: NOW - 60 })
  await drained()
  emulator.faults.clear()
  await call('PUT', '/api/v1/customers/42', { plan: 'new', _timestamp: NOW - 30 })
  await drained()
  const id = first.headers.get('x-sluice-id') ?? ''
  await admin('/dead-letters/replay', { ids: [id] })
  await drained()
  const trace = await admin<Trace>(`/operations/${id}`)
  assert.equal(trace.state, 'delivered')
  assert.deepEqual(JSON.parse(trace.headers.preflight ?? ''), [
    { rule: 'stale_identify', field: 'timestamp' },
  ])
  assert.equal(emulator.person('id:42')?.attributes.plan, 'new')
})
