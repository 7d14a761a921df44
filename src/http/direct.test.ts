/** The direct way and the general one: what is ordinary goes the one, all else the other, and the answers are the same. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { makeUlids } from '../core/ulid.ts'
import { BODY_LIMIT, bodyText } from './body.ts'
import { inject } from './inject.ts'
import { toHttpError } from './problem.ts'
import { createServer } from './server.ts'

const TEXT = { 'content-type': 'text/plain' }

async function stand() {
  const server = createServer({ clock: systemClock, ulids: makeUlids() })
  const errors: unknown[] = []
  let general = 0
  server.app.addHook('onRequest', (_request, _reply, done) => {
    general += 1
    done()
  })
  server.app.direct({
    method: 'POST',
    url: '/people/:id/say',
    handle: async (call, reply) => {
      const text = bodyText(call)
      if (text === 'refuse') throw new SluiceError('bad_request', 'as was asked')
      return reply
        .code(201)
        .headers({ ...TEXT, 'x-one': '1' })
        .header('x-two', '2')
        .send(JSON.stringify([call.params, text]))
    },
    refuse: (thrown, call, reply) => {
      const { row, code, message } = toHttpError(thrown, call)
      return reply.code(row.status).headers(TEXT).send(`${code} ${message}`)
    },
    onError: (thrown) => errors.push(thrown),
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  after(() => server.stop({ graceMs: 100 }))
  const say = (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    headers: Record<string, string> = {},
    path = '/people/42/say',
  ) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain', ...headers },
      ...(body instanceof ReadableStream && { duplex: 'half' }),
    } as RequestInit)
  return { server, port, say, errors, ways: () => general }
}

/** All but what belongs to the connection. */
const seen = async (answer: Response) => {
  const own = [...answer.headers].filter(([name]) => !/^(date|connection|keep-alive)$/.test(name))
  const headers = Object.fromEntries(own.sort())
  return { status: answer.status, headers, text: await answer.text() }
}

const ID = { 'x-correlation-id': 'mine' }

for (const [name, body] of [
  ['text', 'é {"n":12345678901234567890}'],
  ['nothing', ''],
  ['a body in many pieces', 'x'.repeat(BODY_LIMIT)],
  ['what the handler refuses', 'refuse'],
  ['what is not UTF-8', new Uint8Array([0xff])],
  ['what breaks a limit of JSON', '['.repeat(33)],
] as const)
  test(`${name} is answered the same in both ways`, async () => {
    const { say, ways, errors } = await stand()
    const direct = await seen(await say(body, ID))
    assert.equal(ways(), 0)
    const failures = errors.length
    const general = await seen(await say(body, ID, '/people/42/say?'))
    assert.equal(ways(), 1)
    assert.deepEqual(direct, general)
    assert.equal(failures, direct.status === 201 ? 0 : 1)
  })

for (const [name, body, headers, path] of [
  ['an escape in the path', 'a', {}, '/people/4%32/say'],
  ['a query', 'a', {}, '/people/42/say?a=1'],
  ['a packed body', gzipSync('a'), { 'content-encoding': 'gzip' }, '/people/42/say'],
  ['a body that says nothing of its length', new Blob(['a']).stream(), {}, '/people/42/say'],
] as const)
  test(`${name}: the general way, with the same answer`, async () => {
    const { say, ways } = await stand()
    const ordinary = await seen(await say('a', ID))
    assert.deepEqual(await seen(await say(body, { ...ID, ...headers }, path)), ordinary)
    assert.equal(ways(), 1)
  })

test('a body over the limit is refused in the general way, before it is read', async () => {
  const { say, ways } = await stand()
  const { status, text } = await seen(await say('x'.repeat(BODY_LIMIT + 1)))
  assert.deepEqual([status, text.split(' ', 1), ways()], [413, ['too_large'], 1])
})

test('whoever goes away in the middle of a body leaves nothing behind', async () => {
  const { port, say, errors } = await stand()
  const socket = connect(port, '127.0.0.1')
  socket.write('POST /people/42/say HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
  await once(socket, 'connect')
  assert.equal((await say('a')).status, 201) // the half body is read by now, or with what ends it
  socket.destroy()
  await once(socket, 'close')
  assert.equal((await say('a')).status, 201)
  assert.deepEqual(errors, [])
})

test('while it stops, a call that has begun is answered, and a new one refused', async () => {
  const { server, port, say } = await stand()
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.write('POST /people/42/say HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha')
  await once(socket, 'connect')
  await say('a')
  const closed = once(socket, 'close')
  const stopped = server.stop({ noticeMs: 100 })
  assert.equal((await say('a')).status, 503)
  socket.write('lf')
  await Promise.all([stopped, closed])
  assert.match(received, /^HTTP\/1\.1 201 .*connection: close.*"half"/is)
})

test('a call without a socket goes the same way as one from a socket', async () => {
  const { server, ways } = await stand()
  const call = { method: 'POST', url: '/people/42/say', payload: 'a' } as const
  assert.equal((await inject(server.app, call)).statusCode, 201)
  assert.equal(ways(), 0)
  assert.equal((await inject(server.app, { ...call, url: '/people/4%32/say' })).statusCode, 201)
  assert.equal(ways(), 1)
})
