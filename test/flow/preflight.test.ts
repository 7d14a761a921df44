/** Preflight through the whole gateway: what a caller is told, what an operator sees, and what Customer.io receives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trace } from '../../src/admin/wire.ts'
import { stand } from './stand.ts'

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
