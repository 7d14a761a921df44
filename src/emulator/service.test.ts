import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import { Router } from './router.ts'
import { Service } from './service.ts'

const NOON = Date.parse('2026-11-24T12:00:00Z')

/** Time stands still: only what moves the emulator's own clock ends a wait. */
const frozen: Clock = {
  now: () => NOON,
  mono: () => 0,
  sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
}

const basic = { authorization: `Basic ${btoa('dev:dev')}` }
const service = (settleMs: number) => new Service({ clock: frozen, random: () => 0.5, settleMs })

const identify = (at: Service, id: string, body: object) =>
  at.answer({ method: 'PUT', path: `/api/v1/customers/${id}`, headers: basic, body: JSON.stringify(body) })
const control = (at: Service, method: string, path: string, body = '') =>
  at.answer({ method, path: `/_emulator/${path}`, headers: {}, body })

test('it answers without a socket, in the time of the clock that it is given', async () => {
  const at = service(2_000)
  assert.equal(identify(at, '1', { plan: 'pro' }).status, 200)
  assert.equal(control(at, 'POST', 'clock', '{"advanceMs":1999}').status, 200)
  await new Promise(setImmediate)
  assert.equal(control(at, 'GET', 'people/1').status, 404)
  assert.deepEqual(JSON.parse(control(at, 'POST', 'clock', '{"advanceMs":1}').body), {
    now: '2026-11-24T12:00:02.000Z',
    ahead_ms: 2000,
  })
  await new Promise(setImmediate)
  assert.equal(control(at, 'GET', 'people/1').status, 200)
  at.workspace.close()
})

test('its clock goes forward only, and starting over sets it right', () => {
  const at = service(0)
  for (const body of ['{"advanceMs":-1}', '{"advanceMs":1e300}', '{"advanceMs":"1d"}', '{}', ''])
    assert.equal(control(at, 'POST', 'clock', body).status, 400, body)
  at.faults.add({ kind: 'outage', forMs: 60_000 })
  control(at, 'POST', 'clock', '{"advanceMs":60000}')
  assert.equal(at.faults.list().length, 0, 'the outage is over')
  control(at, 'POST', 'reset')
  assert.equal(JSON.parse(control(at, 'GET', 'clock').body).ahead_ms, 0)
  assert.equal(at.clock.mono(), 60_000, 'monotonic time never steps back')
})

test('an anonymous event older than thirty days is not attached', () => {
  const at = service(0)
  const event = (name: string) =>
    at.answer({
      method: 'POST',
      path: '/api/v1/events',
      headers: basic,
      body: JSON.stringify({ name, anonymous_id: 'a' }),
    })
  event('old')
  at.workspace.settle()
  at.clock.advance(31 * 24 * 3600 * 1000)
  event('new')
  identify(at, '1', { anonymous_id: 'a' })
  at.workspace.settle()
  const { data } = JSON.parse(control(at, 'GET', 'events?person=id:1').body)
  assert.deepEqual(
    data.map(({ name }: { name: string }) => name),
    ['new'],
  )
})

test('what has no route says so, and what cannot be decoded is a 400', () => {
  const answer = (method: string, path: string) =>
    service(0).answer({ method, path, headers: basic, body: '' })
  assert.equal(answer('GET', '/api/v1/nothing').status, 501)
  assert.equal(answer('PUT', '/api/v1/customers/').status, 501)
  assert.equal(answer('PUT', '/api/v1/customers/%zz').status, 400)
})

test('literal parts of a path go before parameters, and parts are decoded one by one', () => {
  const respond = () => ({ status: 200, headers: {}, body: '' })
  const route = (path: string) => ({ method: 'GET', path, auth: 'none', respond }) as const
  const router = new Router([route('/a/:x/c'), route('/a/b/c'), route('/a/:x/:y'), route('/b/:x/*')])
  assert.equal(router.find('GET', '/a/b/c')?.route.path, '/a/b/c')
  assert.deepEqual(router.find('GET', '/a/x%2Fy/c')?.params, { x: 'x/y' })
  assert.deepEqual(router.find('GET', '/a/1/%2B')?.params, { x: '1', y: '+' })
  assert.deepEqual(router.find('GET', '/b/1/c/d')?.params, { x: '1' })
  assert.equal(router.find('GET', '/b/1'), undefined)
  assert.equal(router.find('GET', '/a//c'), undefined)
  assert.equal(router.find('POST', '/a/b/c'), undefined)
})

test('with its limit the App API takes ten calls a second and says when to come again; Track has none', () => {
  const at = new Service({ clock: frozen, random: () => 0.5, appPerSecond: 10 })
  const headers = { authorization: 'Bearer dev' }
  const read = () => at.answer({ method: 'GET', path: '/v1/segments', headers, body: '' })
  const statuses = Array.from({ length: 12 }, () => read().status)
  assert.deepEqual(statuses, [...Array(10).fill(200), 429, 429])
  assert.equal(read().headers['retry-after'], '1')
  assert.match(read().body, /rate limited to 10 requests per 1s/)
  for (let n = 0; n < 100; n += 1) assert.equal(identify(at, '1', {}).status, 200)
  at.clock.advance(1_000)
  assert.equal(read().status, 200)
})
