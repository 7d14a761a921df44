/**
 * Composition of the stores: which bus, ledger and people the configuration names, opened. Beside gateway.ts the only file
 * that names implementations.
 */
import { join } from 'node:path'
import { SENDS } from './admin/facts.ts'
import type { Bus } from './bus/bus.ts'
import { openSqliteBus } from './bus/sqlite.ts'
import type { SqliteBus } from './bus/sqlite-bus.ts'
import { clusterOf, planOf } from './cluster.ts'
import type { Config } from './config.ts'
import { SluiceError } from './core/errors.ts'
import type { Notify } from './core/notices.ts'
import { TOPICS } from './core/record.ts'
import { GROUP } from './delivery/replay.ts'
import { SharedPeople } from './ingest/links.ts'
import { linkOwed } from './ingest/owed-links.ts'
import { nameOf } from './ledger/name.ts'
import { openSqliteLedger } from './ledger/sqlite.ts'
import type { People } from './people/people.ts'
import { openSqlitePeople } from './people/sqlite.ts'
import type { Stores } from './surfaces.ts'
import type { World } from './world.ts'

export interface Surroundings {
  readonly world: World
  readonly notify: Notify
  readonly onFatal: (thrown: unknown) => void
}

/** What is opened here `opening` closes. The directory must be held. Throws `log_damaged`, `newer_format`, `topic_missing`. */
export async function openStores(
  config: Config,
  surroundings: Surroundings,
  opening: AsyncDisposableStack,
): Promise<Stores> {
  const { onFatal } = surroundings
  const { clock, ulids, disk, ownsProcess: threaded } = surroundings.world
  const directory = config.dataDir
  const turn = () => clock.sleep(0)
  const ledger = opening.use(await openSqliteLedger({ directory, disk, turn, onFatal, threaded }))
  if (config.bus === 'kafka') {
    const node = nameOf({ directory, disk, draw: () => ulids(clock.now()) })
    const bus = opening.use(await openClusterBus(config, surroundings))
    const people = opening.use(await openPeople(config, surroundings.world, bus))
    return { people, ledger, bus, log: undefined, node }
  }
  assertWhole(config, surroundings.world)
  const people = opening.use(openSqlitePeople({ directory, disk, onFatal }))
  const bus = opening.use(await openLocalBus(config, surroundings))
  await linkOwed(bus, people, surroundings.notify)
  return { people, ledger, bus, log: bus, node: undefined }
}

/** Files in a data directory whose log was moved to Kafka, or is being moved here: `sluice bus copy`. */
export const MOVED = 'moved'
export const COMING = 'coming'

/** Throws `conflict`: what is left of the log here is no longer all, or not yet. */
function assertWhole({ dataDir }: Config, { disk }: World): void {
  const found = [MOVED, COMING].find((name) => disk.exists(join(dataDir, name)))
  if (found === undefined) return
  const [said, hint] =
    found === MOVED
      ? ['was moved to Kafka', 'Start with SLUICE_BUS=kafka. For a new embedded log give another --data-dir.']
      : ['is not here as a whole yet', 'Finish "sluice bus copy --from kafka --to sqlite" first.']
  throw new SluiceError('conflict', `The log in ${dataDir} ${said}.`, { hint })
}

/** The embedded log of the data directory, which must be held. */
export async function openLocalBus(
  { dataDir: directory, lanes, maxLogBytes, acceptLoss }: Config,
  { world, ...alarms }: Surroundings,
): Promise<SqliteBus> {
  const { clock, disk } = world
  const bus = await openSqliteBus({
    directory,
    disk,
    lanes,
    clock,
    threaded: world.ownsProcess,
    ...alarms,
    ...(maxLogBytes === undefined ? {} : { maxBytes: maxLogBytes }),
    ...(acceptLoss === undefined ? {} : { acceptLoss }),
  })
  // These groups begin now, also where nothing delivers yet: a topic that nobody reads is trimmed by age alone.
  for (const { topic, group } of [SENDS, { topic: TOPICS.events, group: GROUP }])
    await (await bus.subscribe(topic, group))[Symbol.asyncDispose]()
  return bus
}

/** The client is loaded only where it is used. Throws `topic_missing`, `bus_unavailable`, `bus_unauthorized`. */
export async function openClusterBus(
  config: Config,
  { world: { clock }, notify }: Pick<Surroundings, 'world' | 'notify'>,
): Promise<Bus> {
  const [{ openKafkaBus }, { KafkaAdmin }] = await Promise.all([
    import('./bus/kafka.ts'),
    import('./bus/kafka-admin.ts'),
  ])
  const cluster = clusterOf(config)
  await using admin = new KafkaAdmin(cluster)
  await admin.describeTopics(planOf(config).map(({ name }) => name))
  const { kafkaPrefix: prefix = '', kafkaSessionMs: sessionMs } = config
  return openKafkaBus({ cluster, prefix, clock, notify, sessionMs })
}

/**
 * Who takes operations shares its picture of people with all who do; nobody else asks. The picture is made anew at every
 * start: what it learnt before might be a part of what there is.
 */
async function openPeople({ dataDir, roles }: Config, world: World, bus: Bus): Promise<People> {
  const { clock, ulids, disk } = world
  const directory = join(dataDir, 'links')
  if (!roles.includes('ingest')) return openSqlitePeople({ directory: dataDir, disk })
  disk.makeDirectory(directory)
  for (const end of ['', '-wal', '-shm']) disk.remove(join(directory, `people.db${end}`))
  const people = new SharedPeople({ bus, local: openSqlitePeople({ directory, disk }), clock, ulids })
  await people.follow()
  return people
}
