/**
 * Composition for the commands that look after the bus itself: no gateway runs in these, and where one must not run beside
 * them the data directory is held.
 */
import { localTopics, type Reader, reportOn } from './admin/bus-report.ts'
import { SENDS } from './admin/facts.ts'
import type { BusReport, TopicInfo } from './admin/wire.ts'
import type { Bus } from './bus/bus.ts'
import { clusterOf, planOf } from './cluster.ts'
import type { Config } from './config.ts'
import type { Notify } from './core/notices.ts'
import { TOPICS } from './core/record.ts'
import { GROUP } from './delivery/replay.ts'
import { INTAKE_GROUP, INTAKE_TOPICS } from './ingest/topics.ts'
import { lockDirectory } from './sqlite/lock.ts'
import { openClusterBus, openLocalBus } from './stores.ts'
import { realWorld } from './world.ts'

/** Who reads what, but for replays on a shared bus, which every process reads for itself. */
export const READERS: readonly Reader[] = [
  { topic: TOPICS.events, group: GROUP },
  ...INTAKE_TOPICS.map((topic) => ({ topic, group: INTAKE_GROUP })),
  SENDS,
]

export interface Made {
  readonly created: readonly string[]
  readonly existed: readonly string[]
}

/** The names of the topics that would be made, and are needed. */
export const topicNames = (config: Config): string[] => planOf(config).map(({ name }) => name)

/** Creates the topics that are missing on the cluster. Throws `conflict` where one has other partitions. */
export async function makeTopics(config: Config): Promise<Made> {
  await using admin = await openAdmin(config)
  return await admin.ensureTopics(planOf(config)) // before it is closed
}

/** As they are on the cluster. Throws `topic_missing`. */
export async function describeTopics(config: Config): Promise<TopicInfo[]> {
  await using admin = await openAdmin(config)
  const states = await admin.describeTopics(topicNames(config))
  return states.map(({ name, partitions, replicas, inSync, minInSync, retentionMs, compact }) => ({
    topic: name,
    lanes: partitions,
    replicas,
    in_sync: inSync,
    min_in_sync: minInSync,
    retention_s: retentionMs < 0 ? null : retentionMs / 1000,
    compacted: compact,
  }))
}

/** The topics and groups of the bus that the settings name. An embedded log must not be in use: throws `data_dir_in_use`. */
export async function lookAtBus(config: Config): Promise<BusReport> {
  await using opening = new AsyncDisposableStack()
  const { bus, topics } = await openBus(config, opening)
  return await reportOn(bus, READERS, topics) // before it is closed
}

async function openBus(
  config: Config,
  opening: AsyncDisposableStack,
): Promise<{ bus: Bus; topics: readonly TopicInfo[] }> {
  if (config.bus === 'kafka') {
    const topics = await describeTopics(config)
    return { bus: opening.use(await openClusterBus(config, { world: realWorld(), notify: unheard })), topics }
  }
  const bus = await holdLocalBus(config, opening)
  return { bus, topics: localTopics(bus.lanes) }
}

/** The embedded log, and with it the data directory, for this process alone. Throws `data_dir_in_use`. */
export async function holdLocalBus(config: Config, opening: AsyncDisposableStack) {
  const world = realWorld()
  opening.use(lockDirectory(config.dataDir, world.disk))
  const onFatal = (thrown: unknown) => Promise.reject(thrown)
  return opening.use(await openLocalBus(config, { world, notify: unheard, onFatal }))
}

/** Nothing runs here that an operator watches. */
export const unheard: Notify = () => {}

async function openAdmin(config: Config) {
  const { KafkaAdmin } = await import('./bus/kafka-admin.ts')
  return new KafkaAdmin(clusterOf(config))
}
