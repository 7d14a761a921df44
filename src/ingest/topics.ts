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
import { Ownership } from '../core/ownership.ts'
import { type Received, TOPICS } from '../core/record.ts'
import { within } from '../core/within.ts'
import type { Intake } from './accept.ts'
import type { Draft } from './draft.ts'
import type { Judge } from './judge.ts'
import { type Fault, isFault, readAndJudge } from './message.ts'
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
const PASSING: ReadonlySet<string> = new Set(['storage_full', 'too_many_files', 'bus_unavailable'])
/** While the log is full, or Kafka away, a batch is tried again this often. */
const RETRY_MS = 1_000
/** At a stop a batch under way has so long: as when its lane goes to another. */
const DRAIN_MS = 5_000

export class TopicIntake implements AsyncDisposable {
  readonly #options: TopicIntakeOptions
  readonly #stop = new AbortController()
  readonly #ownership = new Ownership()
  readonly #subscriptions: Subscription[] = []
  readonly #works: Work[] = []
  readonly #loops: Promise<void>[] = []

  constructor(options: TopicIntakeOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    for (const topic of INTAKE_TOPICS) {
      const work = new Work()
      const subscription = await this.#options.bus.subscribe(topic, INTAKE_GROUP, {
        batch: BATCH,
        onRevoke: (lanes) => {
          this.#ownership.end(topic, lanes)
          return work.idle()
        },
      })
      this.#works.push(work)
      this.#subscriptions.push(subscription)
      this.#loops.push(this.#guard(this.#follow(subscription, work)))
    }
  }

  /** Finishes the batches under way, unless the log is full or the bus away; what they leave comes again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await within(this.#options.clock, DRAIN_MS, Promise.all(this.#works.map((work) => work.idle())))
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
      this.#ownership.see(records)
      await work.during(() => this.#take(records, subscription))
    }
  }

  async #take(records: readonly Received[], subscription: Subscription): Promise<void> {
    const { judge } = this.#options
    const messages = records.map((record) => ({ record, read: readAndJudge(record, judge) }))
    const stored = await this.#untilStored(async () => {
      const mine = messages.filter(({ record }) => !this.#ownership.isOver(record))
      await this.#store(mine)
      return mine.map(({ record }) => record)
    })
    if (stored !== undefined) await subscription.settle(stored)
  }

  async #store(messages: readonly Read[]): Promise<void> {
    const { bus, intake, notify } = this.#options
    const source = messages[0]?.record.topic ?? ''
    const drafts = messages.flatMap(({ read }) => (isFault(read) ? [] : read))
    const faulty = messages.flatMap(({ record, read }) =>
      isFault(read) ? unreadableRecord(record, read) : [],
    )
    await intake.accept(drafts, { source, correlationId: source })
    if (faulty.length === 0) return
    await bus.publish(TOPICS.events, faulty)
    notify('ingest.unreadable', { source, count: faulty.length })
  }

  /**
   * A batch is tried until it is stored: to go on with the next one would turn the order of its people around. Undefined when
   * a stop was asked for before.
   */
  async #untilStored<T>(store: () => Promise<T>): Promise<T | undefined> {
    while (!this.#stop.signal.aborted)
      try {
        return await store()
      } catch (thrown) {
        if (!(thrown instanceof SluiceError) || !PASSING.has(thrown.code)) throw thrown
        await this.#options.clock.sleep(RETRY_MS, this.#stop.signal)
      }
    return undefined
  }
}

/** A record, and what it says or why it says nothing. */
interface Read {
  readonly record: Received
  readonly read: Draft | Fault
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
