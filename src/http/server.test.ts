import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { character } from '../../test/character.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { isUlid, makeUlids } from '../core/ulid.ts'
import { bodyText } from './body.ts'
import { createServer, type HttpServer, type Timeouts } from './server.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }

/** A server that answers with the body it read, or the id in its path, as JSON text. */
function echo(timeouts?: Timeouts): HttpServer {
  const http = createServer({
    clock: systemClock,
    ulids: makeUlids(),
    ...(timeouts === undefined ? {} : { timeouts }),
  })
  http.app.post('/body', async (request) => JSON.stringify(bodyText(request)))
  http.app.post('/small', { bodyLimit: 100 }, async (request) => bodyText(request))
  http.app.delete('/body', async (request) => JSON.stringify(bodyText(request)))
  http.app.get<{ Params: { id: string } }>('/ids/:id/more', async (request) =>
    JSON.stringify(request.params.id),
  )
  http.app.get('/fails', async () => {
    throw new SluiceError('storage_failed', '/var/lib/sluice/people.db: disk I/O error')
  })
  http.app.get('/breaks', async () => {
    throw new Error('a secret of ours')
  })
  return http
}

test('a body is handed over as the text it was, whatever its content type', async () => {
  await using http = echo()
  const text = '{"n":12345678901234567890, "é":"\\ud83d\\ude00 😀"}\n'
  const types = [undefined, 'application/json', 'application/json; charset=utf-8', 'text/plain', 'x/y']
  for (const type of types) {
    const headers = type === undefined ? {} : { 'content-type': type }
    const answer = await http.app.inject({
      method: 'POST',
      url: '/body',
      payload: Buffer.from(text),
      headers,
    })
    assert.equal(answer.json(), text, String(type))
  }
})

test('no body is an empty text, with and without a content type', async () => {
  await using http = echo()
  for (const method of ['POST', 'DELETE'] as const)
    for (const headers of [{}, { 'content-type': 'application/json' }]) {
      const answer = await http.app.inject({ method, url: '/body', headers })
      assert.equal(answer.statusCode, 200)
      assert.equal(answer.json(), '')
    }
})

test('bytes that are not UTF-8 are refused rather than replaced', async () => {
  await using http = echo()
  for (const payload of [Buffer.from([0xff]), Buffer.from([0xc3]), Buffer.from([0xed, 0xa0, 0x80])]) {
    const answer = await http.app.inject({ method: 'POST', url: '/body', payload })
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.json().code, 'bad_request')
  }
})

test('gzip and deflate are unpacked', async () => {
  await using http = echo()
  const text = JSON.stringify({ a: 'é'.repeat(1000) })
  const packed = [
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
  ] as const
  for (const [encoding, payload] of packed) {
    const headers = { 'content-encoding': encoding }
    const answer = await http.app.inject({ method: 'POST', url: '/body', payload, headers })
    assert.equal(answer.json(), text, encoding)
  }
})

const REFUSED_PACKINGS = [
  { title: 'an unknown encoding', encoding: 'br', payload: gzipSync('{}'), status: 400 },
  { title: 'two encodings', encoding: 'gzip, gzip', payload: gzipSync(gzipSync('{}')), status: 400 },
  { title: 'bytes that are not packed at all', encoding: 'gzip', payload: Buffer.from('{}'), status: 400 },
  {
    title: 'a packing cut short',
    encoding: 'gzip',
    payload: gzipSync('{"a":1}').subarray(0, 15),
    status: 400,
  },
  { title: 'a bomb', encoding: 'gzip', payload: gzipSync(Buffer.alloc(50_000_000)), status: 413 },
  { title: 'a bomb in two members', encoding: 'gzip', payload: twoMembers(), status: 413 },
]

function twoMembers(): Buffer {
  const member = gzipSync(Buffer.alloc(400_000, 32))
  return Buffer.concat([member, member])
}

for (const { title, encoding, payload, status } of REFUSED_PACKINGS)
  test(`${title} is refused with ${status}`, async () => {
    await using http = echo()
    const headers = { 'content-encoding': encoding }
    const answer = await http.app.inject({ method: 'POST', url: '/body', payload, headers })
    assert.equal(answer.statusCode, status)
  })

test('a body over the limit of its route is 413 and names the limit', async () => {
  await using http = echo()
  const over = await http.app.inject({ method: 'POST', url: '/small', payload: 'x'.repeat(101) })
  assert.equal(over.statusCode, 413)
  assert.equal(over.json().limit, 100)
  const packed = await http.app.inject({
    method: 'POST',
    url: '/small',
    payload: gzipSync('x'.repeat(101)),
    headers: { 'content-encoding': 'gzip' },
  })
  assert.equal(packed.statusCode, 413)
  const under = await http.app.inject({ method: 'POST', url: '/small', payload: 'x'.repeat(100) })
  assert.equal(under.statusCode, 200)
})

test('an id in a path is decoded exactly once, whatever is in it', async () => {
  await using http = echo()
  const awkward = [
    '/',
    '?',
    '#',
    '%',
    '+',
    '@',
    '%2F',
    '%252F',
    'a/b?c#d%e+f@g',
    ' ',
    '\u0000',
    '👩‍👩‍👧‍👦',
    '\u202e',
    'e\u0301',
    '\u00e9',
    ';',
    '&=',
    '\\',
    '%zz',
  ]
  for (const id of awkward) {
    const answer = await http.app.inject({ method: 'GET', url: `/ids/${encodeURIComponent(id)}/more` })
    assert.equal(answer.json(), id)
  }
})

test('an id of dots alone is an id, where the client sends it', async () => {
  await using http = echo()
  const { host, port } = await http.listen(LOOPBACK)
  for (const id of ['.', '..', '%2e%2e']) {
    const [answer] = await once(get({ host, port, path: `/ids/${id}/more` }), 'response')
    assert.equal(await json(answer), decodeURIComponent(id))
  }
})

test('any text survives the way through a path', async () => {
  await using http = echo()
  const dots = /^\.{1,2}$/ // a URL parser takes these for steps in the path
  const id = fc.string({ unit: character, minLength: 1, maxLength: 40 }).filter((text) => !dots.test(text))
  await fc.assert(
    fc.asyncProperty(id, async (id) => {
      const answer = await http.app.inject({ method: 'GET', url: `/ids/${encodeURIComponent(id)}/more` })
      assert.equal(answer.json(), id)
    }),
    { numRuns: cases(60, 300) },
  )
})

test('a path that cannot be decoded is 400', async () => {
  await using http = echo()
  for (const path of ['/ids/%/more', '/ids/%zz/more', '/ids/%ed%a0%80/more', '/ids/%ff/more']) {
    const answer = await http.app.inject({ method: 'GET', url: path })
    assert.equal(answer.statusCode, 400, path)
    assert.equal(answer.json().code, 'bad_request')
  }
})

test('errors are problem+json with a code and a hint', async () => {
  await using http = echo()
  const answer = await http.app.inject({ method: 'GET', url: '/nowhere?secret=1' })
  assert.equal(answer.statusCode, 404)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
  assert.equal(answer.headers['x-sluice-code'], 'not_found')
  assert.equal(answer.json().detail, 'There is no GET /nowhere.')
  assert.ok(answer.json().hint)
})

test('what failed inside is told by its meaning only', async () => {
  await using http = echo()
  const failed = await http.app.inject({ method: 'GET', url: '/fails' })
  assert.equal(failed.statusCode, 503)
  assert.equal(failed.headers['retry-after'], '1')
  assert.doesNotMatch(failed.body, /people\.db/)
  const broken = await http.app.inject({ method: 'GET', url: '/breaks' })
  assert.equal(broken.statusCode, 500)
  assert.doesNotMatch(broken.body, /secret|at /)
})

test('a correlation id is taken over when it is fit for a header, and made when not', async () => {
  await using http = echo()
  const ask = async (id?: string) => {
    const headers = id === undefined ? {} : { 'x-correlation-id': id }
    const answer = await http.app.inject({ method: 'GET', url: '/nowhere', headers })
    return String(answer.headers['x-correlation-id'])
  }
  assert.equal(await ask('order-17/2'), 'order-17/2')
  for (const unfit of [undefined, '', 'two words', 'x'.repeat(129), 'é', '\u001b[31m'])
    assert.ok(isUlid(await ask(unfit)), JSON.stringify(unfit))
})

test('a port that is taken is told as port_in_use', async () => {
  await using first = echo()
  const { port } = await first.listen(LOOPBACK)
  await using second = echo()
  await assert.rejects(
    second.listen({ host: '127.0.0.1', port }),
    (thrown) => thrown instanceof SluiceError && thrown.code === 'port_in_use',
  )
})

test('an address that is not of this machine is a wrong setting, and no defect', async () => {
  await using http = echo()
  // 192.0.2.0/24 is kept for documentation (RFC 5737): no machine has it.
  await assert.rejects(http.listen({ host: '192.0.2.1', port: 0 }), { code: 'bad_config' })
})

test('headers that do not end, and bodies that do not, lose their connection', async () => {
  await using http = echo({ headersMs: 250, requestMs: 400, checkMs: 20 })
  const { host, port } = await http.listen(LOOPBACK)
  const beginnings = [
    'GET / HTTP/1.1\r\nHost: x\r\nA: ',
    'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
  ]
  for (const beginning of beginnings) {
    const socket = connect(port, host)
    socket.write(beginning)
    const [answer] = await once(socket.setEncoding('latin1'), 'data')
    assert.match(String(answer), /^HTTP\/1\.1 408 /)
    if (!socket.destroyed) await once(socket, 'close')
  }
})

test('what is no HTTP is 400 and loses its connection', async () => {
  await using http = echo()
  const { host, port } = await http.listen(LOOPBACK)
  const socket = connect(port, host)
  socket.write('\u0016\u0003\u0001\r\n\r\n')
  const [answer] = await once(socket.setEncoding('latin1'), 'data')
  assert.match(String(answer), /^HTTP\/1\.1 400 .*problem\+json.*bad_request/s)
  if (!socket.destroyed) await once(socket, 'close')
})

test('a stop finishes the request in flight, refuses the next one on its connection, and closes', async () => {
  const http = echo()
  const entered = Promise.withResolvers<void>()
  const leave = Promise.withResolvers<void>()
  http.app.get('/slow', async () => {
    entered.resolve()
    await leave.promise
    return 'finished'
  })
  const { host, port } = await http.listen(LOOPBACK)
  const socket = connect(port, host).setEncoding('latin1')
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  await entered.promise
  const stopped = http.stop()
  assert.equal(http.stopping, true)
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  const refused = await http.app.inject({ method: 'GET', url: '/slow' }).catch(() => undefined)
  leave.resolve()
  await Promise.all([stopped, once(socket, 'close')])
  assert.match(received, /^HTTP\/1\.1 200 .*connection: close.*finished/is)
  if (refused !== undefined) assert.equal(refused.json().code, 'shutting_down')
})

test('a stop cuts what does not finish within its grace', async () => {
  const http = echo()
  const entered = Promise.withResolvers<void>()
  http.app.get('/never', async () => {
    entered.resolve()
    await new Promise(() => {})
  })
  const { host, port } = await http.listen(LOOPBACK)
  const socket = connect(port, host)
  socket.on('error', () => {})
  socket.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n')
  await entered.promise
  await Promise.all([http.stop({ graceMs: 20 }), once(socket, 'close')])
})

test('while it gives notice, a stop refuses even new connections in words; afterwards nobody listens', async () => {
  const noticed = Promise.withResolvers<void>()
  let parts = 0
  const sleep: Clock['sleep'] = async (ms, signal) => {
    if (ms !== 10) return systemClock.sleep(ms, signal)
    parts += 1
    await (parts === 10 && noticed.promise) // one that takes long is followed by others
  }
  const http = createServer({ clock: { ...systemClock, sleep }, ulids: makeUlids() })
  const { host, port } = await http.listen(LOOPBACK)
  const stopped = http.stop({ noticeMs: 100 })
  const refused = await fetch(`http://${host}:${port}/echo`)
  assert.deepEqual([refused.status, refused.headers.get('connection')], [503, 'close'])
  assert.equal(((await refused.json()) as { code: string }).code, 'shutting_down')
  noticed.resolve()
  await stopped
  await assert.rejects(fetch(`http://${host}:${port}/echo`))
})

/** Asks from a thread of its own, on a new connection, and says when the request lies in the kernel, and what came of it. */
const ASKING = `
  const { parentPort, workerData: { port, said } } = require('node:worker_threads')
  const socket = require('node:net').connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', () => {
    Atomics.store(said, 0, 1)
    Atomics.notify(said, 0)
  })
  socket.once('data', (answer) => parentPort.postMessage(answer))
  socket.once('error', (error) => parentPort.postMessage(String(error)))
`

test('what came while the process was held up, and a stop was asked for, is refused in words all the same', async () => {
  const http = echo()
  const { port } = await http.listen(LOOPBACK)
  const stopped = http.stop()
  const said = new Int32Array(new SharedArrayBuffer(4))
  const asking = new Worker(ASKING, { eval: true, workerData: { port, said } })
  const answered = once(asking, 'message')
  Atomics.wait(said, 0, 0) // nothing is accepted meanwhile
  assert.match(String((await answered)[0]), /^HTTP\/1\.1 503 /)
  await Promise.all([stopped, asking.terminate()])
})
