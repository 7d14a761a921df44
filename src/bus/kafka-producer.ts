/**
 * Brings batches to the leaders of their partitions, again and again until they are acknowledged. Each has a number in the
 * order of its partition, by which the broker takes it once and refuses one that would come out of order.
 */
import { Base, findErrorBy, initProducerIdV4, ProtocolError, type produceV11 } from '@platformatic/kafka'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { within } from '../core/within.ts'
import type { BatchWriter, Sender } from './kafka-batch-writer.ts'
import { type Cargo, RecordCalls } from './kafka-calls.ts'
import { clientOptions, type KafkaCluster, RETRY_MS } from './kafka-client.ts'

export interface ProducerOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  /** How long the leader may wait for its followers, milliseconds. */
  readonly timeoutMs: number
  /** As whom it sends; else the cluster is asked for a name. */
  readonly sender?: Sender | undefined
}

/** What goes to one partition. */
export interface Load {
  readonly topic: string
  readonly partition: number
  readonly batch: BatchWriter
}

/** The batch was taken before, and its acknowledgement lost. */
const TAKEN_BEFORE = 46
/** Epochs are 16 bits. */
const LAST_EPOCH = 2 ** 15 - 1
/** A connection waits for what was written to leave, which takes as long as a leader that has stopped. */
const CLOSE_MS = 250
/** Sequences are 32 bits and begin again at 0. */
const SEQUENCES = 2 ** 31

export class IdempotentProducer {
  readonly #options: ProducerOptions
  readonly #client: Base
  readonly #calls: RecordCalls
  readonly #closed = new AbortController()
  /** By topic and partition the number of the next record. */
  readonly #sequences = new Map<string, number>()
  #sender: Sender | undefined
  #asked = 0
  #stale = false

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#client = new Base(clientOptions(options.cluster, 0))
    this.#calls = new RecordCalls(this.#client)
    this.#sender = options.sender
  }

  /**
   * As whom the next one is to send: as this one, an epoch later. What this one has written to a connection may be on its way
   * for longer than the connection is there; once the next one has written to a partition, its leader refuses the older epoch
   * (KIP-360). Undefined where there is no name yet, or no epoch left.
   */
  get successor(): Sender | undefined {
    if (this.#sender === undefined || this.#sender.epoch === LAST_EPOCH) return undefined
    return { ...this.#sender, epoch: this.#sender.epoch + 1 }
  }

  /**
   * Resolves when all in-sync replicas have everything; one call at a time, and at most one batch for a partition. Throws what no
   * repetition would mend, after which whether something of it was stored is in doubt and the producer must be closed.
   */
  async send(loads: readonly Load[]): Promise<void> {
    const sender = await this.#untilDone(() => this.#introduce())
    let left = loads.map((load) => this.#number(load, sender))
    while (left.length > 0) left = await this.#untilDone(() => this.#trySend(left))
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.#closed.abort()
    await within(this.#options.clock, CLOSE_MS, this.#client.close()).catch(() => {})
  }

  /** Again while there is hope: a broker that does not answer, or leads no longer. */
  async #untilDone<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (thrown) {
        if (this.#closed.signal.aborted || isFinal(thrown)) throw thrown
        this.#stale = true
        await this.#options.clock.sleep(RETRY_MS, this.#closed.signal)
      }
    }
  }

  async #introduce(): Promise<Sender> {
    if (this.#sender) return this.#sender
    const { brokers } = await this.#client.metadata({ topics: [], forceUpdate: this.#stale })
    const nodes = [...brokers.keys()]
    this.#asked += 1 // each in turn: one may be known and not answer
    const node = nodes[this.#asked % nodes.length] ?? -1
    const connection = (await this.#client.connectToBrokers([node])).get(node)
    if (connection === undefined) throw new SluiceError('bus_unavailable', 'No broker is known.')
    const { producerId, producerEpoch } = await initProducerIdV4.api.async(connection, null, 0, -1n, -1)
    this.#sender = { producer: producerId, epoch: producerEpoch }
    return this.#sender
  }

  #number({ topic, partition, batch }: Load, sender: Sender): Cargo {
    const key = `${topic}/${partition}`
    const sequence = this.#sequences.get(key) ?? 0
    this.#sequences.set(key, (sequence + batch.count) % SEQUENCES)
    return { topic, partition, bytes: batch.finish(sender, sequence) }
  }

  /** Returns what was not taken and may be sent again. */
  async #trySend(cargo: readonly Cargo[]): Promise<Cargo[]> {
    const topics = [...new Set(cargo.map(({ topic }) => topic))]
    const { topics: found } = await this.#client.metadata({ topics, forceUpdate: this.#stale })
    this.#stale = false
    const leaderOf = ({ topic, partition }: Cargo) => found.get(topic)?.partitions[partition]?.leader ?? -1
    const left = await Promise.all(
      [...Map.groupBy(cargo, leaderOf)].map(([node, mine]) => this.#sendTo(node, mine)),
    )
    const again = left.flat()
    if (again.length === 0) return again
    this.#stale = true
    await this.#options.clock.sleep(RETRY_MS, this.#closed.signal)
    return again
  }

  async #sendTo(node: number, cargo: readonly Cargo[]): Promise<Cargo[]> {
    try {
      await this.#calls.produce(node, cargo, this.#options.timeoutMs)
      return []
    } catch (thrown) {
      if (this.#closed.signal.aborted) throw thrown
      const refused = refusedBy(thrown)
      if (refused === undefined && !isFinal(thrown)) return [...cargo]
      if (refused === undefined || [...refused.values()].some(isFinal)) throw thrown
      return cargo.filter(({ topic, partition }) => refused.has(`${topic}/${partition}`))
    }
  }
}

/** What is wrong with each partition that the answer refuses; undefined when there is no answer. */
function refusedBy(thrown: unknown): ReadonlyMap<string, ProtocolError> | undefined {
  const { response } = thrown as { response?: produceV11.ProduceResponse } // the client attaches it to what the answer refuses
  if (response === undefined) return undefined
  const refused = new Map<string, ProtocolError>()
  for (const { name, partitionResponses } of response.responses)
    for (const { index, errorCode } of partitionResponses)
      if (errorCode !== 0 && errorCode !== TAKEN_BEFORE)
        refused.set(`${name}/${index}`, new ProtocolError(errorCode))
  return refused
}

/** One of its errors would come again however often it is tried. */
const isFinal = (thrown: unknown): boolean =>
  thrown instanceof Error && findErrorBy(thrown, 'canRetry', false) !== null
