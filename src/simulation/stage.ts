/** All that a run consists of, put together: the machine and its gateway, Customer.io, the applications, and the faults. */
import { type Config, DEV_DEFAULTS, loadConfig } from '../config.ts'
import type { NoticeName } from '../core/notices.ts'
import { Application } from './application.ts'
import { Chance } from './chance.ts'
import { CustomerIo } from './customer-io.ts'
import { Invariants } from './invariants.ts'
import { LogView } from './log-view.ts'
import { Machine } from './machine.ts'
import { MemoryDisk } from './memory-disk.ts'
import { drawMenu, type FaultName, knobsOf, type Menu } from './menu.ts'
import { Misfortune } from './misfortune.ts'
import { Operator } from './operator.ts'
import type { Run } from './run.ts'
import { Speech } from './said.ts'
import { Scheduler } from './scheduler.ts'

const DIRECTORY = '/simulation'
/** What fits into the window is taken 2000 at a time, and replays 100 at a time beside it (delivery/worker.ts). */
const WINDOW_OPS = 20_000
const INTAKE_OPS = 2_000
const REPLAY_OPS = 100
/** A commit with its sync on a good disk. */
const TURN_MS = 2
const MOST_EVENTS = 2_000_000

interface Drawn {
  readonly run: Run
  readonly chance: Chance
  readonly menu: Menu
  readonly config: Config
}

export class Stage {
  readonly chance: Chance
  readonly scheduler: Scheduler
  readonly menu: Menu
  readonly horizonMs: number
  readonly speech: Speech
  readonly log: LogView
  readonly disk = new MemoryDisk()
  readonly customerIo: CustomerIo
  readonly machine: Machine
  readonly invariants: Invariants
  readonly applications: readonly Application[]
  readonly misfortune: Misfortune
  /** What did not hold. */
  readonly broken: string[] = []
  /** Faults that struck, and notices that were told. */
  readonly met = new Set<string>()

  static async open(run: Run): Promise<Stage> {
    const chance = new Chance(run.seed)
    const drawn = drawMenu(chance)
    const menu = run.menu ?? drawn
    return new Stage({ run, chance, menu, config: await configOf(menu, chance) })
  }

  private constructor({ run, chance, menu, config }: Drawn) {
    this.chance = chance
    this.menu = menu
    this.horizonMs = run.horizonMs ?? Math.round(chance.between(1_000, 9_000))
    this.scheduler = new Scheduler(chance.fork())
    this.scheduler.trace = run.trace
    this.speech = new Speech(chance.fork(), menu)
    this.log = new LogView(this.disk, `${DIRECTORY}/log.db`)
    this.invariants = this.#judge(config)
    this.customerIo = this.#upstream()
    this.machine = this.#machine(config, run)
    this.applications = Array.from({ length: 1 + chance.below(3) }, (_, n) => this.#application(n + 1))
    this.misfortune = this.#faults()
    for (const name of knobsOf(menu)) this.met.add(name)
  }

  readonly #onFault = (name: FaultName) => void this.met.add(name)
  readonly #onBroken = (what: string) => void this.broken.push(what)

  #judge({ ratePerSecond }: Config): Invariants {
    return new Invariants({
      ...this,
      machine: () => this.machine,
      history: () => this.customerIo.service.workspace.state.history,
      ceiling: ratePerSecond,
      mostHeld:
        this.#windowOps +
        2 * Math.min(INTAKE_OPS, this.#windowOps) + // twice, until it is known what the last process had ended
        Math.max(1, Math.floor(this.#windowOps / 4)) + // read again, of what was set aside
        (this.menu.has('operator') ? REPLAY_OPS : 0),
      onBroken: this.#onBroken,
    })
  }

  get #windowOps(): number {
    return this.menu.get('tiny window') ?? WINDOW_OPS
  }

  #upstream(): CustomerIo {
    const { invariants } = this
    return new CustomerIo({
      ...this,
      chance: this.chance.fork(),
      onFault: this.#onFault,
      onCall: (...told) => invariants.called(...told),
      onReply: (...told) => invariants.replied(...told),
      onTaken: () => invariants.taken(),
    })
  }

  #machine(config: Config, { plant }: Run): Machine {
    const batchItems = this.menu.get('tiny batches')
    return new Machine({
      ...this,
      chance: this.chance.fork(),
      config,
      http: this.menu.has('http'),
      sizes: { windowOps: this.#windowOps, ...(batchItems === undefined ? {} : { batchItems }) },
      turnMs: this.menu.get('slow disk') ?? TURN_MS,
      plant: plant ?? ((options) => options),
      notify: (name: NoticeName) => void this.met.add(name),
      onStart: (process) => this.invariants.processStarted(process),
      onWrong: this.#onBroken,
    })
  }

  #application(number: number): Application {
    return new Application({
      ...this,
      name: `application ${number}`,
      chance: this.chance.fork(),
      onAnswer: (...told) => this.invariants.answered(...told),
      onFault: this.#onFault,
    })
  }

  #faults(): Misfortune {
    const { machine } = this
    const onReplay = (ids: readonly string[]) => this.invariants.replays(ids)
    const operator = new Operator({ chance: this.chance.fork(), machine, onReplay })
    return new Misfortune({ ...this, chance: this.chance.fork(), operator, onFault: this.#onFault })
  }

  begin(): void {
    void this.machine.start()
    for (const application of this.applications) void application.run()
    this.misfortune.begin()
  }

  /** No more faults, and nothing new is said. */
  calm(): void {
    this.misfortune.calm()
    this.customerIo.calm()
    for (const application of this.applications) application.finish()
  }

  get isSpoken(): boolean {
    return this.applications.every(({ isDone }) => isDone)
  }

  /** Operations without an outcome; Infinity while nobody knows. */
  async pending(): Promise<number> {
    const figures = await this.machine.gateway?.conservation()
    return figures?.pending ?? Number.POSITIVE_INFINITY
  }

  /** Event by event, until it is so or something is broken. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo() && this.broken.length === 0) {
      const went = await this.scheduler.step()
      await this.invariants.check()
      if (!went) return this.break('nothing is left to happen')
      if (this.scheduler.steps > MOST_EVENTS) return this.break(`no end after ${MOST_EVENTS} events`)
    }
  }

  break(what: string): void {
    this.broken.push(what)
  }

  /** What still waits is forgotten. */
  close(): void {
    this.machine.end()
  }
}

async function configOf(menu: Menu, chance: Chance): Promise<Config> {
  const rate = menu.get('low ceiling') ?? chance.pick([50, 200, 900])
  const { config } = await loadConfig({
    env: {
      SLUICE_DATA_DIR: DIRECTORY,
      SLUICE_LOG_LEVEL: 'silent',
      SLUICE_PREFLIGHT: 'event_name_bytes=off,aged_event=off', // what is refused, and how old things are, is drawn here
      SLUICE_RETENTION: '3650d', // the wall clock jumps by a month: what is trimmed cannot be reckoned

      CUSTOMERIO_TRACK_URL: 'http://customer.io.invalid',
      SLUICE_LANES: String(menu.get('one lane') ?? chance.pick([4, 16])),
      SLUICE_LIMITS_RATE_PER_SECOND: String(rate),
      SLUICE_LIMITS_CONCURRENCY: String(chance.pick([1, 4, 64])),
      SLUICE_LIMITS_LINGER: menu.has('no linger') ? '0ms' : '10ms',
    },
    cwd: DIRECTORY,
    defaults: DEV_DEFAULTS,
    read: () => undefined,
  })
  return config
}
