/**
 * The machine that the gateway runs on: it starts it, and starts it again after whatever end. The gateway is the real one,
 * with its real stores; only what surrounds it is simulated.
 */
import type { Config } from '../config.ts'
import { type SluiceError, toSluiceError } from '../core/errors.ts'
import { isObject, memberMap } from '../core/json.ts'
import type { Notify } from '../core/notices.ts'
import { makeUlids } from '../core/ulid.ts'
import { type Gateway, type GatewayOptions, startGateway } from '../gateway.ts'
import { inject } from '../http/inject.ts'
import type { HttpServer } from '../http/server.ts'
import { draftOf, readItem } from '../ingest/read-v2.ts'
import { type Serve, type Surfaces, serveHttp } from '../surfaces.ts'
import type { World } from '../world.ts'
import type { Chance } from './chance.ts'
import type { CustomerIo } from './customer-io.ts'
import type { MemoryDisk } from './memory-disk.ts'
import { ProcessClock } from './process-clock.ts'
import type { Request } from './said.ts'
import type { Scheduler } from './scheduler.ts'

export interface MachineOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly disk: MemoryDisk
  readonly customerIo: CustomerIo
  readonly config: Config
  /** Applications come through HTTP; else they call the intake as the routes do. */
  readonly http: boolean
  readonly sizes: GatewayOptions['sizes']
  /** The longest that a turn of the event loop takes, with the commit in it, milliseconds. */
  readonly turnMs: number
  /** Puts the faults of a control between the gateway and its ports. */
  readonly plant: (options: GatewayOptions) => GatewayOptions
  readonly notify: Notify
  /** A new process begins. */
  readonly onStart: (process: ProcessClock) => void
  /** It should not have come to this. */
  readonly onWrong: (what: string) => void
}

/** What a request came to: a status, and the ids under which its operations lie in the log. */
export interface Answer {
  readonly status: number
  readonly ids: readonly string[]
}

type App = HttpServer['app']

const RESTART_MS = 300

export class Machine {
  readonly #options: MachineOptions
  #process: ProcessClock | undefined
  #gateway: Gateway | undefined
  /** What the process before had ended is known, so that its figures add up. */
  #isKnown = false
  #surfaces: Surfaces | undefined
  #app: App | undefined
  #starts = 0
  /** It is being stopped: who comes now finds nobody, or somebody who sends him away. */
  #closing = false

  constructor(options: MachineOptions) {
    this.#options = options
  }

  get process(): ProcessClock | undefined {
    return this.#process
  }

  /** Undefined until its figures are known, and while nothing runs. */
  get gateway(): Gateway | undefined {
    return this.#isKnown ? this.#gateway : undefined
  }

  get surfaces(): Surfaces | undefined {
    return this.gateway && this.#surfaces
  }

  async start(): Promise<void> {
    const { scheduler, config, notify, sizes, plant, onStart } = this.#options
    this.#starts += 1
    const { chance, turnMs } = this.#options
    const process = new ProcessClock(scheduler, `gateway ${this.#starts}`, {
      skewMs: this.#process?.skewMs,
      turnMs: () => chance.between(0, turnMs),
    })
    this.#process = process
    this.#closing = false
    onStart(process)
    const options = {
      world: this.#world(process),
      onNotice: notify,
      write: () => {},
      ...(sizes && { sizes }),
    }
    try {
      const gateway = await startGateway(config, plant(options))
      if (process.dead) return
      this.#gateway = gateway
      void gateway.failed.then((error) => this.#failed(process, error))
      await gateway.conservation() // it takes what comes before its figures are known
      this.#isKnown = this.#gateway === gateway
    } catch (thrown) {
      const error = toSluiceError(thrown)
      if (!this.#closing || error.code !== 'shutting_down') this.#failed(process, error)
    }
  }

  /** Whatever it was doing, it does no more. */
  crash(): void {
    if (this.#process === undefined || this.#process.dead) return
    this.#process.die()
    this.#gateway = undefined
    this.#isKnown = false
    this.#app = undefined
    this.#options.scheduler.after(RESTART_MS, 'start', () => void this.start())
  }

  /** Nothing runs any more, and nothing is started. */
  end(): void {
    this.#process?.die()
    this.#gateway = undefined
  }

  /** Stops it as a deployment does, and starts the next one. */
  async deploy(): Promise<void> {
    const { config, scheduler, onWrong } = this.#options
    const [process, gateway] = [this.#process, this.#gateway]
    if (gateway === undefined || process === undefined) return
    const boundMs = config.shutdownMs * 2 + 70_000 // a pause of a minute may fall into it
    this.#closing = true
    const overdue = scheduler.after(boundMs, 'overdue', () => onWrong('a stop took longer than it may'))
    await gateway.close()
    overdue()
    if (!process.dead) this.crash()
  }

  /** An error of the disk ends the process: nothing else may. */
  #failed(process: ProcessClock, error: SluiceError): void {
    if (process.dead) return
    if (!DISK.includes(error.code))
      this.#options.onWrong(`the gateway failed: ${error.code} ${error.message}`)
    this.#options.disk.mend()
    this.crash()
  }

  /** A request that has arrived. Undefined when nobody is there to take it. */
  async call(request: Request): Promise<Answer | undefined> {
    if (this.#gateway === undefined || this.#surfaces === undefined || this.#closing) return undefined
    return this.#app ? callHttp(this.#app, request) : callIntake(this.#surfaces, request)
  }

  #world(process: ProcessClock): World {
    const { chance, disk, customerIo } = this.#options
    return {
      clock: process,
      random: chance.next,
      ulids: makeUlids((size) => chance.bytes(size)),
      disk,
      connect: customerIo.connect(process),
      serve: this.#serve,
      ownsProcess: false,
    }
  }

  readonly #serve: Serve = async (surfaces, opening) => {
    this.#surfaces = surfaces
    if (!this.#options.http) return { host: 'simulation', port: 1 }
    const listen = async (app: App) => {
      await app.ready()
      this.#app = app
      return { host: 'simulation', port: 1 }
    }
    return serveHttp(listen)(surfaces, opening)
  }
}

const DISK: readonly string[] = ['storage_failed', 'storage_full']

async function callHttp(app: App, { sayings, idempotencyKey }: Request): Promise<Answer> {
  const items = sayings.map(({ item }) => item)
  const { statusCode, headers } = await inject(app, {
    method: 'POST',
    url: items.length === 1 ? '/api/v2/entity' : '/api/v2/batch',
    payload: JSON.stringify(items.length === 1 ? items[0] : { batch: items }),
    headers: {
      authorization: `Basic ${btoa('dev:dev')}`,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
  })
  const ids = headers['x-sluice-id']
  return { status: statusCode, ids: typeof ids === 'string' ? ids.split(',') : [] }
}

/** As the routes of Track v2 do, without HTTP around it. */
async function callIntake(
  { judge, intake }: Surfaces,
  { sayings, idempotencyKey }: Request,
): Promise<Answer> {
  try {
    const drafts = sayings.map(({ item }) => {
      const text = JSON.stringify(item)
      const value: unknown = JSON.parse(text)
      return judge.judge(draftOf(readItem({ value: isObject(value) ? value : {}, members: memberMap(text) })))
    })
    const origin = { source: 'default', correlationId: 'simulation', idempotencyKey }
    return { status: 200, ids: await intake.accept(drafts, origin) }
  } catch (thrown) {
    return { status: toSluiceError(thrown).row.status, ids: [] }
  }
}
