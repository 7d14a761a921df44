/** What an operator does with the topics on a cluster: create them, look at them, and see how far the groups are. */
import { Admin, ConfigResourceTypes, findErrorBy } from '@platformatic/kafka'
import { type Clock, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { clientOptions, type KafkaCluster, RETRY_MS, toBusError } from './kafka-client.ts'

export interface TopicPlan {
  /** With the prefix. */
  readonly name: string
  readonly partitions: number
  /** Copies of each partition; -1 takes the default of the cluster. */
  readonly replicas: number
  /** How long records are kept, milliseconds; -1 for ever. */
  readonly retentionMs: number
  /** Keeps the last record of every key instead. Never for topics whose records are all needed. */
  readonly compact?: boolean
}

export interface TopicState {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  /** The least number of copies that are in sync, over the partitions. */
  readonly inSync: number
  readonly retentionMs: number
  readonly compact: boolean
  readonly minInSync: number
}

export interface Ensured {
  readonly created: readonly string[]
  readonly existed: readonly string[]
}

const RETRIES = 3
/** A broker knows of a topic some time after it was created: at once mostly, after seconds on a machine under load. */
const KNOWN_MS = 15_000

export class KafkaAdmin implements AsyncDisposable {
  readonly #admin: Admin
  readonly #clock: Clock

  constructor(cluster: KafkaCluster, clock: Clock = systemClock) {
    this.#admin = new Admin(clientOptions(cluster, RETRIES))
    this.#clock = clock
  }

  /**
   * Creates what is missing and leaves what is there as it is. Resolves when the cluster knows of it all. Throws `conflict` when a topic has another number of
   * partitions than planned, since keys would be ordered in other lanes than elsewhere.
   */
  async ensureTopics(plans: readonly TopicPlan[]): Promise<Ensured> {
    const there = new Set(await this.#call('Listing the topics', () => this.#admin.listTopics({})))
    const missing = plans.filter(({ name }) => !there.has(name))
    const made = await Promise.all(missing.map((plan) => this.#create(plan)))
    const existing = plans.filter(({ name }) => there.has(name))
    for (const state of await this.describeTopics(existing.map(({ name }) => name))) {
      const planned = existing.find(({ name }) => name === state.name)?.partitions
      if (planned !== undefined && planned !== state.partitions)
        throw new SluiceError(
          'conflict',
          `The topic ${state.name} has ${state.partitions} partitions, and ${planned} were asked for.`,
          { details: { topic: state.name, partitions: state.partitions, wanted: planned } },
        )
    }
    await this.#known(missing.map(({ name }) => name))
    const created = missing.filter((_, n) => made[n]).map(({ name }) => name)
    return { created, existed: plans.map(({ name }) => name).filter((name) => !created.includes(name)) }
  }

  async #known(names: readonly string[]): Promise<void> {
    const deadline = this.#clock.mono() + KNOWN_MS
    const isNews = (thrown: unknown) => thrown instanceof SluiceError && thrown.code === 'topic_missing'
    for (;;)
      try {
        await this.describeTopics(names)
        return
      } catch (thrown) {
        if (!isNews(thrown) || this.#clock.mono() > deadline) throw thrown
        await this.#clock.sleep(RETRY_MS)
      }
  }

  /** Throws `topic_missing` when one of them does not exist. */
  async describeTopics(names: readonly string[]): Promise<TopicState[]> {
    if (names.length === 0) return []
    const about = `Asking for ${names.join(', ')}`
    const metadata = await this.#call(about, () =>
      this.#admin.metadata({ topics: [...names], forceUpdate: true }),
    )
    const resources = names.map((resourceName) => ({ resourceType: ConfigResourceTypes.TOPIC, resourceName }))
    const described = await this.#call(about, () => this.#admin.describeConfigs({ resources }))
    return names.map((name) => {
      const partitions = metadata.topics.get(name)?.partitions ?? []
      const configs = described.find(({ resourceName }) => resourceName === name)?.configs ?? []
      const config = (key: string) => configs.find((entry) => entry.name === key)?.value ?? ''
      return {
        name,
        partitions: partitions.length,
        replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
        inSync: Math.min(...partitions.map(({ isr }) => isr.length)),
        retentionMs: Number(config('retention.ms')),
        compact: config('cleanup.policy').includes('compact'),
        minInSync: Number(config('min.insync.replicas')),
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close().catch(() => {})
  }

  /** False when it is there: a list may lag behind, and a broker that answers too late has created it all the same. */
  async #create({ name, partitions, replicas, retentionMs, compact }: TopicPlan): Promise<boolean> {
    const configs = [
      { name: 'retention.ms', value: String(retentionMs) },
      { name: 'cleanup.policy', value: compact ? 'compact' : 'delete' },
    ]
    const wanted = { topics: [name], partitions, replicas, configs }
    return this.#call(`Creating the topic ${name}`, () =>
      this.#admin.createTopics(wanted).then(
        () => true,
        (thrown: Error) => {
          if (findErrorBy(thrown, 'apiId', 'TOPIC_ALREADY_EXISTS')) return false
          throw thrown
        },
      ),
    )
  }

  async #call<T>(about: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      throw toBusError(thrown, about)
    }
  }
}
