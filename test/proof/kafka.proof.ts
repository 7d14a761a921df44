/**
 * Three intakes and two workers over a real broker, each a process of its own. Workers are killed, or stopped for longer than
 * their session and then woken; the broker is killed and started again. Everything must take effect once, in order per
 * person, and the calls of both workers together must stay within the one limit.
 *
 * KAFKA_EVENTS=200000 KAFKA_PEOPLE=5000 npm run proof:kafka
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import type { Bus } from '../../src/bus/bus.ts'
import { openKafkaBus } from '../../src/bus/kafka.ts'
import { KafkaAdmin } from '../../src/bus/kafka-admin.ts'
import { planOf } from '../../src/cluster.ts'
import { DEV_DEFAULTS, loadConfig } from '../../src/config.ts'
import { systemClock as clock, type Random } from '../../src/core/clock.ts'
import { TOPICS } from '../../src/core/record.ts'
import { GROUP } from '../../src/delivery/replay.ts'
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts'
import { effectsOf, lostOf } from '../../src/verify/effects.ts'
import { operationOf, type Tick } from '../../src/verify/load.ts'
import { seeded, seedFor } from '../flow/seeded.ts'
import { temporary } from '../flow/stand.ts'
import { reasonToLeaveOut, standBroker } from '../kafka/stand.ts'

const EVENTS = Number(process.env.KAFKA_EVENTS ?? 12_000)
const PEOPLE = Number(process.env.KAFKA_PEOPLE ?? 600)
/** Calls a second, of both workers together: few enough to be what holds them back. */
const RATE = 8
const SESSION_MS = 6_000
const BATCH = 50
const INTAKES = 3
const SENDERS = 2
const EXECUTABLE = resolve(import.meta.dirname, '../../bin/sluice.js')

const skip = reasonToLeaveOut()
const broker = standBroker(skip)

type Env = Readonly<Record<string, string>>

/** One gateway after another with the same roles and data. */
class Station {
  readonly #env: Env
  #child: ChildProcess | undefined
  url = ''

  constructor(env: Env) {
    this.#env = { ...env, SLUICE_DATA_DIR: join(temporary(), 'data') }
    after(() => this.#child?.kill('SIGKILL'))
  }

  async start(): Promise<void> {
    const env = { PATH: process.env.PATH, ...this.#env }
    const child = spawn(process.execPath, [EXECUTABLE, 'serve', '--json'], {
      env,
      stdio: ['ignore', 'pipe', process.env.VERBOSE ? 'inherit' : 'ignore'],
    })
    this.#child = child
    for await (const line of createInterface({ input: child.stdout })) {
      const { event, url } = JSON.parse(line)
      if (event !== 'ready') continue
      this.url = url
      child.stdout.resume()
      return
    }
    throw new Error('a gateway ended before it was ready')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
}

/** The next events of a sender's people, one for each in turn, until its part of all is sent; each is repeated until taken. */
async function send(
  station: Station,
  sender: number,
  onTaken: (ticks: readonly Tick[]) => void,
): Promise<void> {
  const senders = INTAKES * SENDERS
  const people = Math.floor(PEOPLE / senders)
  const mine = Math.floor(EVENTS / senders)
  for (let done = 0; done < mine; ) {
    const count = Math.min(BATCH, mine - done)
    const ticks = Array.from({ length: count }, (_, at) => ({
      n: sender * mine + done + at + 1,
      person: `s${sender}p${(done + at) % people}`,
      bad: false,
    }))
    while (!(await taken(station.url, ticks))) await clock.sleep(100)
    onTaken(ticks)
    done += count
  }
}

const taken = (url: string, ticks: readonly Tick[]): Promise<boolean> =>
  fetch(`${url}/api/v2/batch`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('dev:dev')}` },
    body: JSON.stringify({ batch: ticks.map(operationOf) }),
  })
    .then(async (answer) => {
      await answer.body?.cancel()
      return answer.status === 200
    })
    .catch(() => false)

/** What is done to the processes, each at least once. The seed says when, in which order, and to which worker. */
const DISTURBANCES = {
  killed: async (worker: Station) => {
    await worker.end('SIGKILL')
    await worker.start()
  },
  stopped: async (worker: Station) => {
    worker.signal('SIGSTOP')
    await clock.sleep(SESSION_MS + 2_000)
    worker.signal('SIGCONT')
  },
  brokerKilled: async (_: Station, random: Random) => {
    await broker().signal('SIGKILL')
    await clock.sleep(random() * 3_000)
    await broker().resume()
  },
}

/** One after another until all is delivered; then none was left out. */
async function disturb(
  workers: readonly Station[],
  random: Random,
  over: AbortSignal,
): Promise<Map<string, number>> {
  const done = new Map<string, number>()
  while (!over.aborted || done.size < 3) {
    for (const [name, disturbance] of shuffled(Object.entries(DISTURBANCES), random)) {
      await clock.sleep(1_000 + random() * 2_000)
      await disturbance(workers[Math.floor(random() * workers.length)] ?? assert.fail(), random)
      done.set(name, (done.get(name) ?? 0) + 1)
    }
  }
  return done
}

const shuffled = <T>(list: readonly T[], random: Random): T[] =>
  list
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)

/** Calls that reached Customer.io, by the second in which they came. */
class Calls {
  readonly #times: number[] = []
  #seq = 0

  look(emulator: Emulator): void {
    for (const { seq, at } of emulator.requests({ since: this.#seq })) {
      if (seq <= this.#seq) continue
      this.#seq = seq
      this.#times.push(at)
    }
  }

  /** The most calls within any span of so many milliseconds. */
  most(ms: number): number {
    let most = 0
    for (let first = 0, last = 0; last < this.#times.length; last += 1) {
      while ((this.#times[last] ?? 0) - (this.#times[first] ?? 0) >= ms) first += 1
      most = Math.max(most, last - first + 1)
    }
    return most
  }
}

/** Resolves when every event is settled, which a broker that was just killed cannot tell. */
async function untilSettled(bus: Bus): Promise<void> {
  while ((await bus.lag(TOPICS.events, GROUP).catch(() => undefined))?.unsettled !== 0) await clock.sleep(250)
}

test(`${EVENTS} events of ${PEOPLE} people through three intakes and two workers over Kafka, disturbed`, {
  skip,
}, async (t) => {
  const random = seeded(seedFor('kafka'))
  await using emulator = await startEmulator({ port: 0 })
  const env = {
    SLUICE_BUS: 'kafka',
    SLUICE_KAFKA_BROKERS: broker().address(),
    SLUICE_KAFKA_SESSION: `${SESSION_MS}ms`,
    SLUICE_LANES: '8',
    SLUICE_PORT: '0',
    SLUICE_LIMITS_RATE_PER_SECOND: String(RATE),
    SLUICE_SOURCES: 'app:dev:dev',
    CUSTOMERIO_SITE_ID: 'dev',
    CUSTOMERIO_API_KEY: 'dev',
    CUSTOMERIO_TRACK_URL: emulator.url,
  }
  const { config } = await loadConfig({ env, cwd: '/', defaults: DEV_DEFAULTS })
  await using admin = new KafkaAdmin({ brokers: [broker().address()] })
  await admin.ensureTopics(planOf(config))
  const stations = (count: number, roles: string) =>
    Array.from({ length: count }, () => new Station({ ...env, SLUICE_ROLES: roles }))
  const [intakes, workers] = [stations(INTAKES, 'ingest'), stations(2, 'delivery')]
  await Promise.all([...intakes, ...workers].map((station) => station.start()))

  const over = new AbortController()
  const disturbing = disturb(workers, random, over.signal)
  const calls = new Calls()
  const sent: Tick[] = []
  const sending = Array.from({ length: INTAKES * SENDERS }, (_, sender) =>
    send(intakes[sender % INTAKES] ?? assert.fail(), sender, (ticks) => sent.push(...ticks)),
  )
  await using bus = openKafkaBus({ cluster: { brokers: [broker().address()] }, clock })
  const delivered = Promise.all(sending).then(() => untilSettled(bus))
  delivered.finally(() => over.abort()).catch(() => {})
  while (!over.signal.aborted) {
    await clock.sleep(250, over.signal)
    calls.look(emulator)
  }
  await delivered
  const disturbances = await disturbing
  await untilSettled(bus)
  emulator.settle()
  const effects = effectsOf(emulator)
  const figures = {
    ...Object.fromEntries(disturbances),
    events: sent.length,
    lost: lostOf(sent, effects).length,
    twice: effects.twice,
    outOfOrder: effects.outOfOrder,
    'most calls in 1 s': calls.most(1_000),
    'most calls in 10 s': calls.most(10_000),
  }
  t.diagnostic(JSON.stringify(figures))
  await Promise.all([...intakes, ...workers].map((station) => station.end('SIGTERM')))
  assert.deepEqual([figures.lost, figures.twice, figures.outOfOrder], [0, 0, 0])
  assert.ok(
    figures['most calls in 10 s'] <= RATE * 10 * 1.05,
    `${figures['most calls in 10 s']} calls in 10 s`,
  )
})
