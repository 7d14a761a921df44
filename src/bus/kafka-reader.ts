/** What there is on the cluster, asked without joining a group: partitions, their ends, how far a group is, and records. */
import { Admin, Consumer } from '@platformatic/kafka'
import { SluiceError } from '../core/errors.ts'
import type { Received } from '../core/record.ts'
import type { ReadRange } from './bus.ts'
import { RecordCalls } from './kafka-calls.ts'
import { clientOptions, type KafkaCluster, toBusError } from './kafka-client.ts'
import { byNode, type Fetched, type FetchLimits, fetchFrom, targetOf, type Want } from './kafka-fetch.ts'
import { decodePosition } from './kafka-position.ts'
import { RecordReader } from './kafka-record.ts'
import type { Saved } from './progress.ts'

export interface TopicOnCluster {
  /** With the prefix. */
  readonly name: string
  readonly lanes: number
}

/** Tries after the first, a quarter of a second apart: who asks would rather know than wait. */
const RETRIES = 3
const LIMITS = { waitMs: 0, laneBytes: 1024 * 1024, maxBytes: 8 * 1024 * 1024 }
/** A broker sends one batch whole however little is asked for: this asks for no more than that one. */
const ONE_BATCH = { ...LIMITS, laneBytes: 1 }
const LATEST = -1n
const EARLIEST = -2n

export class KafkaReader implements AsyncDisposable {
  readonly #prefix: string
  readonly #consumer: Consumer
  readonly #admin: Admin
  readonly #calls: RecordCalls
  readonly #topics = new Map<string, Promise<TopicOnCluster>>()

  constructor(cluster: KafkaCluster, prefix: string) {
    this.#prefix = prefix
    this.#consumer = new Consumer({ ...clientOptions(cluster, RETRIES), groupId: `${prefix}sluice` })
    this.#calls = new RecordCalls(this.#consumer)
    this.#admin = new Admin(clientOptions(cluster, RETRIES))
  }

  get admin(): Admin {
    return this.#admin
  }

  /** The group on the cluster: one for each topic, so that the members of a group share one topic and no other. */
  groupId(topic: string, group: string): string {
    return `${this.#prefix}sluice.${group}.${topic}`
  }

  nameOf(topic: string): string {
    return this.#prefix + topic
  }

  /** The number of partitions is asked once: it must not change while keys depend on it. Throws `topic_missing`. */
  resolve(topic: string): Promise<TopicOnCluster> {
    const known = this.#topics.get(topic)
    if (known) return known
    const asked = this.#ask(this.#prefix + topic)
    this.#topics.set(topic, asked)
    asked.catch(() => this.#topics.delete(topic))
    return asked
  }

  async ends(topic: string): Promise<number[]> {
    return this.#offsets(topic, LATEST)
  }

  async starts(topic: string): Promise<number[]> {
    return this.#offsets(topic, EARLIEST)
  }

  /** Of every lane in which the group has settled anything. */
  async committed(topic: string, group: string): Promise<Map<number, Saved>> {
    const { name, lanes } = await this.resolve(topic)
    const groupId = this.groupId(topic, group)
    const partitionIndexes = Array.from({ length: lanes }, (_, lane) => lane)
    const wanted = { groups: [{ groupId, topics: [{ name, partitionIndexes }] }] }
    const found = await this.#admin.listConsumerGroupOffsets(wanted).catch((thrown) => {
      throw toBusError(thrown, `Asking how far the group ${groupId} is`)
    })
    const saved = new Map<number, Saved>()
    for (const { partitionIndex, committedOffset, metadata } of found[0]?.topics[0]?.partitions ?? [])
      if (committedOffset >= 0n) {
        const committed = { offset: Number(committedOffset), metadata: metadata ?? '' }
        saved.set(partitionIndex, decodePosition(committed))
      }
    return saved
  }

  async read(topic: string, { lane, from, limit }: ReadRange): Promise<Received[]> {
    const { lanes } = await this.resolve(topic)
    const [starts, ends] = await Promise.all([this.starts(topic), this.ends(topic)])
    const found: Received[] = []
    const wanted = lane === undefined ? Array.from({ length: lanes }, (_, index) => index) : [lane]
    for (const at of wanted) {
      const end = ends[at] ?? 0
      for (let next = Math.max(from, starts[at] ?? 0); next < end && found.length < limit; ) {
        const { records, to } = await this.recordsAt(topic, { lane: at, offset: next })
        found.push(...records.slice(0, limit - found.length))
        next = to ?? end
      }
    }
    return found
  }

  /** The records from this offset on, as many as one fetch brings, and how far that went; nowhere when nothing is there. */
  async recordsAt(topic: string, want: Want): Promise<{ records: Received[]; to: number | undefined }> {
    const fetched = await this.#fetch(topic, want)
    const last = fetched?.batches.at(-1)
    if (fetched === undefined || last === undefined) return { records: [], to: undefined }
    return { records: recordsOf(fetched, topic), to: last.end }
  }

  /** When the first record from this offset on was received; undefined when there is none. Costs one batch, as a rule. */
  async receivedAt(topic: string, { lane, offset: from }: Want): Promise<number | undefined> {
    for (let offset = from; ; ) {
      const fetched = await this.#fetch(topic, { lane, offset }, ONE_BATCH)
      const last = fetched?.batches.at(-1)
      if (fetched === undefined || last === undefined) return undefined
      const [record] = recordsOf(fetched, topic, 1)
      if (record !== undefined) return record.at
      offset = last.end // a mark of a transaction, or what compaction has left of a batch
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#consumer.close(true), this.#admin.close()]).catch(() => {})
  }

  async #ask(name: string): Promise<TopicOnCluster> {
    try {
      const metadata = await this.#consumer.metadata({ topics: [name] })
      const lanes = metadata.topics.get(name)?.partitionsCount ?? 0
      if (lanes === 0) throw new SluiceError('topic_missing', `The topic ${name} has no partitions.`)
      this.#consumer.topics.track(name)
      return { name, lanes }
    } catch (thrown) {
      throw toBusError(thrown, `Asking for the topic ${name}`)
    }
  }

  async #offsets(topic: string, timestamp: bigint): Promise<number[]> {
    const { name } = await this.resolve(topic)
    const offsets = await this.#consumer.listOffsets({ topics: [name], timestamp }).catch((thrown) => {
      this.#consumer.clearMetadata() // a restarted broker may have said more than it knows itself yet
      throw toBusError(thrown, `Asking for the ends of ${name}`)
    })
    return (offsets.get(name) ?? []).map(Number)
  }

  /** Once more where it fails: what is remembered of who leads the lane may be out of date. */
  async #fetch(topic: string, want: Want, limits: FetchLimits = LIMITS): Promise<Fetched | undefined> {
    const { name } = await this.resolve(topic)
    const fetch = () => this.#fetchOnce(name, want, limits)
    return fetch()
      .catch(fetch)
      .catch((thrown) => {
        throw toBusError(thrown, `Reading ${topic}`)
      })
  }

  async #fetchOnce(name: string, want: Want, limits: FetchLimits): Promise<Fetched | undefined> {
    try {
      const target = await targetOf(this.#consumer, name)
      const [[node, wants] = [-1, []]] = byNode([want], target)
      const [fetched] = await fetchFrom(this.#calls, node, { target, wants, limits })
      if (fetched?.failure) throw fetched.failure
      return fetched
    } catch (thrown) {
      this.#consumer.clearMetadata()
      throw thrown
    }
  }
}

/** Only what was asked for: a batch is kept and sent whole, and may begin before the offset. */
function recordsOf({ lane, from, batches }: Fetched, topic: string, most = Infinity): Received[] {
  const found: Received[] = []
  for (const batch of batches) {
    const reader = new RecordReader(batch, { topic, lane, epoch: 0 })
    while (found.length < most && reader.next()) if (reader.offset >= from) found.push(reader.take())
  }
  return found
}
