/** H3: callers that idle, drip and bomb. The others are answered meanwhile, and the gateway's event loop is held by none. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { startEmulator } from '../emulator/emulator.ts'
import { ask } from './ask.ts'
import { GatewayLine } from './gateway-process.ts'
import type { Proof, ProofContext } from './proof.ts'

const IDLE = { quick: 1_000, full: 5_000 }
const ROUNDS = 5
const LONGEST_HOLD_MS = 100
/** As large as a body may be. */
const BYTES = 500 * 1024

export const callers: Proof = {
  id: 'H3',
  promises: ['P6'],
  claim: `Callers that mean harm hold nobody up: the event loop is never held for more than ${LONGEST_HOLD_MS} ms, and good calls are answered.`,
  faultModel:
    'thousands of idle connections, hundreds that drip a request, and bodies of 500 KB made to hurt a parser, all at once',
  control: 'every write to the log holds the process for 150 ms',
  run: async (context) => {
    await using emulator = await startEmulator({ port: 0 })
    const fault = context.planted ? 'holdsLoop' : undefined
    await using line = new GatewayLine({
      trackUrl: emulator.url,
      directory: context.directory,
      env: {},
      fault,
    })
    const url = await line.start()
    const sockets = await openAll(url, context.cases ?? IDLE[context.scale])
    const told = await attack(url, context)
    for (const socket of sockets) socket.destroy()
    const longest = Math.max(...told.leastMs)
    return {
      held: longest <= LONGEST_HOLD_MS && told.refused === told.bombs && told.unanswered === 0,
      figures: {
        connections: sockets.length,
        bombs: told.bombs,
        refused: told.refused,
        'good calls': told.good,
        unanswered: told.unanswered,
        'longest hold, ms': Math.round(longest),
      },
    }
  },
}

/** Two in ten drip: a header that does not end, and a body that does not come. */
const BEGUN = [
  'POST /api/v2/batch HTTP/1.1\r\nHost: x\r\nX-',
  'POST /api/v2/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{',
]

async function openAll(url: string, count: number): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  for (let n = 0; n < count; n += 1) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {}) // the gateway closes those that drip
    sockets.push(socket.resume())
    if (n % 10 < BEGUN.length) socket.write(BEGUN[n % 10] ?? '')
    if (n % 100 === 99) await once(socket, 'connect')
  }
  return sockets
}

const fill = (part: string): string => part.repeat(Math.floor(BYTES / part.length) - 1)

interface Bomb {
  readonly body: Uint8Array<ArrayBuffer>
  readonly encoding?: string
}

/** Made when they are thrown: to pack the last of them costs a quarter of a second. */
const makeBombs = (): readonly Bomb[] => [
  ...['[', '{"a":', '"\\\\', '[1,', '"a":', '{"":1}', '1e400,', '\\u0000'].map((part) => ({
    body: new TextEncoder().encode(fill(part)),
  })),
  { body: new TextEncoder().encode(`{"batch":[${'{},'.repeat(20_000)}{]}`) },
  { body: new Uint8Array(gzipSync(new Uint8Array(64 * 1024 * 1024))), encoding: 'gzip' },
]

interface Told {
  bombs: number
  refused: number
  good: number
  unanswered: number
  /**
   * Of each bomb the least of its rounds. What the machine does besides makes a hold longer now and then; what a bomb does is
   * there every time.
   */
  readonly leastMs: number[]
}

async function attack(url: string, { progress, signal, seed }: ProofContext): Promise<Told> {
  const bombs = makeBombs()
  const told: Told = {
    bombs: 0,
    refused: 0,
    good: 0,
    unanswered: 0,
    leastMs: bombs.map(() => Number.POSITIVE_INFINITY),
  }
  const headers = { authorization: `Basic ${btoa('dev:dev')}` }
  for (let round = 0; round < ROUNDS && !signal.aborted; round += 1) {
    for (const [place, { body, encoding }] of bombs.entries()) {
      await holdMs(url) // forgets what was before
      const packed = encoding === undefined ? {} : { 'content-encoding': encoding }
      const bomb = ask(`${url}/api/v2/batch`, { method: 'POST', headers: { ...headers, ...packed }, body })
      const good = ask(`${url}/api/v1/customers/${seed}`, { method: 'PUT', headers, body: '{"a":1}' })
      told.bombs += 1
      told.good += 1
      const { status } = await bomb
      if (status >= 400 && status < 500) told.refused += 1
      if ((await good).status !== 200) told.unanswered += 1
      told.leastMs[place] = Math.min(told.leastMs[place] ?? 0, await holdMs(url))
      progress(told.bombs, ROUNDS * bombs.length, 'bombs')
    }
  }
  return told
}

/** The longest that the event loop of the gateway was held since this was asked last. */
async function holdMs(url: string): Promise<number> {
  const text = await (await ask(`${url}/metrics`)).text()
  return Number(/^nodejs_eventloop_lag_max_seconds ([\d.e-]+)/m.exec(text)?.[1]) * 1000
}
