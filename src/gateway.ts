/**
 * Composition: configuration in, running gateway out. Read from top to bottom it is the architecture in code, and it is the
 * only file that names implementations.
 */
import { mkdirSync } from 'node:fs'
import { Board } from './admin/board.ts'
import { healthRoutes } from './admin/health.ts'
import { adminRoutes } from './admin/routes.ts'
import type { Upstream } from './admin/status.ts'
import { openSqliteBus, type SqliteBus } from './bus/sqlite.ts'
import type { Config } from './config.ts'
import { systemClock as clock } from './core/clock.ts'
import { type SluiceError, toSluiceError } from './core/errors.ts'
import type { NoticeName, Notify } from './core/notices.ts'
import { type Conservation, conserve } from './core/outcome.ts'
import { type Received, TOPICS } from './core/record.ts'
import { makeUlids } from './core/ulid.ts'
import { connectRemote } from './customerio/http.ts'
import { replayDead, resumeReplays } from './delivery/replay.ts'
import { Delivery, GROUP } from './delivery/worker.ts'
import { createServer } from './http/server.ts'
import { Intake } from './ingest/accept.ts'
import { trackRoutes } from './ingest/routes.ts'
import { knowSources } from './ingest/sources.ts'
import type { Ledger } from './ledger/ledger.ts'
import { openSqliteLedger } from './ledger/sqlite.ts'
import { openSqlitePeople } from './people/sqlite.ts'
import { lockDirectory } from './sqlite/lock.ts'
import { LiveFeed } from './telemetry/feed.ts'
import { createLog } from './telemetry/log.ts'
import { createMetrics, type Metrics, registerGauges } from './telemetry/metrics.ts'
import { createNotify } from './telemetry/notify.ts'

export interface Gateway extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8246`. */
  readonly url: string
  readonly port: number
  /** Resolves when it cannot go on, such as after an error of the disk. */
  readonly failed: Promise<SluiceError>
  conservation(): Promise<Conservation>
  /** Answers and finishes what is under way, within the time that the configuration allows. */
  close(): Promise<void>
}

export interface GatewayOptions {
  readonly version?: string
  /** Told everything that is told to the log; for tests and embedders that wait for something to happen. */
  readonly onNotice?: Notify
  /** Where log lines go. Default: stderr. */
  readonly write?: (line: string) => void
}

const SAMPLE_MS = 1_000
const TRIM_MS = 60_000

/** Throws `data_dir_in_use`, `port_in_use`, `log_damaged`, `newer_format`. */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  await using opening = new AsyncDisposableStack()
  const metrics = createMetrics()
  const relief = new Relief()
  const notify = notifier(config, { ...options, relief }, metrics)
  const failure = Promise.withResolvers<SluiceError>()
  const onFatal = (thrown: unknown) => failure.resolve(toSluiceError(thrown))

  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  opening.use(lockDirectory(config.dataDir))
  const stores = await openStores(config, { notify, onFatal }, opening)
  const feed = new LiveFeed()
  const ulids = makeUlids()
  const intake = new Intake({ ...stores, clock, ulids, feed, notify })
  opening.defer(() => intake.idle())
  const delivery = config.roles.includes('delivery')
    ? await startDelivery(config, { ...stores, notify, feed, onFatal }, opening)
    : undefined

  const facts = new Facts(config, stores, delivery)
  const board = new Board({ version: options.version ?? '', env: config.env, roles: config.roles }, facts)
  registerGauges(metrics, {
    ...bound(facts),
    oldestAgeSeconds: async () => (await board.status()).backlog.oldest_age_s ?? 0,
  })
  every(SAMPLE_MS, () => board.sample(), opening)
  every(TRIM_MS, () => trim(config, stores), opening)
  every(SAMPLE_MS, () => relief.give(stores.bus), opening)

  const server = createServer({ clock, ulids })
  opening.defer(() => server.stop(config.shutdownMs))
  if (config.roles.includes('ingest')) {
    const nameSource = knowSources(config.sources)
    await server.app.register(
      trackRoutes({ intake, nameSource, region: config.region, publicReports: config.publicReports, notify }),
    )
  }
  await server.app.register(
    healthRoutes({ ready: async () => ready(server.stopping), metrics: metrics.registry }),
  )
  await server.app.register(
    adminRoutes({
      token: config.adminToken,
      remote: config.adminRemote,
      ledger: stores.ledger,
      bus: stores.bus,
      feed,
      status: () => board.status(),
      findPending: (id) => findPending(stores.bus, id),
      replay: async (ids) => (await replayDead({ ...stores, clock, notify }, ids)).length,
      drop: (ids) => stores.ledger.dead.drop(ids),
    }),
  )
  const { host, port } = await server.listen({ host: config.host, port: config.port })
  notify('gateway.started', { port, upstream: config.trackUrl })

  const running = opening.move()
  let closing: Promise<void> | undefined
  const close = () => (closing ??= stop(running, notify))
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    url,
    port,
    failed: failure.promise,
    conservation: () => facts.conservation(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Last in, first out: the server stops taking, delivery lands what flies, the stores close, the directory is free. */
async function stop(running: AsyncDisposableStack, notify: Notify): Promise<void> {
  notify('gateway.stopping')
  await running.disposeAsync()
  notify('gateway.stopped')
}

/** On a full log, what is settled goes before its time: room for what comes is worth more than the story of what went. */
class Relief {
  #wanted = false

  hear(name: NoticeName): void {
    if (name === 'bus.full') this.#wanted = true
  }

  async give(bus: SqliteBus): Promise<void> {
    if (this.#wanted && (await bus.trim(Number.POSITIVE_INFINITY)) > 0) this.#wanted = false
  }
}

interface NotifierOptions extends GatewayOptions {
  readonly relief: Relief
}

function notifier(config: Config, { onNotice, write, relief }: NotifierOptions, metrics: Metrics): Notify {
  const { logLevel: level, logFormat: format } = config
  const log = createLog({ level, format, write: write ?? ((line) => process.stderr.write(line)) })
  const notify = createNotify(log, metrics)
  return (name, fields) => {
    notify(name, fields)
    relief.hear(name)
    onNotice?.(name, fields)
  }
}

interface Stores {
  readonly bus: SqliteBus
  readonly ledger: Ledger
  readonly people: ReturnType<typeof openSqlitePeople>
}

interface Alarms {
  readonly notify: Notify
  readonly onFatal: (thrown: unknown) => void
}

async function openStores(config: Config, alarms: Alarms, opening: AsyncDisposableStack): Promise<Stores> {
  const { dataDir: directory, lanes, maxLogBytes, acceptLoss } = config
  const people = opening.use(openSqlitePeople({ directory }))
  const ledger = opening.use(await openSqliteLedger({ directory }))
  const bus = await openSqliteBus({
    directory,
    lanes,
    clock,
    ...alarms,
    ...(maxLogBytes === undefined ? {} : { maxBytes: maxLogBytes }),
    ...(acceptLoss === undefined ? {} : { acceptLoss }),
  })
  return { people, ledger, bus: opening.use(bus) }
}

interface DeliveryParts extends Stores, Alarms {
  readonly feed: LiveFeed
}

async function startDelivery(
  config: Config,
  parts: DeliveryParts,
  opening: AsyncDisposableStack,
): Promise<Delivery> {
  const { siteId = '', apiKey = '', trackUrl, concurrency } = config
  const remote = connectRemote({
    url: trackUrl,
    authorization: `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`,
    userAgent: 'Sluice',
    connections: concurrency,
    clock,
  })
  opening.use(remote)
  const random = Math.random
  const { ratePerSecond: ceiling, lingerMs, shutdownMs: drainMs } = config
  const delivery = new Delivery({ ...parts, remote, clock, random, ceiling, concurrency, lingerMs, drainMs })
  await resumeReplays({ ...parts, clock })
  await delivery.start()
  return opening.use(delivery)
}

/** What the status page, the metrics and the conservation figure are made of. */
class Facts {
  readonly #config: Config
  readonly #stores: Stores
  readonly #delivery: Delivery | undefined
  readonly now = () => clock.now()
  readonly mono = () => clock.mono()

  constructor(config: Config, stores: Stores, delivery: Delivery | undefined) {
    this.#config = config
    this.#stores = stores
    this.#delivery = delivery
  }

  async conservation(): Promise<Conservation> {
    const { bus, ledger } = this.#stores
    const [lag, counts] = await Promise.all([bus.lag(TOPICS.events, GROUP), ledger.counts()])
    return conserve({ ...lag, ...counts, recorded: this.#delivery?.state().recorded ?? 0 })
  }

  async oldestAt(): Promise<number | undefined> {
    return (await this.#stores.bus.lag(TOPICS.events, GROUP)).oldestAt
  }

  async dead() {
    const { ledger } = this.#stores
    const [groups, { replaying }] = await Promise.all([ledger.dead.groups(), ledger.counts()])
    return { waiting: groups.reduce((sum, { count }) => sum + count, 0), replaying }
  }

  log() {
    return { bytes: this.#stores.bus.bytes }
  }

  upstream(): Upstream {
    const { trackUrl: url, region, ratePerSecond } = this.#config
    const state = this.#delivery?.state()
    const last = state?.lastAttempt
    return {
      url,
      region,
      state: state?.breaker ?? 'paused',
      rate_per_s: state?.ratePerSecond ?? 0,
      ceiling_per_s: ratePerSecond,
      concurrency: state?.concurrency ?? 0,
      in_flight: state?.inFlight ?? 0,
      last_status: last?.status ?? null,
      ...(last && last.code !== 'ok' ? { last_error: last.code } : {}),
    }
  }
}

const bound = (facts: Facts) => ({
  conservation: () => facts.conservation(),
  upstream: () => facts.upstream(),
})

/** An outage at Customer.io is no reason: accepting is the job. */
const ready = (stopping: boolean) => ({ ready: !stopping, reasons: stopping ? ['stopping'] : [] })

/** How far `trace` looks into the backlog for an operation that has no outcome yet. */
const PENDING_LOOKED_AT = 200_000

async function findPending(bus: SqliteBus, id: string): Promise<Received | undefined> {
  const { positions } = await bus.lag(TOPICS.events, GROUP)
  let from = Math.min(...positions.values())
  for (let looked = 0; Number.isFinite(from) && looked < PENDING_LOOKED_AT; ) {
    const records = await bus.read(TOPICS.events, { from, limit: 1_000 })
    const found = records.find((record) => record.id === id)
    const last = records.at(-1)
    if (found || last === undefined) return found
    looked += records.length
    from = last.offset + 1
  }
  return undefined
}

async function trim({ retentionMs }: Config, { bus, ledger }: Stores): Promise<void> {
  const before = clock.now() - retentionMs
  await bus.trim(before)
  await ledger.trim(before)
}

/** Repeats a chore until the stack is disposed; a chore that fails is tried again at its next turn. */
function every(ms: number, chore: () => Promise<unknown>, opening: AsyncDisposableStack): void {
  const over = new AbortController()
  const run = async () => {
    for (;;) {
      await clock.sleep(ms, over.signal)
      if (over.signal.aborted) return
      await chore().catch(() => {})
    }
  }
  const running = run()
  opening.defer(async () => {
    over.abort()
    await running
  })
}
