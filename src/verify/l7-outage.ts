/** L7: three gateways and a Customer.io that is down for hours, in virtual time. It is looked at now and then, and not stormed. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Config, DEV_DEFAULTS, loadConfig } from '../config.ts'
import { makeUlids } from '../core/ulid.ts'
import type { Call, Remote, Reply } from '../customerio/http.ts'
import { type Gateway, startGateway } from '../gateway.ts'
import { inject } from '../http/inject.ts'
import type { HttpServer } from '../http/server.ts'
import { Chance } from '../simulation/chance.ts'
import { MemoryDisk } from '../simulation/memory-disk.ts'
import { ProcessClock } from '../simulation/process-clock.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { serveHttp } from '../surfaces.ts'
import { operationOf } from './load.ts'
import type { Proof, ProofContext } from './proof.ts'

const GATEWAYS = 3
const HOURS = { quick: 1, full: 6 }
const HOUR_MS = 3_600_000
/** Operations of each gateway that wait from the beginning, in batches. */
const BATCHES = 20
const BATCH = 100
/** Until the breaker opens: its thirty failures, and the calls that fly beside them. */
const BEFORE_OPEN = 100
/** Then it looks every four seconds, a little less often for chance (delivery/breaker.ts). */
const PROBE_MS = 4_000
/** After the outage everything is delivered within so much. */
const RECOVERY_MS = 120_000

export const outage: Proof = {
  id: 'L7',
  promises: ['P2', 'P7'],
  claim:
    'An outage of hours is met with at most one call in four seconds from each gateway; afterwards everything is delivered once.',
  faultModel:
    '503 for six hours (an hour in quick), three gateways with a backlog and new operations every minute',
  control: 'a client below the retry budget repeats each failed call three times by itself',
  run: async (context) => {
    const world = new Outage(context)
    await world.run()
    const { inOutage, succeeded, after, lost, twice } = world.counts()
    const probes = GATEWAYS * (BEFORE_OPEN + world.outageMs / PROBE_MS)
    const limit = Math.round(1.1 * succeeded + probes)
    return {
      held: inOutage + after <= limit && lost + twice === 0 && succeeded > 0,
      figures: {
        gateways: GATEWAYS,
        'hours of 503': HOURS[context.scale],
        'calls meanwhile': inOutage,
        'calls afterwards': after,
        'of them well': succeeded,
        limit,
        'not delivered': lost,
        twice,
      },
      ...(inOutage + after > limit && { detail: `${inOutage + after} calls, ${limit} allowed` }),
    }
  },
}

class Outage {
  readonly outageMs: number
  readonly #context: ProofContext
  readonly #chance: Chance
  readonly #scheduler: Scheduler
  readonly #gateways: Gateway[] = []
  readonly #said = new Set<number>()
  readonly #delivered = new Map<number, number>()
  readonly #calls = { inOutage: 0, after: 0, succeeded: 0 }

  constructor(context: ProofContext) {
    this.#context = context
    this.outageMs = HOURS[context.scale] * HOUR_MS
    this.#chance = new Chance(context.seed)
    this.#scheduler = new Scheduler(this.#chance.fork())
  }

  counts() {
    const times = [...this.#delivered.values()]
    const lost = this.#said.size - this.#delivered.size
    return { ...this.#calls, lost, twice: times.filter((count) => count > 1).length }
  }

  async run(): Promise<void> {
    const { signal, progress } = this.#context
    const end = this.outageMs + RECOVERY_MS
    // Before time begins: a file is read in real time, and hours may pass meanwhile.
    const { config } = await loadConfig({
      env: { SLUICE_DATA_DIR: '/outage', SLUICE_LOG_LEVEL: 'silent' },
      cwd: '/',
      defaults: DEV_DEFAULTS,
    })
    for (let n = 0; n < GATEWAYS; n += 1) void this.#open(n, config)
    let minutes = 0
    while (this.#scheduler.now < end && !signal.aborted) {
      if (!(await this.#scheduler.step())) await nextTurn() // a gateway that is just being put together
      if (this.#scheduler.now < minutes * 60_000) continue
      minutes += 1
      progress(minutes, Math.ceil(end / 60_000), 'minutes')
    }
  }

  async #open(n: number, config: Config): Promise<void> {
    const clock = new ProcessClock(this.#scheduler, `gateway ${n}`)
    const ready = Promise.withResolvers<HttpServer['app']>()
    const listen = async (app: HttpServer['app']) => {
      await app.ready()
      ready.resolve(app)
      return { host: 'outage', port: 1 }
    }
    const world = {
      clock,
      random: this.#chance.next,
      ulids: makeUlids((size) => this.#chance.bytes(size)),
      disk: new MemoryDisk(),
      connect: () => this.#remote(clock),
      serve: serveHttp(listen),
      ownsProcess: false,
    }
    this.#gateways.push(await startGateway(config, { world, write: () => {} }))
    const app = await ready.promise
    for (let batch = 0; batch < BATCHES; batch += 1) await this.#say(app, BATCH)
    // What is said last has half of the recovery to be delivered in.
    while (this.#scheduler.now < this.outageMs) {
      await clock.sleep(60_000)
      await this.#say(app, 10)
    }
  }

  async #say(app: HttpServer['app'], count: number): Promise<void> {
    const ticks = Array.from({ length: count }, () => {
      const n = this.#said.size + 1
      this.#said.add(n)
      return { n, person: `p${n % 200}`, bad: false }
    })
    await inject(app, {
      method: 'POST',
      url: '/api/v2/batch',
      payload: JSON.stringify({ batch: ticks.map(operationOf) }),
      headers: { authorization: `Basic ${btoa('dev:dev')}` },
    })
  }

  #remote(clock: ProcessClock): Remote {
    const send = async (call: Call): Promise<Reply> => {
      let reply = await this.#answer(call, clock)
      for (let again = 0; this.#context.planted && reply.status === 503 && again < 3; again += 1)
        reply = await this.#answer(call, clock)
      return reply
    }
    return { send, [Symbol.asyncDispose]: async () => {} }
  }

  async #answer({ body = '' }: Call, clock: ProcessClock): Promise<Reply> {
    const isDown = this.#scheduler.now < this.outageMs
    this.#calls[isDown ? 'inOutage' : 'after'] += 1
    const ms = this.#chance.between(40, 100)
    await clock.sleep(ms)
    if (!isDown) {
      this.#calls.succeeded += 1
      for (const [, n] of body.matchAll(/"n":(\d+)/g))
        this.#delivered.set(Number(n), (this.#delivered.get(Number(n)) ?? 0) + 1)
    }
    return { status: isDown ? 503 : 200, body: '{}', retryAfter: undefined, location: undefined, ms }
  }
}
