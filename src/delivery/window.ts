/**
 * The window: what delivery holds in memory of the backlog, and how much of it may be one person's. It fills the dispatcher.
 *
 * It is filled until an eighth of it could go at once. Whatever waits longer in memory outlives the young generation there,
 * and to collect it costs more than to deliver it. How much could go is reckoned from the people who stand ready, as if all had
 * as much queued; what little is ready beside long queues may so pass for more.
 *
 * Memory, whatever the backlog is, besides what one batch brings beyond it (2,000 operations or 8 MB):
 *
 * - what came from the log: 20,000 operations, 64 MB of values; of one person a twentieth waits here, the rest is set aside;
 * - what was set aside and read again: 5,000 operations, 16 MB; of one person at once as much as waits here of what came;
 * - what is set aside: 16 bytes for each of 1,000,000 operations, 16 MB, up to twice that while the lists grow, and 10 MB in
 *   the bus, for which they are unsettled (progress.ts).
 *
 * While 1,000,000 are set aside nothing more is taken from the log, and whoever comes behind waits: for the person with a
 * queue longer than that, or the people who have it together.
 */
import { alsoKeys, type Received, TOPICS } from '../core/record.ts'
import { Aside, type Taken, type Wanted } from './aside.ts'
import type { Dispatcher } from './dispatcher.ts'
import { type Amount, keysOf, type Op } from './op.ts'

const WINDOW: Amount = { ops: 20_000, bytes: 64 * 1024 * 1024 }
/** One person's part of what came from the log is 1,000 operations: ten calls, if each takes the 100 of one run. */
const SHARES = 20
/** The part of it that is ample: two full batches and a half. With five a drain takes 8 % more CPU. */
const AMPLE = 8
/** What was read again may be a quarter more: five people with long queues are read as fast as they go. */
const AGAIN = 4
const ASIDE_OPS = 1_000_000
/** The most that one batch from the log brings. */
const BATCH = 2_000

export class Window {
  readonly #dispatcher: Dispatcher
  readonly #most: Amount
  readonly #share: Amount
  readonly #again: Amount
  readonly #aside: Aside
  /** Of what is held, replays. */
  #replays = 0

  /** `ops`: how many are held of what comes from the log; a simulation makes them few. */
  constructor(dispatcher: Dispatcher, ops: number = WINDOW.ops) {
    this.#dispatcher = dispatcher
    this.#most = { ops, bytes: WINDOW.bytes }
    this.#share = part(this.#most, SHARES)
    this.#again = part(this.#most, AGAIN)
    this.#aside = new Aside({ share: this.#share, again: this.#again })
  }

  /** The most that one batch from the log should bring. */
  get batch(): number {
    return Math.min(BATCH, this.#most.ops)
  }

  /** Operations that are set aside: only remembered. */
  get aside(): number {
    return this.#aside.size
  }

  /** Replays are let in when those before have ended, so that live traffic goes first. */
  hasRoom(topic: string): boolean {
    if (topic === TOPICS.replay) return this.#replays === 0
    return !this.#exceeds(1)
  }

  /**
   * More than a process holds, with a batch and what it reads again. A log that is not the last one's brings it; and many people
   * with long queues, of each of whom a share is held here again, where the last process had set all of it aside.
   */
  get isOverfull(): boolean {
    return this.#exceeds(3)
  }

  #exceeds(times: number): boolean {
    const { ops, bytes } = this.#aside.held
    return (
      this.#dispatcher.held - ops >= times * this.#most.ops ||
      this.#dispatcher.bytes - bytes >= times * this.#most.bytes ||
      this.#aside.size >= times * ASIDE_OPS
    )
  }

  /** So much could go that more need not be held. */
  get isAmple(): boolean {
    return this.#dispatcher.fresh >= this.#most.ops / AMPLE
  }

  /** Replays are never set aside: they are few, and late by intention. */
  admit(topic: string, ops: readonly Op[]): void {
    if (topic === TOPICS.replay) {
      this.#replays += ops.length
      this.#dispatcher.add(ops)
    } else for (const op of ops) this.#admitOne(op)
  }

  #admitOne(op: Op): void {
    const keys = keysOf(op)
    if (this.#aside.holds(keys) || !this.#dispatcher.addWithin(op, this.#share)) this.#aside.put(op)
  }

  /** Whether it would be set aside if it came now. */
  isAside(record: Received): boolean {
    return this.#aside.size > 0 && this.#aside.holds([record.key, ...alsoKeys(record)])
  }

  wanted(): Wanted | undefined {
    return this.#aside.wanted()
  }

  /** Takes what was wanted from what was found there. Returns places that the log does not have any more. */
  take(wanted: Wanted, found: readonly Received[]): Taken {
    const taken = this.#aside.take(wanted, found)
    this.#dispatcher.add(taken.ops)
    return taken
  }

  release(ops: Iterable<Op>): void {
    this.#aside.release(ops)
    for (const { topic } of ops) if (topic === TOPICS.replay) this.#replays -= 1
  }

  /** What is no longer this member's and has not left: it is the next owner's. */
  forget(isOver: (record: Pick<Received, 'topic' | 'lane' | 'epoch' | 'offset'>) => boolean): void {
    this.release(this.#dispatcher.forget(isOver))
    this.#aside.forget((place) => isOver({ topic: TOPICS.events, ...place }))
  }
}

const part = ({ ops, bytes }: Amount, of: number): Amount => ({
  ops: Math.max(1, Math.floor(ops / of)),
  bytes: Math.floor(bytes / of),
})
