/**
 * Composition of the stores: which bus, ledger and people the configuration names, opened. Beside gateway.ts the only file
 * that names implementations.
 */
import { join } from 'node:path'
import { SENDS } from './admin/facts.ts'
import type { Bus } from './bus/bus.ts'
import type { KafkaCluster } from './bus/kafka-client.ts'
import { planTopics } from './bus/kafka-plan.ts'
import { openSqliteBus, type SqliteBus } from './bus/sqlite.ts'
import type { Config } from './config.ts'
import { SluiceError } from './core/errors.ts'
import type { Notify } from './core/notices.ts'
import { SharedPeople } from './ingest/links.ts'
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
  const { clock, disk } = surroundings.world
  const directory = config.dataDir
  const ledger = opening.use(await openSqliteLedger({ directory, disk, turn: () => clock.sleep(0) }))
  if (config.bus === 'kafka') {
    const bus = opening.use(await openClusterBus(config, surroundings))
    const people = opening.use(await openSharedPeople(config, surroundings.world, bus))
    return { people, ledger, bus, log: undefined, node: nodeOf(directory, surroundings.world) }
  }
  const people = opening.use(openSqlitePeople({ directory, disk }))
  const bus = opening.use(await openLocalBus(config, surroundings))
  return { people, ledger, bus, log: bus, node: undefined }
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
  // The group of the sends begins now: a topic that nobody reads is trimmed by age alone.
  const holder = await bus.subscribe(SENDS.topic, SENDS.group)
  await holder[Symbol.asyncDispose]()
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

/** The picture of a process is made anew at every start: what it learnt before might be a part of what there is. */
async function openSharedPeople({ dataDir }: Config, world: World, bus: Bus): Promise<People> {
  const { clock, ulids, disk } = world
  const directory = join(dataDir, 'links')
  disk.makeDirectory(directory)
  for (const end of ['', '-wal', '-shm']) disk.remove(join(directory, `people.db${end}`))
  const people = new SharedPeople({ bus, local: openSqlitePeople({ directory, disk }), clock, ulids })
  await people.follow()
  return people
}

/** A name that the data directory keeps, as its ledger does. */
function nodeOf(dataDir: string, { disk, ulids, clock }: World): string {
  const file = disk.syncedFile(join(dataDir, 'node'))
  try {
    if (file.size === 0) file.write(0, Buffer.from(ulids(clock.now())))
    return file.read(0, file.size).toString()
  } finally {
    file.close()
  }
}

export const planOf = ({
  kafkaPrefix: prefix = '',
  lanes,
  kafkaReplication: replicas = -1,
  kafkaRetentionMs,
}: Config) => planTopics({ prefix, lanes, replicas, retentionMs: kafkaRetentionMs })

/** Throws `bad_config`, naming what is missing. */
export function clusterOf(config: Config): KafkaCluster {
  const { kafkaBrokers: brokers, kafkaSaslUsername: username, kafkaSaslPassword: password } = config
  if (brokers === undefined) throw new SluiceError('bad_config', 'SLUICE_KAFKA_BROKERS is not set.')
  if ((username === undefined) !== (password === undefined))
    throw new SluiceError(
      'bad_config',
      'SLUICE_KAFKA_SASL_USERNAME and SLUICE_KAFKA_SASL_PASSWORD go together.',
    )
  if ((config.kafkaCert === undefined) !== (config.kafkaKey === undefined))
    throw new SluiceError('bad_config', 'SLUICE_KAFKA_CERT and SLUICE_KAFKA_KEY go together.')
  const login = username !== undefined &&
    password !== undefined && { mechanism: config.kafkaSaslMechanism, username, password }
  return { brokers, ...(login ? { sasl: login } : {}), ...(config.kafkaTls ? { tls: tlsOf(config) } : {}) }
}

const tlsOf = ({ kafkaCa: ca, kafkaCert: cert, kafkaKey: key }: Config) => ({
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
})
