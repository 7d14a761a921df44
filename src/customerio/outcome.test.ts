import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from './http.ts'
import { judge, refusalOf } from './outcome.ts'

const answer = (status: number, body = '{}', retryAfter?: string): Reply => ({
  status,
  body,
  retryAfter,
  location: undefined,
  ms: 1,
})

const NOW = Date.UTC(2026, 10, 24)

for (const [reply, kind, code] of [
  [answer(200, '{}\n'), 'ok', undefined],
  [answer(204, ''), 'ok', undefined],
  [answer(200, '<html>sign in</html>'), 'later', 'upstream_unintelligible'],
  [answer(207, '{"errors":[{"batch_index":0,"reason":"invalid"}]}'), 'items', undefined],
  [answer(207, '{"errors":[]}'), 'unclear', undefined],
  [answer(207, '{"errors":[{"reason":"invalid"}]}'), 'unclear', undefined],
  [answer(207, '{"errors":[{"batch_index":0},{"batch_index":"1"}]}'), 'unclear', undefined],
  [answer(207, ''), 'unclear', undefined],
  [answer(301), 'stop', 'upstream_redirected'],
  [answer(400), 'refused', undefined],
  [answer(401), 'stop', 'upstream_unauthorized'],
  [answer(403), 'stop', 'upstream_unauthorized'],
  [answer(404), 'refused', undefined],
  [answer(408), 'later', 'upstream_unavailable'],
  [answer(413), 'refused', undefined],
  [answer(429), 'later', 'upstream_rate_limited'],
  [answer(500), 'later', 'upstream_unavailable'],
  [answer(503), 'later', 'upstream_unavailable'],
  [{ status: null, detail: 'reset', ms: 1 }, 'later', 'upstream_unreachable'],
] as const)
  test(`${reply.status ?? 'no answer'} ${'body' in reply ? reply.body : ''} is ${kind} ${code ?? ''}`, () => {
    const verdict = judge(reply, NOW)
    assert.equal(verdict.kind, kind)
    assert.equal('code' in verdict ? verdict.code : undefined, code)
  })

for (const [status, endpoint, kind] of [
  [404, 'batch', 'later'],
  [405, 'entity', 'later'],
  [400, 'batch', 'refused'],
  [404, 'segments', 'refused'],
  [404, 'events', 'refused'],
] as const)
  test(`${status} to ${endpoint} is ${kind}`, () => {
    const verdict = judge(answer(status, '<h1>Not Found</h1>'), NOW, endpoint)
    assert.equal(verdict.kind, kind)
    if (verdict.kind === 'later') assert.equal(verdict.code, 'upstream_unintelligible')
  })

for (const [header, expected] of [
  ['3', 3_000],
  ['1.5', 1_500],
  ['0', 0],
  ['Tue, 24 Nov 2026 00:00:10 GMT', 10_000],
  ['Mon, 23 Nov 2026 00:00:00 GMT', 0],
  ['1000000000', 900_000],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
] as const)
  test(`Retry-After ${header ?? 'absent'} waits ${expected ?? 'as we see fit'}`, () => {
    const verdict = judge(answer(429, '{}', header), NOW)
    assert.equal(verdict.kind === 'later' ? verdict.retryAfterMs : 'no', expected)
  })

test('the reason is in the words of Customer.io, in whichever envelope they came', () => {
  const item = '{"errors":[{"reason":"invalid","field":"attributes.plan","message":"too long"}]}'
  assert.deepEqual(refusalOf(400, item), {
    code: 'upstream_rejected',
    reason: 'invalid',
    field: 'attributes.plan',
    message: 'too long',
  })
  const detail = '{"errors":[{"detail":"too many (reference a1)","status":"429"}]}'
  assert.deepEqual(refusalOf(429, detail), {
    code: 'upstream_rejected',
    reason: 'http_429',
    message: 'too many (reference a1)',
  })
  assert.equal(refusalOf(400, '{"meta":{"errors":["one","two"]}}').message, 'one; two')
  assert.equal(refusalOf(400, '{"meta":{"error":"one"}}').message, 'one')
  assert.equal(refusalOf(413, 'too big').message, 'too big')
})
