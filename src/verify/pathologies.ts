/** Servers of bad manners, written byte by byte, and what a call to each must come to. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Pathology } from './pathology.ts'
import type { ProofContext } from './proof.ts'
import { tlsCases } from './tls-pathologies.ts'

export interface World extends AsyncDisposable {
  readonly cases: readonly Pathology[]
  /** Requests that came to a host that nobody meant to call. */
  leaked(): readonly string[]
  /** What could not be had on this machine, and why. */
  readonly without: readonly string[]
}

const SOON = 500
const CONNECT = 2_000
const TOTAL = 15_000
const UNREACHABLE = ['later upstream_unreachable']
const UNINTELLIGIBLE = ['later upstream_unintelligible']
const REDIRECTED = ['stop upstream_redirected']

const answer = (status: string, headers: readonly string[], body: string | Buffer) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`),
    Buffer.from(body),
  ])
const withLength = (status: string, body: string | Buffer, ...headers: string[]) =>
  answer(status, [`content-length: ${Buffer.byteLength(body)}`, ...headers], body)

type Manners = (socket: Socket) => void
const say =
  (bytes: Buffer): Manners =>
  (socket) =>
    void socket.write(bytes)
const sayAndEnd =
  (bytes: Buffer): Manners =>
  (socket) =>
    void socket.end(bytes)
const sayAndReset =
  (bytes: Buffer): Manners =>
  (socket) =>
    void socket.write(bytes, () => socket.resetAndDestroy())

const HALF = answer('200 OK', ['content-length: 100'], '{"half":')
const MEGABYTE = Buffer.alloc(1024 * 1024, ' ')

type Row = readonly [name: string, expect: readonly string[], withinMs: number, onRequest: Manners]

/** Made when they are wanted, since the bomb costs a quarter of a second. */
const makeRows = (): readonly Row[] => [
  ['reset at once', UNREACHABLE, SOON, (socket) => void socket.resetAndDestroy()],
  ['closed without an answer', UNREACHABLE, SOON, (socket) => void socket.end()],
  ['reset amid the body', UNREACHABLE, SOON, sayAndReset(HALF)],
  ['FIN amid the body', UNREACHABLE, SOON, sayAndEnd(HALF)],
  ['FIN amid the headers', UNREACHABLE, SOON, sayAndEnd(Buffer.from('HTTP/1.1 200 OK\r\ncontent-le'))],
  ['no answer ever', UNREACHABLE, TOTAL, () => {}],
  ['one byte a second', UNREACHABLE, TOTAL, drip],
  ['silence amid the body', UNREACHABLE, TOTAL, say(HALF)],
  ['what is not HTTP', UNREACHABLE, SOON, sayAndEnd(Buffer.from('220 mail.example ESMTP\r\n'))],
  [
    'headers without end',
    UNREACHABLE,
    SOON,
    (socket) => flood(socket, Buffer.from(`x: ${'y'.repeat(4096)}\r\n`)),
  ],
  ['a body without end', UNREACHABLE, TOTAL, (socket) => flood(socket, chunk(MEGABYTE), CHUNKED)],
  [
    'two lengths',
    UNREACHABLE,
    SOON,
    sayAndEnd(answer('200 OK', ['content-length: 2', 'content-length: 3'], '{} ')),
  ],
  [
    'a page of HTML',
    UNINTELLIGIBLE,
    SOON,
    say(withLength('200 OK', '<html>Welcome</html>', 'content-type: text/html')),
  ],
  ['a bomb of gzip', UNINTELLIGIBLE, SOON, say(withLength('200 OK', bomb(), 'content-encoding: gzip'))],
  ['a redirect within', REDIRECTED, SOON, say(withLength('302 Found', '', 'location: /elsewhere'))],
  [
    '502 of a proxy',
    ['later upstream_unavailable'],
    SOON,
    say(withLength('502 Bad Gateway', '<html>502</html>')),
  ],
  ['an empty success', ['ok'], SOON, say(withLength('200 OK', ''))],
  ['no content', ['ok'], SOON, say(answer('204 No Content', [], ''))],
]

const CHUNKED = answer('200 OK', ['transfer-encoding: chunked'], '')
const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

/** 64 MB of blanks in 64 KB; an answer that is unpacked before it is judged fills the memory. */
function bomb(): Buffer {
  return gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '), { level: 1 })
}

function drip(socket: Socket): void {
  const bytes = withLength('200 OK', '{}')
  let at = 0
  const timer = setInterval(() => {
    if (at < bytes.length) socket.write(bytes.subarray(at, at + 1))
    at += 1
  }, 1_000)
  socket.once('close', () => clearInterval(timer))
}

/** Writes for as long as somebody reads. */
function flood(socket: Socket, bytes: Buffer, head: Buffer = Buffer.from('HTTP/1.1 200 OK\r\n')): void {
  const more = () => {
    while (!socket.destroyed && socket.write(bytes));
  }
  socket.on('drain', more)
  socket.write(head)
  more()
}

export async function pathologies({ clock }: ProofContext): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const leaked: string[] = []
  const elsewhere = await listen(stack, (socket, text) => {
    leaked.push(text.split('\r\n')[0] ?? '')
    socket.end()
  })
  const cases: Pathology[] = []
  for (const [name, expect, withinMs, onRequest] of makeRows())
    cases.push({ name, expect, withinMs, url: await listen(stack, onRequest) })
  for (const status of ['301 Moved', '302 Found', '307 Temporary', '308 Permanent']) {
    const redirect = say(withLength(status, '', `location: ${elsewhere}/api/v2/batch`))
    cases.push({
      name: `${status} to another host`,
      expect: REDIRECTED,
      withinMs: SOON,
      url: await listen(stack, redirect),
    })
  }
  cases.push(await refusing(), await closedKeepAlive(stack))
  const deaf = await neverAccepting(stack)
  const tls = await tlsCases(clock.now(), stack)
  const without = [...(deaf === undefined ? ['a host that does not answer SYN'] : []), ...tls.without]
  const running = stack.move()
  return {
    cases: [...cases, ...(deaf === undefined ? [] : [deaf]), ...tls.cases],
    leaked: () => leaked,
    without,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** A server that calls `onRequest` when the whole head of a request is there. Resolves with its url. */
async function listen(
  stack: AsyncDisposableStack,
  onRequest: (socket: Socket, text: string) => void,
): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    let text = ''
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      onRequest(socket, text)
      text = ''
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on TCP
}

/** A port that nobody listens on any more. */
async function refusing(): Promise<Pathology> {
  await using stack = new AsyncDisposableStack()
  return { name: 'refused', expect: UNREACHABLE, withinMs: SOON, url: await listen(stack, () => {}) }
}

/** Closes each connection right after its first answer, without having said so: the next call may meet the closing. */
async function closedKeepAlive(stack: AsyncDisposableStack): Promise<Pathology> {
  const url = await listen(stack, (socket) => {
    socket.write(withLength('200 OK', '{}'), () => setImmediate(() => socket.destroy()))
  })
  return { name: 'closed keep-alive', expect: ['ok', ...UNREACHABLE], withinMs: SOON, url, warmUp: true }
}

const DEAF = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
  process.send(this.address().port)
})`

/** A process that is stopped with a full backlog: the kernel leaves further SYNs without an answer, as a dead host does. */
async function neverAccepting(stack: AsyncDisposableStack): Promise<Pathology | undefined> {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  stack.defer(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [port] = await once(child, 'message')
  child.kill('SIGSTOP')
  const fillers = Array.from({ length: 8 }, () => connect(Number(port), '127.0.0.1').on('error', () => {}))
  stack.defer(() => {
    for (const filler of fillers) filler.destroy()
  })
  const connected = fillers.map((filler) => once(filler, 'connect').then(() => true))
  const isDeaf = !(await Promise.race([
    Promise.all(connected),
    new Promise((resolve) => setTimeout(resolve, 500)),
  ]))
  const url = `http://127.0.0.1:${port}`
  return isDeaf ? { name: 'no answer to SYN', expect: UNREACHABLE, withinMs: CONNECT, url } : undefined
}
