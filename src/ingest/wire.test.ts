/** The gateway's own answers on the wire: recorded headers, shapes of errors, other origins, encodings and content types. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { systemClock } from '../core/clock.ts'
import { silent } from '../core/notices.ts'
import { makeUlids } from '../core/ulid.ts'
import { createServer } from '../http/server.ts'
import { policiesWith } from '../preflight/rules.ts'
import { Judge } from './judge.ts'
import { trackRoutes } from './routes.ts'
import { knowSources, knowWriters } from './sources.ts'

const server = createServer({ clock: systemClock, ulids: makeUlids() })
const sources = [{ name: 'web', siteId: 'dev', apiKey: 'dev' }]
await server.app.register(
  trackRoutes({
    intake: { accept: async (drafts) => drafts.map(() => 'id') },
    judge: new Judge({ policies: policiesWith(), clock: systemClock, notify: silent }),
    nameSource: knowSources(sources),
    nameWriter: knowWriters(sources),
    region: 'us',
    notify: silent,
  }),
)
after(() => server.stop({ graceMs: 0 }))

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'OPTIONS' | 'PATCH'

async function say(method: Method, url: string, payload: string | Buffer = '', headers: object = {}) {
  const authorization = `Basic ${btoa(url.startsWith('/v1/') ? 'dev:' : 'dev:dev')}`
  return server.app.inject({ method, url, payload, headers: { authorization, ...headers } })
}

/** As recorded of Customer.io in May 2026; the others belong to the proxy before it. */
const RECORDED = {
  'content-type': 'application/json; charset=utf-8',
  'access-control-allow-origin': '*',
  'cache-control': 'no-cache, no-store, must-revalidate, max-age=0',
}

const ITEM = '{"type":"person","identifiers":{"id":"1"},"action":"delete"}'
const ANSWERS: readonly [status: number, method: Method, url: string, body: string, headers?: object][] = [
  [200, 'PUT', '/api/v1/customers/1', '{}'],
  [200, 'DELETE', '/api/v1/customers/1', ''],
  [200, 'DELETE', '/api/v1/customers/1/devices/t', '{}'],
  [200, 'POST', '/api/v1/customers/1/suppress', ''],
  [200, 'POST', '/api/v1/metrics', '{"delivery_id":"d","metric":"opened"}'],
  [200, 'GET', '/api/v1/accounts/region', ''],
  [200, 'GET', '/auth', ''],
  [200, 'POST', '/api/v2/entity', ITEM],
  [200, 'POST', '/api/v2/batch', `{"batch":[${ITEM}]}`],
  [200, 'POST', '/v1/identify', '{"userId":"1"}'],
  [200, 'POST', '/v1/identify', '{'],
  [207, 'POST', '/api/v2/batch', `{"batch":[${ITEM},{}]}`],
  [400, 'PUT', '/api/v1/customers/1', '{'],
  [400, 'PUT', '/api/v1/customers/1', 'plan=pro'],
  [400, 'POST', '/api/v1/merge_customers', '{'],
  [400, 'POST', '/api/v2/entity', '{'],
  [400, 'POST', '/api/v2/batch', '{'],
  [400, 'POST', '/v1/identify', '{', { 'x-strict-mode': '1' }],
  [401, 'PUT', '/api/v1/customers/1', '{}', { authorization: 'Basic x' }],
  [401, 'POST', '/api/v2/entity', ITEM, { authorization: 'Basic x' }],
  [401, 'POST', '/v1/identify', '{}', { authorization: 'Basic x', 'x-strict-mode': '1' }],
  [404, 'GET', '/api/v1/nothing', ''],
  [404, 'GET', '/api/v1/customers/1', ''],
  [404, 'PATCH', '/api/v1/customers/1', '{}'],
  [404, 'GET', '/api/v2/entity', ''],
  [413, 'PUT', '/api/v1/customers/1', `"${'x'.repeat(512_000)}"`],
  [413, 'POST', '/api/v2/batch', `"${'x'.repeat(512_000)}"`],
]

for (const [status, method, url, body, headers] of ANSWERS)
  test(`${method} ${url} with ${body.slice(0, 30) || 'nothing'} is ${status}, with the recorded headers and in its shape`, async () => {
    const answer = await say(method, url, body, headers)
    assert.equal(answer.statusCode, status, answer.body)
    for (const [name, value] of Object.entries(RECORDED)) assert.equal(answer.headers[name], value, name)
    const said = answer.json() as Record<string, unknown>
    if (status >= 400)
      assert.deepEqual(Object.keys(said), [url.startsWith('/api/v2') && status !== 401 ? 'errors' : 'meta'])
  })

test('a form is answered with nothing: no body, and no content type for it', async () => {
  const answer = await say('POST', '/api/v1/forms/f/submit', '{"data":{"email":"a@b.c"}}')
  assert.deepEqual(
    [
      answer.statusCode,
      answer.body,
      answer.headers['content-type'],
      answer.headers['access-control-allow-origin'],
    ],
    [204, '', undefined, '*'],
  )
})

for (const url of ['/api/v1/customers/1', '/api/v2/batch', '/unsubscribe/d', '/v1/identify', '/v1/batch'])
  test(`a browser may call ${url} from another origin`, async () => {
    const asked = 'authorization, content-type, x-strict-mode'
    const answer = await say('OPTIONS', url, '', {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': asked,
    })
    assert.equal(answer.statusCode, 204)
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.match(String(answer.headers['access-control-allow-methods']), /PUT/)
    assert.equal(answer.headers['access-control-allow-headers'], asked)
  })

const CALLS: readonly [method: Method, url: string, body: string][] = [
  ['PUT', '/api/v1/customers/1', '{"plan":"pro"}'],
  ['POST', '/api/v2/batch', `{"batch":[${ITEM}]}`],
  ['POST', '/v1/batch', '{"batch":[{"type":"identify","userId":"1"}]}'],
]

for (const [method, url, body] of CALLS) {
  test(`${url} reads gzip, x-gzip and deflate, in any case, and refuses what is none of them`, async () => {
    const strict = { 'x-strict-mode': '1' }
    for (const [encoding, packed] of [
      ['gzip', gzipSync(body)],
      ['GZIP', gzipSync(body)],
      ['x-gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
      ['identity', Buffer.from(body)],
    ] as const) {
      const answer = await say(method, url, packed, { 'content-encoding': encoding, ...strict })
      assert.deepEqual([answer.statusCode, answer.body], [200, '{}\n'], encoding)
    }
    for (const [encoding, packed] of [
      ['br', Buffer.from(body)],
      ['gzip', Buffer.from(body)],
      ['gzip', gzipSync(Buffer.alloc(20 * 1024 * 1024))],
    ] as const) {
      const answer = await say(method, url, packed, { 'content-encoding': encoding, ...strict })
      assert.ok(answer.statusCode === 400 || answer.statusCode === 413, answer.body)
      assert.match(answer.body, /^\{"(meta|errors)":/)
    }
  })

  test(`${url} reads its body as JSON whatever the content type says`, async () => {
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'text/plain',
      'application/x-www-form-urlencoded',
      '',
      'json',
      'text/',
      '; charset=utf-8',
    ]) {
      const answer = await say(method, url, body, { 'content-type': type, 'x-strict-mode': '1' })
      assert.deepEqual([answer.statusCode, answer.body], [200, '{}\n'], type)
    }
  })

  test(`${url} says what is wrong with a body that would hurt, in its shape`, async () => {
    for (const [hurts, says] of [
      [Buffer.from(`\ufeff${body}`), /byte order mark/],
      [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
      [Buffer.from('['.repeat(33) + ']'.repeat(33)), /nested more than 32/],
      [
        Buffer.from(JSON.stringify(Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [n, n])))),
        /1000 members/,
      ],
    ] as const) {
      const answer = await say(method, url, hurts, { 'x-strict-mode': '1' })
      assert.equal(answer.statusCode, 400)
      assert.match(answer.body, says)
      assert.match(answer.body, /^\{"(meta|errors)":/)
    }
  })
}

test('a call that there is not is told so in the shape of its API, whatever its body is', async () => {
  for (const url of ['/api/v1/customers/a/b', '/api/v2/nothing'])
    for (const bytes of [Buffer.from('{}'), Buffer.from([0x7b, 0xff, 0x7d])]) {
      const answer = await say('PUT', url, bytes)
      assert.equal(answer.statusCode, bytes.length === 2 ? 404 : 400)
      assert.match(answer.body, /^\{"(meta|errors)":/)
    }
})
