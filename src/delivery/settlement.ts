/**
 * Settlement: what has ended is written to the ledger, told on `customerio.processed` and `customerio.dlq`, and only then
 * settled on the bus. A crash anywhere between repeats steps, and every step can be repeated: the ledger counts an
 * operation once, Customer.io dedupes its ULID. First in, first out: nothing is settled before what ended earlier.
 */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import { type Place, TOPICS } from '../core/record.ts'
import type { Entry, Ledger } from '../ledger/ledger.ts'
import { headersOf } from './age.ts'
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

/** An entry of the ledger that is also the place on the bus to be settled for it. */
type Closing = Entry & Place

export class Settlement {
  readonly #options: SettlementOptions
  #waiting: Closing[] = []
  #working = 0
  #recorded = 0
  #current: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  /** Aborted when a stop was asked for: a full disk is then no longer waited for. */
  readonly #finishing = new AbortController()
  /** Resolved when nothing more can be settled; what has ended stays unsettled, and the log has it all. */
  readonly #halted = Promise.withResolvers<'halted'>()

  constructor(options: SettlementOptions) {
    this.#options = options
  }

  /** Operations that ended and are not yet settled on the bus. */
  get pending(): number {
    return this.#waiting.length + this.#working
  }

  /** Of the live ones among those, how many the ledger counts already: the bus counts them as unsettled still. */
  get recorded(): number {
    return this.#recorded
  }

  /** Resolves when these, and all that ended before them, are settled durably. */
  add(ended: readonly Ended[]): Promise<void> {
    const now = this.#options.clock.now()
    for (const end of ended) this.#waiting.push(closingOf(end, now))
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
    this.#working = closings.length
    try {
      await this.#whileFull(() => this.#options.ledger.record(closings))
      const places = Map.groupBy(closings, ({ topic }) => topic)
      const live = places.get(TOPICS.events)?.length ?? 0
      this.#recorded += live
      await this.#publish(closings)
      const settle = () =>
        Promise.all([...places].map(([topic, places]) => this.#options.settle(topic, places)))
      let settling: Promise<unknown> | undefined = settle()
      this.#recorded -= live // the bus counts them as settled from the call on; the promise is about the disk
      // The reserve may be spent: settled again, they are only stored again.
      await this.#whileFull(() => {
        const begun = settling ?? settle()
        settling = undefined
        return begun
      })
      this.#working = 0
      this.#tell(closings)
    } catch (error) {
      await this.#halt(error)
    }
  }

  /** Never resolves: whoever waits for these to be settled must not go on as if they were. */
  #halt(error: unknown): Promise<never> {
    this.#halted.resolve('halted')
    if (!isFull(error) && !isAway(error)) {
      this.#options.notify('delivery.failed', { detail: String(error) })
      this.#options.onFatal(error)
    }
    return new Promise(() => {})
  }

  /**
   * On a full log the outcomes go untold: the ledger has them, and to wait would keep the log from ever draining. A bus that
   * does not answer is waited for: nothing could be settled on it either.
   */
  async #publish(entries: readonly Entry[]): Promise<void> {
    const { bus, notify } = this.#options
    const dead = entries.filter((entry) => entry.outcome === 'dead')
    try {
      await this.#whileAway(() =>
        Promise.all([
          bus.publish(TOPICS.processed, processedRecords(entries)),
          dead.length > 0 ? bus.publish(TOPICS.dlq, dead.map(deadRecord)) : undefined,
        ]),
      )
    } catch (error) {
      if (!isFull(error)) throw error
      notify('delivery.untold', { count: entries.length })
    }
  }

  /** A full disk is waited for, until a stop is asked for: nothing may be settled unrecorded. */
  #whileFull<T>(work: () => Promise<T>): Promise<T> {
    return this.#whileIt(isFull, work, (error) =>
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

  #tell(entries: readonly Entry[]): void {
    const counts = new Map<string, number>()
    for (const entry of entries) {
      counts.set(entry.outcome, (counts.get(entry.outcome) ?? 0) + 1)
      if (entry.outcome === 'dead')
        this.#options.notify('delivery.dead', { id: entry.id, kind: entry.kind, ...entry.refusal })
    }
    for (const [outcome, count] of counts) this.#options.notify('delivery.settled', { outcome, count })
  }
}

const isFull = (error: unknown): error is SluiceError =>
  error instanceof SluiceError && error.code === 'storage_full'

const isAway = (error: unknown): error is SluiceError =>
  error instanceof SluiceError && error.code === 'bus_unavailable'

function closingOf({ op, outcome, refusal, into }: Ended, endedAt: number): Closing {
  const { id, key, kind, at, topic, lane, offset, epoch, value } = op.record
  const [headers, attempts] = [headersOf(op), op.attempts]
  const entry = {
    id,
    key,
    kind,
    headers,
    receivedAt: at,
    endedAt,
    topic,
    lane,
    offset,
    epoch,
    outcome,
    attempts,
  }
  if (into === undefined && refusal === undefined && outcome !== 'dead') return entry
  return {
    ...entry,
    ...(into === undefined ? {} : { into }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(outcome === 'dead' ? { value } : {}),
  }
}
