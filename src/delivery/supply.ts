/**
 * What keeps the window filled: the subscriptions, what of their records is this member's and has not ended before, and what
 * was set aside, read again when its turn comes.
 */
import type { Bus, Subscription } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { isAway } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import { Ownership } from '../core/ownership.ts'
import { type Place, type Received, TOPICS } from '../core/record.ts'
import { Wakeup } from '../core/wakeup.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Wanted } from './aside.ts'
import { makeOp, type Op } from './op.ts'
import { Recovery } from './recovery.ts'
import { GROUP, isReplayOf, replayGroup, siftReplays } from './replay.ts'
import type { Window } from './window.ts'

export interface SupplyOptions {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly clock: Clock
  readonly notify: Notify
  /** Makes operations of what strangers wrote to the topic of operations itself. Pure. */
  readonly adopt?: (record: Received) => Received
  /** The name of this ledger, where other processes with ledgers of their own share the bus. */
  readonly node?: string | undefined
  readonly window: Window
  /** Aborts when nothing new is to be taken. */
  readonly stop: AbortSignal
  /** There may be something to send. */
  readonly onNews: () => void
  /** These are no operations and can never be delivered. */
  readonly onUnreadable: (ops: readonly Op[]) => void
  /** Resolves when what has left is back and settled: lanes are about to go. */
  readonly drained: () => Promise<void>
}

/** After nothing was found where something was set aside: the bus is away. */
const REREAD_MS = 1_000
/** Replays are let in a few at a time, so that live traffic goes first. */
const REPLAY_OPS = 100

export class Supply implements AsyncDisposable {
  readonly #options: SupplyOptions
  readonly #window: Window
  readonly #recovery: Recovery
  readonly #ownership = new Ownership()
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #room = new Map<string, Wakeup>()
  /** Something set aside may be read again. */
  readonly #again = new Wakeup()

  constructor(options: SupplyOptions) {
    this.#options = options
    this.#window = options.window
    this.#recovery = new Recovery(options.ledger, (places) => this.settle(TOPICS.events, places))
  }

  /** This member's part of live traffic. */
  get share(): number {
    return this.#subscriptions.get(TOPICS.events)?.share ?? 0
  }

  /** Resolves when what the last process had ended is known. Throws `shutting_down` when this one ends before. */
  get recovered(): Promise<void> {
    return this.#recovery.over
  }

  /** Resolves when it has subscribed. `run` is given what goes on until the stop. */
  async start(run: (loop: Promise<void>) => void): Promise<void> {
    const { bus, node, stop } = this.#options
    if (bus.features.shared) this.#recovery.giveUp()
    else await this.#recovery.begin(await bus.lag(TOPICS.events, GROUP))
    for (const topic of [TOPICS.events, TOPICS.replay]) {
      const subscription = await bus.subscribe(topic, topic === TOPICS.replay ? replayGroup(node) : GROUP, {
        batch: topic === TOPICS.replay ? REPLAY_OPS : this.#window.batch,
        onRevoke: (lanes) => this.#handOver(topic, lanes),
      })
      if (stop.aborted) return await subscription[Symbol.asyncDispose]() // the stop could not wait so long
      this.#subscriptions.set(topic, subscription)
      this.#room.set(topic, new Wakeup())
      run(this.#intake(topic, subscription))
    }
    run(this.#readAgain())
  }

  /** The process ends: nobody need wait for what the last one had ended. */
  end(): void {
    this.#recovery.end()
  }

  settle(topic: string, places: readonly Place[]): Promise<number> {
    return this.#subscriptions.get(topic)?.settle(places) ?? Promise.resolve(0)
  }

  /** Whether the lane of the record has gone to another member. */
  isOver(place: Place): boolean {
    return this.#ownership.isOver(place)
  }

  /** These ended, or are no longer this member's: there is room for others. */
  release(ops: readonly Op[]): void {
    this.#window.release(ops)
    this.ringForRoom()
  }

  /** There may be room: something ended, or left. */
  ringForRoom(): void {
    this.#again.ring()
    for (const bell of this.#room.values()) bell.ring()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions.values()) await subscription[Symbol.asyncDispose]()
  }

  async #intake(topic: string, subscription: Subscription): Promise<void> {
    const { adopt = (record: Received) => record } = this.#options
    for await (const found of subscription) {
      if (this.#options.stop.aborted) return
      this.#ownership.see(found)
      this.#admit(topic, await this.#mine(topic, found.map(adopt), subscription))
      if (topic === TOPICS.events && this.#window.isOverfull) this.#recovery.giveUp()
      while (!this.#wants(topic) && !this.#options.stop.aborted)
        await this.#room.get(topic)?.wait(this.#options.clock, 1_000, this.#options.stop)
    }
  }

  /** Until what the last process had ended is known, all is taken that this may have held, whatever room there is. */
  #wants(topic: string): boolean {
    if (topic === TOPICS.replay) return this.#window.hasRoom(topic)
    return !this.#recovery.isOver || (this.#window.hasRoom(topic) && !this.#window.isAmple)
  }

  /** Without what has ended before, and without the replays of other ledgers. */
  async #mine(
    topic: string,
    records: readonly Received[],
    subscription: Subscription,
  ): Promise<readonly Received[]> {
    if (topic === TOPICS.events) return this.#recovery.sift(records, (record) => this.#window.isAside(record))
    const { ledger, node } = this.#options
    const mine = await siftReplays(
      ledger,
      records.filter((record) => isReplayOf(record, node)),
    )
    if (mine.length < records.length)
      await subscription.settle(records.filter((record) => !mine.includes(record)))
    return mine
  }

  /** What is no operation goes to the dead letters at once, and the lane moves on. */
  #admit(topic: string, records: readonly Received[]): void {
    const [readable, unreadable]: [Op[], Op[]] = [[], []]
    for (const record of records) {
      if (this.#ownership.isOver(record)) continue
      const op = makeOp(record)
      if (op.class === undefined) unreadable.push(op)
      else readable.push(op)
    }
    this.#window.admit(topic, readable)
    this.#again.ring()
    this.#options.onNews()
    if (unreadable.length > 0) this.#options.onUnreadable(unreadable)
  }

  /** What was set aside comes from the log again, when there is room for it. */
  async #readAgain(): Promise<void> {
    const { clock } = this.#options
    while (!this.#options.stop.aborted) {
      const wanted = this.#window.wanted()
      if (wanted === undefined) await this.#again.wait(clock, 60_000, this.#options.stop)
      else if (!(await this.#readWanted(wanted))) await clock.sleep(REREAD_MS, this.#options.stop)
    }
  }

  /** False when nothing was to be had just now. */
  async #readWanted(wanted: Wanted): Promise<boolean> {
    const { bus, notify, adopt = (record: Received) => record } = this.#options
    const found = await bus.read(TOPICS.events, wanted).catch((thrown) => {
      if (isAway(thrown)) return []
      throw thrown
    })
    const { gone } = this.#window.take(wanted, found.map(adopt))
    if (gone.length > 0) {
      notify('bus.skipped', { topic: TOPICS.events, lane: wanted.lane, count: gone.length })
      const places = gone.map((place) => ({ ...place, topic: TOPICS.events }))
      await this.settle(TOPICS.events, places)
    }
    this.#options.onNews()
    this.#room.get(TOPICS.events)?.ring()
    return found.length > 0
  }

  /** Lanes go to another member: drop what has not left, wait for what has, and settle it. */
  async #handOver(topic: string, lanes: readonly number[]): Promise<void> {
    this.#ownership.end(topic, lanes)
    this.#window.forget((place) => this.#ownership.isOver(place))
    this.ringForRoom()
    await this.#options.drained()
  }
}
