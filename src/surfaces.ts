/** What is talked to on one port: by applications, by operators, by monitors. */
import type { Registry } from 'prom-client'
import type { Board } from './admin/board.ts'
import type { Facts } from './admin/facts.ts'
import { healthRoutes } from './admin/health.ts'
import { adminRoutes } from './admin/routes.ts'
import type { Bus } from './bus/bus.ts'
import type { SqliteBus } from './bus/sqlite-bus.ts'
import type { Config } from './config.ts'
import type { Clock } from './core/clock.ts'
import type { SluiceError } from './core/errors.ts'
import type { Notify } from './core/notices.ts'
import type { Ulids } from './core/ulid.ts'
import { type AppRemote, connectApp } from './customerio/app.ts'
import { Turns } from './customerio/turns.ts'
import type { Replays } from './delivery/replay.ts'
import type { Delivery } from './delivery/worker.ts'
import { type Address, createServer, type Listen } from './http/server.ts'
import type { Intake } from './ingest/accept.ts'
import { trackErrorBody } from './ingest/answers.ts'
import type { Judge } from './ingest/judge.ts'
import { trackRoutes } from './ingest/routes.ts'
import { knowSources, knowWriters } from './ingest/sources.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { People } from './people/people.ts'
import { appErrorBody } from './relay/answers.ts'
import { knowCallers } from './relay/callers.ts'
import { relayRoutes } from './relay/routes.ts'
import type { LiveFeed } from './telemetry/feed.ts'

export interface Stores {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly people: People
  /** Undefined where the bus is elsewhere. */
  readonly log: LocalLog | undefined
  /** The name of this ledger, where other processes with ledgers of their own share the bus. */
  readonly node: string | undefined
}

/** What only a log on this machine has: its size, and room that can be made in it. */
export type LocalLog = Pick<SqliteBus, 'bytes' | 'lanes' | 'trim'>

/** What the surfaces show and call. */
export interface Surfaces {
  readonly config: Config
  readonly clock: Clock
  readonly ulids: Ulids
  readonly stores: Stores
  readonly intake: Intake
  readonly judge: Judge
  readonly replays: Replays
  readonly feed: LiveFeed
  readonly facts: Facts
  /** Undefined where this process does not deliver. */
  readonly delivery: Delivery | undefined
  readonly board: Board
  readonly metrics: Registry
  readonly notify: Notify
}

/** Resolves with where it can be reached; what it opened goes onto the stack. */
export type Serve = (surfaces: Surfaces, opening: AsyncDisposableStack) => Promise<Address>

/** Over HTTP; on a TCP socket unless another way to listen is given. Throws `port_in_use`. */
export const serveHttp =
  (listen?: Listen): Serve =>
  async (surfaces, opening) => {
    const { config, clock, ulids } = surfaces
    const server = createServer({ clock, ulids, errorBody, ...(listen === undefined ? {} : { listen }) })
    const remote = appRemote(config, opening) // closed after the server, which finishes what it has begun
    opening.defer(() => server.stop({ noticeMs: config.noticeMs, graceMs: config.shutdownMs }))
    if (config.roles.includes('ingest')) {
      await server.app.register(ingest(surfaces))
      await server.app.register(relay(surfaces, remote))
    }
    await server.app.register(
      healthRoutes({
        ready: async () => ready(server.stopping, surfaces.intake),
        metrics: surfaces.metrics,
      }),
    )
    await server.app.register(admin(surfaces))
    return server.listen({ host: config.host, port: config.port })
  }

/** In the shape of the API that has the path, for a request that never came to its route. */
const errorBody = (path: string, error: SluiceError): object | undefined =>
  trackErrorBody(path, error) ?? (path.startsWith('/v1/') ? appErrorBody(path, error) : undefined)

const ingest = ({ config, intake, judge, notify }: Surfaces) =>
  trackRoutes({
    intake,
    judge,
    nameSource: knowSources(config.sources),
    nameWriter: knowWriters(config.sources),
    region: config.region,
    publicReports: config.publicReports,
    notify,
  })

function appRemote({ appUrl: url, appApiKey: key, roles }: Config, opening: AsyncDisposableStack) {
  if (key === undefined || !roles.includes('ingest')) return undefined
  return opening.use(connectApp({ url, key }))
}

function relay({ config, clock, notify }: Surfaces, remote: AppRemote | undefined) {
  const callers = config.sources.flatMap(({ name, appKey: key }) =>
    key === undefined ? [] : [{ name, key }],
  )
  const { appApiKey: key } = config
  return relayRoutes({
    remote,
    turns: new Turns(clock, config.appPerSecond),
    nameCaller: knowCallers([...(key === undefined ? [] : [{ name: 'workspace', key }]), ...callers]),
    clock,
    production: config.env === 'production',
    notify,
  })
}

const admin = ({ config, stores, replays, feed, facts, delivery, board }: Surfaces) =>
  adminRoutes({
    token: config.adminToken,
    remote: config.adminRemote,
    ledger: stores.ledger,
    people: stores.people,
    bus: stores.bus,
    feed,
    status: () => board.status(),
    busReport: () => facts.report(),
    findPending: (id) => facts.findPending(id),
    attemptsOf: (id) => delivery?.attemptsOf(id) ?? [],
    replay: async (ids) => (await replays.start(ids)).length,
    drop: (ids) => stores.ledger.dead.drop(ids),
  })

/** An outage at Customer.io is no reason: accepting is the job. That nothing can be stored is one. */
function ready(stopping: boolean, { refusing }: Pick<Intake, 'refusing'>) {
  const reasons = [...(stopping ? ['stopping'] : []), ...(refusing === undefined ? [] : [refusing])]
  return { ready: reasons.length === 0, reasons }
}
