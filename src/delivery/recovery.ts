/**
 * Recovery after a crash between the ledger and the bus: operations come again that have ended. They are settled, not
 * sent. Whenever a lane comes anew, what lies in it as far as anything has ended is looked up, and nothing beyond. What is set
 * aside is not: operations of one person end in order, and of her there is one before it that has not.
 *
 * Where the bus is shared, a lane may come back from another process. What that had ended stands in its ledger and not in this
 * one: it is delivered once more, under the same ids.
 */
import type { Lag } from '../bus/bus.ts'
import { SluiceError } from '../core/errors.ts'
import { type Place, type Received, TOPICS } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'

export class Recovery {
  readonly #ledger: Pick<Ledger, 'recorded' | 'reached'>
  readonly #settle: (places: readonly Place[]) => Promise<unknown>
  readonly #done = Promise.withResolvers<void>()
  /** The epoch under which each lane came last. */
  readonly #epochs: number[] = []
  /** Of the lanes that may still bring what has ended, the offset up to which. */
  readonly #behind = new Map<number, number>()
  /** How many come before anything new does, as far as that can be told. */
  #unseen = Number.POSITIVE_INFINITY
  #isOver = false

  constructor(
    ledger: Pick<Ledger, 'recorded' | 'reached'>,
    settle: (places: readonly Place[]) => Promise<unknown>,
  ) {
    this.#ledger = ledger
    this.#settle = settle
    this.#done.promise.catch(() => {}) // nobody need wait for it
  }

  /** Where all that the last process left unsettled comes to this one: it is over when that has come, or is given up. */
  async begin({ unsettled, positions }: Pick<Lag, 'unsettled' | 'positions'>): Promise<void> {
    const reached = await this.#ledger.reached(TOPICS.events)
    for (const [lane, position] of positions) {
      const end = reached.get(lane) ?? -1
      if (position <= end) this.#behind.set(lane, end)
    }
    this.#unseen = unsettled
    this.#endIfNothingIsBehind()
  }

  /** Resolves when it is over: the figures add up from then on. Throws `shutting_down` where they never will. */
  get over(): Promise<void> {
    return this.#done.promise
  }

  /** What the last process had ended is known, or not waited for. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** It is not waited for. What comes is looked up all the same. */
  giveUp(): void {
    this.#isOver = true
    this.#done.resolve()
  }

  /** This process ends, too: what has not come by now comes to the next one. */
  end(): void {
    this.#done.reject(
      new SluiceError('shutting_down', 'It ends before it knows what the last process had ended.'),
    )
  }

  /** Returns those that have not ended yet, in their order. */
  async sift(
    records: readonly Received[],
    isAside: (record: Received) => boolean = () => false,
  ): Promise<readonly Received[]> {
    const anew = this.#lanesAnew(records)
    if (anew.size > 0) await this.#expect(anew)
    if (this.#behind.size === 0) return records
    const old = records.filter((record) => this.#mayHaveEnded(record) && !isAside(record))
    const ended = old.length === 0 ? new Set<Received>() : await this.#ledger.recorded(old)
    if (ended.size > 0) await this.#settle([...ended])
    this.#pass(records)
    return ended.size === 0 ? records : records.filter((record) => !ended.has(record))
  }

  /** Those that come for the first time, or under another epoch than before. */
  #lanesAnew(records: readonly Received[]): ReadonlySet<number> {
    const anew = new Set<number>()
    for (const { lane, epoch } of records) {
      if (this.#epochs[lane] === epoch) continue
      this.#epochs[lane] = epoch
      anew.add(lane)
    }
    return anew
  }

  async #expect(lanes: ReadonlySet<number>): Promise<void> {
    const reached = await this.#ledger.reached(TOPICS.events)
    for (const lane of lanes) {
      const end = reached.get(lane)
      if (end !== undefined) this.#behind.set(lane, end)
    }
  }

  #mayHaveEnded({ lane, offset }: Received): boolean {
    return offset <= (this.#behind.get(lane) ?? -1)
  }

  #pass(records: readonly Received[]): void {
    this.#unseen -= records.length
    for (const { lane, offset } of records)
      if (offset >= (this.#behind.get(lane) ?? Number.POSITIVE_INFINITY)) this.#behind.delete(lane)
    this.#endIfNothingIsBehind()
  }

  #endIfNothingIsBehind(): void {
    if (this.#unseen <= 0) this.#behind.clear()
    if (this.#behind.size === 0) this.giveUp()
  }
}
