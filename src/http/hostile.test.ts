/** Callers that mean harm, or do it: each gets a clear answer, and the others notice nothing. Raw sockets, real server. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { cpuMs } from '../../test/cpu.ts'
import { systemClock } from '../core/clock.ts'
import { makeUlids } from '../core/ulid.ts'
import { bodyText } from './body.ts'
import { createServer } from './server.ts'

async function stand() {
  const timeouts = { headersMs: 500, requestMs: 1_000, checkMs: 100 }
  const server = createServer({ clock: systemClock, ulids: makeUlids(), timeouts })
  server.app.post('/echo', async (request) => ({ length: bodyText(request).length }))
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  after(() => server.stop({ graceMs: 100 }))
  return { port, url: `http://127.0.0.1:${port}/echo` }
}

/** Everything that the server says until it closes the connection. */
function answerTo(port: number, request: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let said = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(said))
  })
}

const HEAD = 'POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'

for (const [name, request] of [
  [
    'Content-Length beside Transfer-Encoding',
    `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX`,
  ],
  ['two Content-Lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}`],
  ['a bare line feed', 'POST /echo HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}'],
  ['a space before the colon', `${HEAD}Content-Length : 2\r\n\r\n{}`],
  ['a chunk size that is none', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
  ['no HTTP at all', '\u0016\u0003\u0001 hello\r\n\r\n'],
] as const)
  test(`${name}: refused with a 4xx, and the connection is closed`, async () => {
    const { port } = await stand()
    assert.match(await answerTo(port, request), /^HTTP\/1\.1 4\d\d /)
  })

test('headers of 64 KB are a 431 that names the limit', async () => {
  const { port } = await stand()
  const answer = await answerTo(port, `${HEAD}X: ${'a'.repeat(64 * 1024)}\r\n\r\n`)
  assert.match(
    answer,
    /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n.*x-sluice-code: headers_too_large/s,
  )
  assert.match(answer, /may have 16384 bytes in all/)
})

for (const [name, body, encoding] of [
  ['a gzip bomb', gzipSync(Buffer.alloc(50 * 1024 * 1024)), 'gzip'],
  ['gzip that is cut short', gzipSync('{"a":1}').subarray(0, 12), 'gzip'],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), undefined],
  ['a byte order mark', Buffer.from('\ufeff{}'), undefined],
  ['33 levels', Buffer.from('['.repeat(33) + ']'.repeat(33)), undefined],
  ['an unknown encoding', Buffer.from('{}'), 'br'],
] as const)
  test(`${name}: refused with a 4xx that says why`, async () => {
    const { url } = await stand()
    const headers = encoding === undefined ? {} : { 'content-encoding': encoding }
    const answer = await fetch(url, { method: 'POST', body: new Uint8Array(body), headers })
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`)
    assert.ok(((await answer.json()) as { detail: string }).detail.length > 10)
  })

test('callers that drip their headers or bodies are cut off, while others are answered at once', async () => {
  const { port, url } = await stand()
  const open = (text: string): Socket => {
    const socket = connect(port, '127.0.0.1').setNoDelay().resume()
    socket.on('error', () => {})
    socket.write(text)
    return socket
  }
  const heard = (socket: Socket, event: 'connect' | 'close') =>
    new Promise((resolve) => socket.once(event, resolve))
  const slow = Array.from({ length: 200 }, (_, n) =>
    open(n % 2 ? 'POST /echo HTTP/1.1\r\nHost: x\r\nX-' : `${HEAD}Content-Length: 100\r\n\r\n{`),
  )
  const closed = slow.map((socket) => heard(socket, 'close')) // some are cut off before the last is open
  await Promise.all(slow.map((socket) => heard(socket, 'connect')))
  for (let n = 0; n < 20; n += 1) assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 200)
  await Promise.all(closed)
})

test('a thousand idle connections stand in nobody’s way', async () => {
  const { port, url } = await stand()
  const idle = await Promise.all(
    Array.from(
      { length: 1_000 },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => resolve(socket.resume()))
          socket.on('error', () => {})
        }),
    ),
  )
  for (let n = 0; n < 20; n += 1) assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 200)
  for (const socket of idle) socket.destroy()
})

test('no body holds the event loop for long', async (t) => {
  const { url } = await stand()
  const size = 500 * 1024
  const took: number[] = []
  for (const part of ['[', '{"a":', '"\\\\', '[1,', '"a":', '{"":1}', '1e400,', '\\u0000'])
    took.push(
      await cpuMs(() =>
        fetch(url, { method: 'POST', body: part.repeat(Math.floor(size / part.length) - 1) }),
      ),
    )
  const most = Math.max(...took) // what is sent included: no hold is longer
  t.diagnostic(`most work ${most.toFixed(0)} ms`)
  assert.ok(most < 400, `${took} ms`)
})
