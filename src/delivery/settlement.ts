/**
 * Settlement: what has ended is written to the ledger, told on `customerio.processed` and `customerio.dlq`, and only then
 * settled on the bus. A crash anywhere between repeats steps, and every step can be repeated: the ledger counts an
 * operation once, Customer.io dedupes its ULID. First in, first out: nothing is settled before what ended earlier.
 */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { type Ends, isMany } from '../core/ends.ts'
import { isAway, isShortage, type SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import { type Place, TOPICS } from '../core/record.ts'
import { countsOf } from '../core/runs.ts'
import type { Entry, Ledger } from '../ledger/ledger.ts'
import { type Closing, closingsOf, countOn, placesOf } from './closing.ts'
import type { Ended } from './op.ts'
import { deadRecord, processedRecords } from './records.ts'

export interface SettlementOptions {
  readonly bus: Pick<Bus, 'publish'>
  readonly ledger: Pick<Ledger, 'record'>
  readonly settle: (topic: string, places: readonly Place[]) => Promise<number>
  readonly clock: Clock
  readonly notify: Notify
  /** Told once, when nothing can be settled any more; nothing is lost, the process must stop. */
  readonly onFatal: (error: unknown) => void
}

/** While the disk is full, or the bus away, settlement tries again this often. */
const RETRY_MS = 1_000

export class Settlement {
  readonly #options: SettlementOptions
  #waiting: Closing[] = []
  /** Operations in those that wait, and in those of the round that works now. */
  #queued = 0
  #working = 0
  #recorded = 0
  #current: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  /** Aborted when a stop was asked for: a full disk is then no longer waited for. */
  readonly #finishing = new AbortController()
  #isAbandoned = false
  /** Resolved when nothing more can be settled; what has ended stays unsettled, and the log has it all. */
  readonly #halted = Promise.withResolvers<'halted'>()

  constructor(options: SettlementOptions) {
    this.#options = options
  }

  /** Operations that ended and are not yet settled on the bus. */
  get pending(): number {
    return this.#queued + this.#working
  }

  /** Of the live ones among those, how many the ledger counts already: the bus counts them as unsettled still. */
  get recorded(): number {
    return this.#recorded
  }

  /** Resolves when these, and all that ended before them, are settled durably. */
  add(ended: readonly Ended[]): Promise<void> {
    this.#waiting.push(...closingsOf(ended, this.#options.clock.now()))
    this.#queued += ended.length
    return this.#nextRound()
  }

  /** Resolves when all that has ended by now is settled durably; never, when nothing more can be. */
  async settled(): Promise<void> {
    if (this.pending > 0) await this.#nextRound()
  }

  /** Resolves when all that ended is settled, or when nothing more can be. */
  async drained(): Promise<void> {
    while (this.pending > 0)
      if ((await Promise.race([this.#nextRound(), this.#halted.promise])) === 'halted') return
  }

  /** As `drained`, but does not wait for a full disk: what could not be settled comes again to the next process. */
  finish(): Promise<void> {
    this.#finishing.abort()
    return this.drained()
  }

  /**
   * Nobody waits any more, and the bus may be closed: what the ledger has by now comes again, and the next process settles it.
   * Settled here, on lanes that are gone, it would be in neither figure.
   */
  abandon(): void {
    this.#isAbandoned = true
    this.#halted.resolve('halted')
  }

  /** The round after the one that works now: it takes all that waits by then. */
  #nextRound(): Promise<void> {
    this.#next ??= this.#current.then(() => {
      this.#next = undefined
      this.#current = this.#settleWaiting()
      return this.#current
    })
    return this.#next
  }

  async #settleWaiting(): Promise<void> {
    const closings = this.#waiting
    this.#waiting = []
    if (closings.length === 0) return
    this.#working = this.#queued
    this.#queued = 0
    try {
      const ended = closings.map((closing) => closing.ended)
      const live = countOn(TOPICS.events, closings)
      const onCounted = () => {
        this.#recorded += live
      }
      await this.#whileFull(() => this.#options.ledger.record(ended, onCounted))
      await this.#publish(ended)
      if (this.#isAbandoned) return await new Promise<never>(() => {})
      const topics = Map.groupBy(closings, ({ topic }) => topic)
      const settle = () =>
        Promise.all([...topics].map(([topic, of]) => this.#options.settle(topic, of.flatMap(placesOf))))
      let settling: Promise<unknown> | undefined = settle()
      this.#recorded -= live // the bus counts them as settled from the call on; the promise is about the disk
      // The reserve may be spent: settled again, they are only stored again.
      await this.#whileFull(() => {
        const begun = settling ?? settle()
        settling = undefined
        return begun
      })
      this.#working = 0
      this.#tell(ended)
    } catch (error) {
      await this.#halt(error)
    }
  }

  /** Never resolves: whoever waits for these to be settled must not go on as if they were. */
  #halt(error: unknown): Promise<never> {
    this.#halted.resolve('halted')
    if (!isShortage(error) && !isAway(error) && !this.#isAbandoned) {
      this.#options.notify('delivery.failed', { detail: String(error) })
      this.#options.onFatal(error)
    }
    return new Promise(() => {})
  }

  /**
   * On a full log the outcomes go untold: the ledger has them, and to wait would keep the log from ever draining. A bus that
   * does not answer is waited for: nothing could be settled on it either.
   */
  async #publish(ended: readonly (Entry | Ends)[]): Promise<void> {
    try {
      await this.#whileAway(() => this.#publishAll(ended))
    } catch (error) {
      if (!isShortage(error)) throw error
      this.#options.notify('delivery.untold', { count: this.#working })
    }
  }

  /** What a call of `publish` takes is made into bytes at once, so that records never wait, many at a time, as objects. */
  async #publishAll(ended: readonly (Entry | Ends)[]): Promise<void> {
    const { bus } = this.#options
    const calls: Promise<void>[] = []
    for (const records of processedRecords(ended)) calls.push(bus.publish(TOPICS.processed, records))
    const dead = ended.filter((one): one is Entry => !isMany(one))
    if (dead.length > 0) calls.push(bus.publish(TOPICS.dlq, dead.map(deadRecord)))
    for (const call of await Promise.allSettled(calls)) if (call.status === 'rejected') throw call.reason
  }

  /** A full disk is waited for, until a stop is asked for: nothing may be settled unrecorded. */
  #whileFull<T>(work: () => Promise<T>): Promise<T> {
    return this.#whileIt(isShortage, work, (error) =>
      this.#options.notify('ledger.full', { detail: error.message }),
    )
  }

  #whileAway<T>(work: () => Promise<T>): Promise<T> {
    return this.#whileIt(isAway, work, () => {}) // the bus itself tells that it is away
  }

  async #whileIt<T>(
    lasts: (error: unknown) => error is SluiceError,
    work: () => Promise<T>,
    tell: (error: SluiceError) => void,
  ): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!lasts(error) || this.#finishing.signal.aborted) throw error
        tell(error)
        await this.#options.clock.sleep(RETRY_MS, this.#finishing.signal)
      }
    }
  }

  #tell(ended: readonly (Entry | Ends)[]): void {
    const counts = new Map<string, number>()
    const add = (outcome: string, count: number) => counts.set(outcome, (counts.get(outcome) ?? 0) + count)
    for (const one of ended) {
      if (isMany(one)) for (const [outcome, count] of countsOf(one.outcome)) add(outcome, count)
      else {
        add(one.outcome, 1)
        this.#options.notify('delivery.dead', { id: one.id, kind: one.kind, ...one.refusal })
      }
    }
    for (const [outcome, count] of counts) this.#options.notify('delivery.settled', { outcome, count })
  }
}
