/**
 * Composition: configuration in, running gateway out. Read from top to bottom it is the architecture in code, and it is the
 * only file that names implementations.
 */
import { Board } from './admin/board.ts'
import { Facts } from './admin/facts.ts'
import type { Bus } from './bus/bus.ts'
import { type Chore, Relief, repeat, trim } from './chores.ts'
import type { Config } from './config.ts'
import type { Clock } from './core/clock.ts'
import { type SluiceError, toSluiceError } from './core/errors.ts'
import type { Notify } from './core/notices.ts'
import type { Conservation } from './core/outcome.ts'
import type { Sizes } from './delivery/options.ts'
import { GROUP, Replays } from './delivery/replay.ts'
import { Delivery } from './delivery/worker.ts'
import { Intake } from './ingest/accept.ts'
import { Judge } from './ingest/judge.ts'
import { adopt, type Message } from './ingest/strangers.ts'
import { INTAKE_GROUP, INTAKE_TOPICS, TopicIntake, writeMessages } from './ingest/topics.ts'
import { policiesWith } from './preflight/rules.ts'
import { requireDescriptors } from './sqlite/descriptors.ts'
import { lockDirectory } from './sqlite/lock.ts'
import { openStores, type Surroundings } from './stores.ts'
import type { Stores } from './surfaces.ts'
import { LiveFeed } from './telemetry/feed.ts'
import { createLog, toStderr } from './telemetry/log.ts'
import { createMetrics, type Metrics, registerGauges } from './telemetry/metrics.ts'
import { createNotify } from './telemetry/notify.ts'
import { realWorld, type World } from './world.ts'

export interface Gateway extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8246`. */
  readonly url: string
  readonly port: number
  /** Resolves when it cannot go on, such as after an error of the disk. */
  readonly failed: Promise<SluiceError>
  /** Resolves when what the last process had ended is known, which reading a part of the backlog tells. */
  conservation(): Promise<Conservation>
  /**
   * Writes to a topic as a producer does, such as the reference envelope to `customerio.track`. Resolves when it is durable.
   * Throws `bad_request` for a topic that takes no messages, `storage_full`.
   */
  publish(topic: string, messages: readonly Message[]): Promise<void>
  /** Answers and finishes what is under way, within the time that the configuration allows. */
  close(): Promise<void>
}

export interface GatewayOptions {
  readonly version?: string
  /** Told everything that is told to the log; for tests and embedders that wait for something to happen. */
  readonly onNotice?: Notify
  /** Where log lines go. Default: stderr. */
  readonly write?: (line: string) => void
  /** Clock, chance, disk and network. Default: the real ones. */
  readonly world?: World
  /** Of the delivery stage: the most held in memory and in one batch. */
  readonly sizes?: Partial<Sizes>
  /** Puts something between the stages and the bus: the proofs plant their faults there (verify/faults.ts). */
  readonly aroundBus?: (real: Bus) => Bus
}

const SAMPLE_MS = 1_000
const TRIM_MS = 60_000

/** Throws `data_dir_in_use`, `port_in_use`, `bad_config`, `too_many_files`, `log_damaged`, `newer_format`. */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  await using opening = new AsyncDisposableStack()
  const { world = realWorld() } = options
  const { clock, ulids, disk } = world
  const metrics = createMetrics(world.ownsProcess)
  const relief = new Relief()
  const notify = notifier(config, { ...options, clock, relief }, metrics)
  const failure = Promise.withResolvers<SluiceError>()
  const onFatal = (thrown: unknown) => failure.resolve(toSluiceError(thrown))

  if (world.ownsProcess) requireDescriptors()
  opening.use(lockDirectory(config.dataDir, disk))
  const stores = await openStores(config, { world, notify, onFatal }, opening)
  const bus = options.aroundBus?.(stores.bus) ?? stores.bus
  const sizes = options.sizes ?? {}
  const stages = await startStages(config, { ...stores, bus, world, notify, onFatal, sizes }, opening)
  const sights = observe(config, { version: options.version ?? '', world, stores, metrics, ...stages })
  const every = (ms: number, chore: Chore) => opening.defer(repeat(clock, ms, chore))
  every(SAMPLE_MS, () => sights.board.sample())
  every(SAMPLE_MS, (over) => relief.give(stores.log, over))
  every(SAMPLE_MS, () => stages.replays.catchUp())
  every(TRIM_MS, (over) => trim(stores, clock.now() - config.retentionMs, over))

  const surfaces = { config, clock, ulids, stores, metrics: metrics.registry, notify, ...stages, ...sights }
  const { host, port } = await world.serve(surfaces, opening)
  notify('gateway.started', { port, upstream: config.trackUrl })
  // After the port is open: a backlog is no reason to let those wait who have something to say. On a cluster that is away this
  // takes as long as that, and what goes wrong meanwhile must be heard.
  await Promise.race([stages.delivery?.start().catch(onFatal), failure.promise])

  const running = opening.move()
  let closing: Promise<void> | undefined
  const close = () => (closing ??= stop(running, notify))
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    url,
    port,
    failed: failure.promise,
    conservation: () => sights.facts.conservation(),
    publish: (topic, messages) => writeMessages({ ...stores, clock }, topic, messages),
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface StageParts extends Stores, Surroundings {
  readonly sizes: Partial<Sizes>
}

interface Stages {
  readonly judge: Judge
  readonly intake: Intake
  readonly replays: Replays
  readonly feed: LiveFeed
  /** Undefined where this process does not deliver. */
  readonly delivery: Delivery | undefined
}

/** The stages that the roles of this process name, around the one bus. */
async function startStages(
  config: Config,
  parts: StageParts,
  opening: AsyncDisposableStack,
): Promise<Stages> {
  const { clock, ulids } = parts.world
  const feed = new LiveFeed()
  const judge = new Judge({ policies: policiesWith(config.preflight), clock, notify: parts.notify })
  const intake = new Intake({ ...parts, clock, ulids, feed })
  opening.defer(() => intake.idle())
  if (config.roles.includes('ingest'))
    await opening.use(new TopicIntake({ ...parts, judge, intake, clock })).start()
  const replays = new Replays({ ...parts, clock })
  const delivery = config.roles.includes('delivery')
    ? makeDelivery(config, { ...parts, judge, feed }, opening)
    : undefined
  if (delivery) await replays.resume()
  return { judge, intake, replays, feed, delivery }
}

interface Observed {
  readonly version: string
  readonly world: World
  readonly stores: Stores
  readonly metrics: Metrics
  readonly delivery: Delivery | undefined
}

/** What can be known from outside: the figures, the status page made of them, and the gauges. */
function observe(config: Config, { version, world, stores, metrics, delivery }: Observed) {
  const { clock } = world
  const facts = new Facts({
    ...stores,
    group: GROUP,
    inbox: INTAKE_TOPICS.map((topic) => ({ topic, group: INTAKE_GROUP })),
    delivery: () => delivery?.state(),
    recovered: delivery?.recovered ?? Promise.resolve(),
    upstream: upstreamOf(config),
  })
  const board = new Board(
    { version, env: config.env, roles: config.roles },
    { ...facts.sources(), now: () => clock.now(), mono: () => clock.mono() },
  )
  const oldestAgeSeconds = async () => (await board.oldestAgeSeconds()) ?? 0
  registerGauges(metrics, { ...facts.sources(), oldestAgeSeconds }, clock)
  return { facts, board }
}

/** Last in, first out: the server stops taking, delivery lands what flies, the stores close, the directory is free. */
async function stop(running: AsyncDisposableStack, notify: Notify): Promise<void> {
  notify('gateway.stopping')
  await running.disposeAsync()
  notify('gateway.stopped')
}

interface NotifierOptions extends GatewayOptions {
  readonly clock: Clock
  readonly relief: Relief
}

function notifier(config: Config, options: NotifierOptions, metrics: Metrics): Notify {
  const { onNotice, write, clock, relief } = options
  const { logLevel: level, logFormat: format } = config
  const log = createLog({ level, format, write: write ?? toStderr })
  const notify = createNotify(log, metrics, clock)
  return (name, fields) => {
    notify(name, fields)
    relief.hear(name)
    onNotice?.(name, fields)
  }
}

interface DeliveryParts extends StageParts {
  readonly judge: Judge
  readonly feed: LiveFeed
}

function makeDelivery(
  config: Config,
  { world, ...parts }: DeliveryParts,
  opening: AsyncDisposableStack,
): Delivery {
  const { siteId = '', apiKey = '', trackUrl, concurrency } = config
  const { clock, random } = world
  const remote = world.connect({
    url: trackUrl,
    authorization: `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`,
    userAgent: 'Sluice',
    connections: concurrency,
    clock,
  })
  opening.use(remote)
  const { ratePerSecond: ceiling, lingerMs, shutdownMs: drainMs } = config
  // Before it starts: what a start that fails has begun must end as well, or the process stays.
  return opening.use(
    new Delivery({
      ...parts,
      remote,
      clock,
      random,
      ceiling,
      concurrency,
      lingerMs,
      drainMs,
      adopt: (record) => adopt(record, parts.judge),
      policies: policiesWith(config.preflight),
    }),
  )
}

const upstreamOf = ({ trackUrl: url, region, ratePerSecond: ceiling }: Config) => ({ url, region, ceiling })
