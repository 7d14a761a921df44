/**
 * The reference architecture's topics, `customerio.identify` and `customerio.track`: what producers write there becomes
 * operations on `customerio.events`, as if it had come over HTTP, and only then is it settled. A message that cannot be read
 * goes along with its reason, and its lane moves on.
 *
 * Order: each topic is followed by itself, batch after batch, so that it keeps the order of each of its lanes. Between the
 * two topics there is none: they are read side by side, and an event may overtake the identify that was written before it.
 *
 * Repeats: a batch that was published and not yet settled when the process died, or when its lane moved, comes again and is
 * published again. Its ids are the producer's own or made from the place of the message, so that its events take effect
 * once; its identifies carry the message's time, by which Customer.io drops what is stale.
 */
import type { Bus, Subscription } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import { type BusRecord, type Received, TOPICS } from '../core/record.ts'
import type { Intake } from './accept.ts'
import type { Draft } from './draft.ts'
import type { Judge } from './judge.ts'
import { isFault, readAndJudge } from './message.ts'
import { type Message, strangeRecord, unreadableRecord } from './strangers.ts'

export interface TopicIntakeOptions {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly intake: Pick<Intake, 'accept'>
  readonly judge: Judge
  readonly clock: Clock
  readonly notify: Notify
  /** Told once, when nothing more can be taken; nothing is lost, the process must stop. */
  readonly onFatal: (error: unknown) => void
}

/** The consumer group of the topics that are taken in. */
export const INTAKE_GROUP = 'ingest'
/** What it takes in. */
export const INTAKE_TOPICS = [TOPICS.identify, TOPICS.track] as const

const WRITABLE: ReadonlySet<string> = new Set([...INTAKE_TOPICS, TOPICS.transactional, TOPICS.events])

/** Writes messages as a producer does that knows nothing of Sluice. Throws `bad_request` for a topic that takes none. */
export async function writeMessages(
  { bus, clock }: Pick<TopicIntakeOptions, 'bus' | 'clock'>,
  topic: string,
  messages: readonly Message[],
): Promise<void> {
  if (!WRITABLE.has(topic))
    throw new SluiceError('bad_request', `${topic} takes no messages; ${[...WRITABLE].join(', ')} do.`)
  await bus.publish(
    topic,
    messages.map((message) => strangeRecord(message, clock.now())),
  )
}

const BATCH = 1000
/** What passes by itself; what was in doubt is published again under the same ids. */
const PASSING: ReadonlySet<string> = new Set(['storage_full', 'bus_unavailable'])
/** While the log is full, or Kafka away, a batch is tried again this often. */
const RETRY_MS = 1_000

export class TopicIntake implements AsyncDisposable {
  readonly #options: TopicIntakeOptions
  readonly #stop = new AbortController()
  readonly #subscriptions: Subscription[] = []
  readonly #loops: Promise<void>[] = []

  constructor(options: TopicIntakeOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    for (const topic of INTAKE_TOPICS) {
      const work = new Work()
      const subscription = await this.#options.bus.subscribe(topic, INTAKE_GROUP, {
        batch: BATCH,
        onRevoke: () => work.idle(),
      })
      this.#subscriptions.push(subscription)
      this.#loops.push(this.#guard(this.#follow(subscription, work)))
    }
  }

  /** Finishes the batches under way; what they leave comes again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const subscription of this.#subscriptions) await subscription[Symbol.asyncDispose]()
    await Promise.all(this.#loops)
  }

  async #guard(loop: Promise<void>): Promise<void> {
    try {
      await loop
    } catch (thrown) {
      if (this.#stop.signal.aborted) return
      this.#options.notify('ingest.failed', { detail: String(thrown) })
      this.#options.onFatal(thrown)
    }
  }

  async #follow(subscription: Subscription, work: Work): Promise<void> {
    for await (const records of subscription) {
      if (this.#stop.signal.aborted) return
      await work.during(() => this.#take(records, subscription))
    }
  }

  async #take(records: readonly Received[], subscription: Subscription): Promise<void> {
    const { drafts, faulty } = sort(records, this.#options.judge)
    await this.#untilStored(() => this.#store(drafts, faulty, records[0]?.topic ?? ''))
    if (this.#stop.signal.aborted) return
    await subscription.settle(records)
  }

  async #store(drafts: readonly Draft[], faulty: readonly BusRecord[], source: string): Promise<void> {
    const { bus, intake, notify } = this.#options
    await intake.accept(drafts, { source, correlationId: source })
    if (faulty.length === 0) return
    await bus.publish(TOPICS.events, faulty)
    notify('ingest.unreadable', { source, count: faulty.length })
  }

  /** A batch is tried until it is stored: to go on with the next one would turn the order of its people around. */
  async #untilStored(store: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted)
      try {
        return await store()
      } catch (thrown) {
        if (!(thrown instanceof SluiceError) || !PASSING.has(thrown.code)) throw thrown
        await this.#options.clock.sleep(RETRY_MS, this.#stop.signal)
      }
  }
}

interface Sorted {
  readonly drafts: readonly Draft[]
  readonly faulty: readonly BusRecord[]
}

function sort(records: readonly Received[], judge: Judge): Sorted {
  const drafts: Draft[] = []
  const faulty: BusRecord[] = []
  for (const record of records) {
    const read = readAndJudge(record, judge)
    if (isFault(read)) faulty.push(unreadableRecord(record, read))
    else drafts.push(read)
  }
  return { drafts, faulty }
}

/** What is under way of one subscription, to be waited for when its lanes are taken away. */
class Work {
  #current: Promise<void> = Promise.resolve()

  during(work: () => Promise<void>): Promise<void> {
    const current = work()
    this.#current = current.catch(() => {}) // who awaits `current` is told
    return current
  }

  idle(): Promise<void> {
    return this.#current
  }
}
