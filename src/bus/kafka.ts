/**
 * The bus on a Kafka cluster: lanes are partitions, groups are consumer groups, and a record is durable when all in-sync
 * replicas have it. Written against what was measured of the client and the broker; docs/kafka.md says what follows.
 */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { type Notify, silent } from '../core/notices.ts'
import type { BusRecord, Received } from '../core/record.ts'
import type { Bus, Features, Lag, ReadRange, SubscribeOptions } from './bus.ts'
import type { KafkaCluster } from './kafka-client.ts'
import { lagOf, type Oldest } from './kafka-lag.ts'
import { Publisher } from './kafka-publisher.ts'
import { KafkaReader } from './kafka-reader.ts'
import { KafkaSubscription } from './kafka-subscription.ts'

export interface KafkaBusOptions {
  readonly cluster: KafkaCluster
  /** Before the names of topics and groups. Default: none. */
  readonly prefix?: string
  readonly clock: Clock
  readonly notify?: Notify
  /** How long a publication waits for its acknowledgement, milliseconds. Default 10,000. */
  readonly publishTimeoutMs?: number
  /** A process that is silent for so long loses its lanes to the others, milliseconds. Default 10,000. */
  readonly sessionMs?: number
  /** Default: a twelfth of the session. */
  readonly heartbeatMs?: number
  /** Lag without progress for so long starts the consumer anew, milliseconds. Default 30,000. */
  readonly stallMs?: number
}

export const KAFKA_FEATURES: Features = {
  name: 'kafka',
  persistent: true,
  rebalances: true,
  keepsSettledAbove: true, // as far as 4096 characters of metadata go: see kafka-position.ts
  shared: true,
}

/** Connects when it is first used; `publish`, `subscribe` and the others throw what is wrong with the cluster. */
export function openKafkaBus(options: KafkaBusOptions): Bus {
  return new KafkaBus(options)
}

class KafkaBus implements Bus {
  readonly features = KAFKA_FEATURES
  readonly #options: KafkaBusOptions
  readonly #notify: Notify
  readonly #reader: KafkaReader
  readonly #publisher: Publisher
  readonly #subscriptions = new Set<KafkaSubscription>()
  readonly #oldest = new Map<string, Oldest>()
  #closed = false

  constructor(options: KafkaBusOptions) {
    const { cluster, prefix = '', clock, notify = silent, publishTimeoutMs: timeoutMs = 10_000 } = options
    this.#options = options
    this.#notify = notify
    this.#reader = new KafkaReader(cluster, prefix)
    const resolve = (topic: string) => this.#reader.resolve(topic)
    this.#publisher = new Publisher({ cluster, resolve, timeoutMs, clock, notify })
  }

  async publish(topic: string, records: readonly BusRecord[]): Promise<void> {
    this.#assertOpen()
    if (records.length > 0) await this.#publisher.publish(topic, records)
  }

  async subscribe(topic: string, group: string, options: SubscribeOptions = {}): Promise<KafkaSubscription> {
    this.#assertOpen()
    try {
      return await this.#open(topic, group, options)
    } catch (thrown) {
      this.#assertOpen() // what it failed on is the end
      throw thrown
    }
  }

  async #open(topic: string, group: string, options: SubscribeOptions): Promise<KafkaSubscription> {
    const { cluster, clock, sessionMs = 10_000, stallMs = 30_000 } = this.#options
    const { heartbeatMs = Math.ceil(sessionMs / 12) } = this.#options
    const { lanes } = await this.#reader.resolve(topic)
    this.#assertOpen()
    const subscription = new KafkaSubscription({
      ...options,
      ...{ cluster, reader: this.#reader, topic, group, lanes, sessionMs, heartbeatMs, stallMs, clock },
      notify: this.#notify,
      onClose: (closed) => this.#subscriptions.delete(closed),
    })
    this.#subscriptions.add(subscription) // while it joins as well, which may take as long as Kafka is away
    try {
      await subscription.open()
    } catch (thrown) {
      await subscription[Symbol.asyncDispose]()
      throw thrown
    }
    return subscription
  }

  async lag(topic: string, group: string): Promise<Lag> {
    const key = `${group}/${topic}`
    const oldest = this.#oldest.get(key) ?? new Map()
    this.#oldest.set(key, oldest)
    const mine = [...this.#subscriptions].filter((one) => one.topic === topic && one.group === group)
    const held = mine.flatMap((subscription) => [...subscription.held.values()])
    return lagOf(this.#reader, { topic, group, held, oldest })
  }

  read(topic: string, range: ReadRange): Promise<Received[]> {
    return this.#reader.read(topic, range)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#publisher.close()
    for (const subscription of [...this.#subscriptions]) await subscription[Symbol.asyncDispose]()
    await this.#reader[Symbol.asyncDispose]()
  }

  #assertOpen(): void {
    if (this.#closed) throw new SluiceError('shutting_down', 'The bus is closed.')
  }
}
