/**
 * Recovery after a crash between the ledger and the bus: operations come again that have ended. They are settled, not
 * sent. Looked up is what the last process may have passed, which is what it held and what it had set aside, and from every
 * one that had ended as many again: a group that lost its position begins far behind. What is set aside is not looked up:
 * operations of one person end in order, and of her there is one before it that has not.
 *
 * Where the bus is shared, a lane may come back from another process, and its first records are looked up again. What the
 * other had ended stands in its ledger and not in this one: that is delivered once more, under the same ids.
 */
import type { Place, Received } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'

export class Recovery {
  readonly #ledger: Pick<Ledger, 'recorded'>
  readonly #settle: (places: readonly Place[]) => Promise<unknown>
  readonly #done = Promise.withResolvers<void>()
  /** How many are looked up at the least, and how many of those are left. */
  #window = 0
  #left = 0
  /** How many come before anything new does. */
  #unseen = 0
  #isOver = false
  /** Where the bus is shared: the epoch under which each lane came last. */
  #epochs: Map<number, number> | undefined

  constructor(ledger: Pick<Ledger, 'recorded'>, settle: (places: readonly Place[]) => Promise<unknown>) {
    this.#ledger = ledger
    this.#settle = settle
  }

  /** `unsettled`: how many come that are not new. It is over when they have come, or when it is given up. */
  begin(window: number, unsettled: number): void {
    this.#window = window
    this.#left = unsettled === 0 ? 0 : window
    this.#unseen = unsettled
    if (unsettled === 0) this.giveUp()
  }

  /** So many are looked up of whatever comes whenever a lane comes anew; how many come here nobody can tell. */
  beginShared(window: number): void {
    this.#window = window
    this.#epochs = new Map()
    this.giveUp()
  }

  /** Resolves when it is over: the figures add up from then on. */
  get over(): Promise<void> {
    return this.#done.promise
  }

  /** What the last process had ended is known, or not waited for. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** No more records come for now. */
  giveUp(): void {
    this.#isOver = true
    this.#done.resolve()
  }

  /** Returns those that have not ended yet, in their order. */
  async sift(
    records: readonly Received[],
    isAside: (record: Received) => boolean = () => false,
  ): Promise<readonly Received[]> {
    if (this.#epochs !== undefined && isNews(records, this.#epochs)) this.#left = this.#window
    if (this.#left <= 0) return records
    const ended = await this.#endedOf(records.filter((record) => !isAside(record)))
    if (ended.size > 0) await this.#settle([...ended])
    this.#unseen -= records.length
    if (this.#epochs === undefined && this.#unseen <= 0) this.#left = 0
    if (this.#left <= 0) this.giveUp()
    return ended.size === 0 ? records : records.filter((record) => !ended.has(record))
  }

  async #endedOf(records: readonly Received[]): Promise<ReadonlySet<Received>> {
    const ended = await this.#ledger.recorded(records)
    this.#left = (ended.size > 0 ? this.#window : this.#left) - records.length
    return ended
  }
}

/** Whether one of these is the first that comes of its lane under its epoch. */
function isNews(records: readonly Received[], epochs: Map<number, number>): boolean {
  let news = false
  for (const { lane, epoch } of records) {
    news ||= epochs.get(lane) !== epoch
    epochs.set(lane, epoch)
  }
  return news
}
