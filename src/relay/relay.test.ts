import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SluiceError } from '../core/errors.ts'
import { knowCallers } from './callers.ts'
import { refuseSends } from './sends.ts'

test('a caller shows a key of its source or that of the workspace, as a bearer token', () => {
  const nameCaller = knowCallers([
    { name: 'workspace', key: 'w' },
    { name: 'web', key: 'a' },
  ])
  assert.deepEqual(['Bearer w', 'bearer a', 'Bearer W', 'Basic w', 'Bearer ', undefined].map(nameCaller), [
    'workspace',
    'web',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

const refusal = (method: string, path: string, { body = '', production = false } = {}) => {
  try {
    refuseSends({ method, path, body: Buffer.from(body) }, production)
    return undefined
  } catch (thrown) {
    return thrown instanceof SluiceError ? thrown.code : thrown
  }
}

test('what is a send is refused everywhere, what mails people only outside production', () => {
  const sends = ['/v1/send/email', '/v1/api/send/push', '/v1/campaigns/1/triggers', '/v1/send/email?x=1']
  for (const path of sends)
    for (const production of [true, false])
      assert.equal(refusal('POST', path, { production }), 'sends_unsupported', path)
  const mailings = [
    ['/v1/newsletters/1/send', ''],
    ['/v1/newsletters/1/schedule', ''],
    ['/v1/live_notifications/start', ''],
    ['/v1/newsletters', '{"send_now":true}'],
    ['/v1/newsletters', '{"scheduled_at":1}'],
  ] as const
  for (const [path, body] of mailings) {
    assert.equal(refusal('POST', path, { body }), 'forbidden', path)
    assert.equal(refusal('POST', path, { body, production: true }), undefined, path)
  }
})

test('a send is known however its path is written: Customer.io may read it as the same', () => {
  const sends = [
    '/v1/%73end/email',
    '/v1/send%2Femail',
    '/v1//send/email',
    '/v1/./send/email',
    '/v1/customers/../send/email',
    '/v1/x%2F..%2Fsend/email',
    '/v1/Send/email',
    '/v1/campaigns/1/triggers/',
    '/v1/broadcasts/1/triggers',
    '/v1/%/../send/email',
  ]
  for (const path of sends)
    assert.equal(refusal('POST', path, { production: true }), 'sends_unsupported', path)
  assert.equal(refusal('POST', '/v1/newsletters/1/%73chedule/'), 'forbidden')
})

test('reads and management are passed on', () => {
  for (const path of ['/v1/campaigns/1/triggers/2', '/v1/newsletters/1/send', '/v1/send/email'])
    assert.equal(refusal('GET', path), undefined, path)
  assert.equal(refusal('POST', '/v1/newsletters', { body: '{"name":"draft"}' }), undefined)
  assert.equal(refusal('PUT', '/v1/campaigns/1/actions/2'), undefined)
})
