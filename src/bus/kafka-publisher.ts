/**
 * Publishing: calls are gathered while a batch is under way, and leave together. One batch flies at a time, since a later
 * one could otherwise overtake an earlier one that is tried again, and people would lose their order.
 */
import { type MessageToProduce, Producer } from '@platformatic/kafka'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import { clientOptions, type KafkaCluster, toBusError } from './kafka-client.ts'
import { encodeRecord, sizeOfMessage } from './kafka-record.ts'
import { laneOf } from './lane.ts'

export interface PublisherOptions {
  readonly cluster: KafkaCluster
  /** The name of a topic on the cluster, and how many partitions it has. Throws `topic_missing`. */
  readonly resolve: (topic: string) => Promise<{ readonly name: string; readonly lanes: number }>
  /** How long a call waits for the acknowledgement, milliseconds. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly notify: Notify
}

/** A batch of one partition stays below message.max.bytes, 1,048,588 by default; a larger record travels alone. */
const MAX_PARTITION_BYTES = 1_000_000
/** Records in one flight: more make no batch cheaper, and the first of them would wait for the last. */
const MAX_RECORDS = 10_000
/** What may wait to be sent; beyond it calls are refused at once. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** One call of `publish`. */
interface Call {
  readonly deadline: number
  readonly done: PromiseWithResolvers<void>
  /** Records that are not acknowledged yet. */
  left: number
  failed: boolean
}

interface Parcel {
  readonly message: MessageToProduce
  readonly size: number
  readonly call: Call
}

export class Publisher {
  readonly #options: PublisherOptions
  readonly #flushed: (() => void)[] = []
  /** Calls whose topic is being looked up: they keep their place in the line. */
  #line: Promise<void> = Promise.resolve()
  #waiting: Parcel[] = []
  #waitingBytes = 0
  #flying = false
  #producer: Producer | undefined
  #closed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Resolves when all in-sync replicas have the records. Throws `bus_unavailable`, `topic_missing` and the like. */
  publish(topic: string, records: readonly BusRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new SluiceError('shutting_down', 'The bus is closed.'))
    if (this.#waitingBytes > MAX_WAITING_BYTES) return Promise.reject(overfull())
    const done = Promise.withResolvers<void>()
    const deadline = this.#options.clock.mono() + this.#options.timeoutMs
    const call: Call = { deadline, done, left: records.length, failed: false }
    this.#line = this.#line.then(() => this.#enter(call, topic, records))
    return done.promise
  }

  /** Waits for what is under way, within the bound that every call has, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#line
    if (this.#flying) await new Promise<void>((resolve) => this.#flushed.push(resolve))
    await this.#drop()
  }

  async #enter(call: Call, topic: string, records: readonly BusRecord[]): Promise<void> {
    if (call.deadline <= this.#options.clock.mono()) return fail(call, late('Nothing of it was sent.'))
    try {
      const { name, lanes } = await this.#options.resolve(topic)
      for (const record of records) {
        const message = encodeRecord(record, name, laneOf(record.key, lanes))
        const size = sizeOfMessage(message)
        this.#waiting.push({ message, size, call })
        this.#waitingBytes += size
      }
      if (!this.#flying) void this.#fly()
    } catch (thrown) {
      fail(call, toBusError(thrown, `Publishing to ${topic}`))
    }
  }

  async #fly(): Promise<void> {
    this.#flying = true
    while (this.#waiting.length > 0) {
      await Promise.resolve() // calls made in the same turn travel together
      const parcels = this.#load()
      if (parcels.length > 0) await this.#send(parcels)
    }
    this.#flying = false
    for (const flushed of this.#flushed.splice(0)) flushed()
  }

  /** Takes from the head of the line what fits into one flight; calls that have waited too long are told so. */
  #load(): Parcel[] {
    const now = this.#options.clock.mono()
    const sizes = new Map<string, number>()
    const parcels: Parcel[] = []
    let at = 0
    for (; at < this.#waiting.length && parcels.length < MAX_RECORDS; at += 1) {
      const parcel = this.#waiting[at]
      if (parcel === undefined) break
      if (parcel.call.deadline <= now) fail(parcel.call, late('Nothing of it was sent.'))
      if (parcel.call.failed) continue
      const { topic, partition } = parcel.message
      const size = sizes.get(`${topic}/${partition}`) ?? 0
      if (size > 0 && size + parcel.size > MAX_PARTITION_BYTES) break // later ones of it must not overtake
      sizes.set(`${topic}/${partition}`, size + parcel.size)
      parcels.push(parcel)
    }
    for (const { size } of this.#waiting.splice(0, at)) this.#waitingBytes -= size
    return parcels
  }

  async #send(parcels: readonly Parcel[]): Promise<void> {
    const deadline = Math.min(...parcels.map(({ call }) => call.deadline))
    const landed = new AbortController()
    try {
      const sending = this.#open().send({ messages: parcels.map(({ message }) => message) })
      const { clock } = this.#options
      const expired = clock.sleep(deadline - clock.mono(), landed.signal).then(() => 'late' as const)
      if ((await Promise.race([sending, expired])) === 'late') {
        sending.catch(() => {}) // it ends with the producer
        throw late('Whether it was stored is in doubt.')
      }
      for (const { call } of parcels) arrive(call)
    } catch (thrown) {
      await this.#refuse(parcels, toBusError(thrown, 'Publishing'))
    } finally {
      landed.abort()
    }
  }

  /** The producer goes with its batch: tried again later, that batch would come after what is said next. */
  async #refuse(parcels: readonly Parcel[], error: SluiceError): Promise<void> {
    if (error.code === 'bus_unavailable') this.#options.notify('bus.unreachable', { detail: error.message })
    for (const { call } of parcels) fail(call, error)
    await this.#drop()
  }

  #open(): Producer {
    if (this.#producer) return this.#producer
    // Idempotent: acks of all in-sync replicas, one request at a time, repeats deduped by the broker. Its own tries have
    // no end; the deadline of the call ends them.
    this.#producer = new Producer({ ...clientOptions(this.#options.cluster, true), idempotent: true })
    return this.#producer
  }

  async #drop(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    await producer?.close(true).catch(() => {})
  }
}

function arrive(call: Call): void {
  call.left -= 1
  if (call.left === 0 && !call.failed) call.done.resolve()
}

function fail(call: Call, error: SluiceError): void {
  call.failed = true
  call.done.reject(error)
}

const late = (what: string) =>
  new SluiceError('bus_unavailable', `Kafka has not acknowledged in time. ${what}`)

const overfull = () =>
  new SluiceError(
    'bus_unavailable',
    `More than ${MAX_WAITING_BYTES} bytes wait for Kafka. Nothing of this was sent.`,
  )
