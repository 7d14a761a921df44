/**
 * Publishing: calls are gathered while a batch is under way, and leave together. One batch flies at a time, since a later
 * one could otherwise overtake an earlier one that is tried again, and people would lose their order.
 */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import { within } from '../core/within.ts'
import { BatchWriter, type Sender, Tails } from './kafka-batch-writer.ts'
import { type KafkaCluster, toBusError } from './kafka-client.ts'
import { IdempotentProducer, type Load } from './kafka-producer.ts'
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
/** What may wait to be sent, in characters; beyond it calls are refused at once. */
const MAX_WAITING = 64 * 1024 * 1024

/** One call of `publish`. */
interface Call {
  readonly deadline: number
  readonly done: PromiseWithResolvers<void>
  /** Records that are not acknowledged yet. */
  left: number
  failed: boolean
}

/** A record on its way to a partition of a topic, by its name on the cluster. */
interface Parcel {
  readonly record: BusRecord
  readonly topic: string
  readonly partition: number
  readonly call: Call
}

/** What goes in one flight, and whose records they are: of each call how many. */
interface Flight {
  readonly loads: readonly Load[]
  readonly calls: ReadonlyMap<Call, number>
}

export class Publisher {
  readonly #options: PublisherOptions
  readonly #flushed: (() => void)[] = []
  /** Calls whose topic is being looked up: they keep their place in the line. */
  #line: Promise<void> = Promise.resolve()
  #waiting: Parcel[] = []
  #waitingSize = 0
  #flying = false
  #producer: IdempotentProducer | undefined
  /** As whom the next producer is to send. */
  #sender: Sender | undefined
  #closed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Resolves when all in-sync replicas have the records. Throws `bus_unavailable`, `topic_missing` and the like. */
  publish(topic: string, records: readonly BusRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new SluiceError('shutting_down', 'The bus is closed.'))
    if (this.#waitingSize > MAX_WAITING) return Promise.reject(overfull())
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
    await this.#producer?.close()
  }

  async #enter(call: Call, topic: string, records: readonly BusRecord[]): Promise<void> {
    if (call.deadline <= this.#options.clock.mono()) return fail(call, late('Nothing of it was sent.'))
    try {
      const { name, lanes } = await this.#options.resolve(topic)
      for (const record of records) {
        this.#waiting.push({ record, topic: name, partition: laneOf(record.key, lanes), call })
        this.#waitingSize += sizeOf(record)
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
      const flight = this.#load()
      if (flight.loads.length > 0) await this.#send(flight)
    }
    this.#flying = false
    for (const flushed of this.#flushed.splice(0)) flushed()
  }

  /** Takes from the head of the line what fits into one flight; calls that have waited too long are told so. */
  #load(): Flight {
    const now = this.#options.clock.mono()
    const hold = new Hold()
    const calls = new Map<Call, number>()
    let at = 0
    for (; at < this.#waiting.length && at < MAX_RECORDS; at += 1) {
      const parcel = this.#waiting[at]
      if (parcel === undefined) break
      const { record, call } = parcel
      if (call.deadline <= now) fail(call, late('Nothing of it was sent.'))
      if (call.failed) continue
      if (!hold.batchFor(parcel).add(record, MAX_PARTITION_BYTES)) break // later ones of it must not overtake
      calls.set(call, (calls.get(call) ?? 0) + 1)
    }
    for (const { record } of this.#waiting.splice(0, at)) this.#waitingSize -= sizeOf(record)
    return { loads: hold.loads, calls }
  }

  async #send({ loads, calls }: Flight): Promise<void> {
    const deadline = Math.min(...[...calls.keys()].map((call) => call.deadline))
    const { clock } = this.#options
    try {
      const sending = this.#open().send(loads) // what is late ends with the producer
      if (!(await within(clock, deadline - clock.mono(), sending)))
        await this.#refuse(calls.keys(), late('Whether it was stored is in doubt.'), this.#open().successor)
      else for (const [call, count] of calls) arrive(call, count)
    } catch (thrown) {
      await this.#refuse(calls.keys(), toBusError(thrown, 'Publishing'))
    }
  }

  /**
   * The producer goes with its batch: tried again later, that batch would come after what is said next. After an error that the
   * leader sent, the next one has a name of its own (`sender` is undefined): it may be the old one that is wrong.
   */
  async #refuse(calls: Iterable<Call>, error: SluiceError, sender?: Sender): Promise<void> {
    if (error.code === 'bus_unavailable') this.#options.notify('bus.unreachable', { detail: error.message })
    for (const call of calls) fail(call, error)
    const producer = this.#producer
    this.#producer = undefined
    this.#sender = sender
    await producer?.close()
  }

  /** Its own tries have no end; the deadline of the call ends them. */
  #open(): IdempotentProducer {
    this.#producer ??= new IdempotentProducer({ ...this.#options, sender: this.#sender })
    return this.#producer
  }
}

/** The loads of one flight, one for each partition that something goes to. */
class Hold {
  readonly loads: Load[] = []
  readonly #byTopic = new Map<string, BatchWriter[]>()
  readonly #tails = new Tails()

  batchFor({ topic, partition }: Parcel): BatchWriter {
    let batches = this.#byTopic.get(topic)
    if (batches === undefined) {
      batches = []
      this.#byTopic.set(topic, batches)
    }
    const known = batches[partition]
    if (known) return known
    const batch = new BatchWriter(this.#tails)
    batches[partition] = batch
    this.loads.push({ topic, partition, batch })
    return batch
  }
}

const sizeOf = ({ key, value }: BusRecord): number => key.length + value.length

function arrive(call: Call, count: number): void {
  call.left -= count
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
    `More than ${MAX_WAITING} characters wait for Kafka. Nothing of this was sent.`,
  )
