/**
 * The delivery stage: bus to Customer.io. It has the dispatcher's window filled (supply.ts), asks pace for leave, lets batches
 * fly, and hands what ended to settlement.
 */
import type { Attempt } from '../core/outcome.ts'
import { type Place, TOPICS } from '../core/record.ts'
import { Wakeup } from '../core/wakeup.ts'
import { within } from '../core/within.ts'
import { Ages } from './age.ts'
import type { Batch } from './batch.ts'
import { deliver, noteAttempt, noteRefusal, resultOf } from './deliver.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Ended, Op } from './op.ts'
import type { DeliveryOptions, DeliveryState } from './options.ts'
import { Pace } from './pace.ts'
import { faultOf } from './records.ts'
import { isBarrier } from './run.ts'
import { Settlement } from './settlement.ts'
import { type Split, split } from './split.ts'
import { Supply } from './supply.ts'
import { tellAttempt, tellEnd } from './tell.ts'
import { Window } from './window.ts'

/** Ended operations that may wait for the disk before no more are sent. */
const MAX_SETTLING = 20_000

export class Delivery implements AsyncDisposable {
  readonly #options: DeliveryOptions
  readonly #dispatcher: Dispatcher
  readonly #supply: Supply
  readonly #ages: Ages
  readonly #pace: Pace
  readonly #settlement: Settlement
  readonly #work = new Wakeup()
  readonly #stop = new AbortController()
  readonly #flights = new Set<Promise<void>>()
  readonly #loops: Promise<void>[] = []
  #started: Promise<void> = Promise.resolve()
  #readySince: number | undefined
  #lastAttempt: Attempt | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    const { ceiling, concurrency, random, notify, clock, sizes } = options
    this.#dispatcher = new Dispatcher(sizes?.batchItems)
    this.#supply = new Supply({
      ...options,
      window: new Window(this.#dispatcher, sizes?.windowOps),
      stop: this.#stop.signal,
      onNews: () => this.#work.ring(),
      onUnreadable: (ops) => this.#settle(ops.map(deadOf)),
      drained: () => this.#drained(),
    })
    this.#ages = new Ages(options.policies)
    const share = () => this.#supply.share
    this.#pace = new Pace({ ceiling, share, concurrency, random, notify, now: clock.mono() })
    const settle = (topic: string, places: readonly Place[]) => this.#supply.settle(topic, places)
    this.#settlement = new Settlement({ ...options, settle })
  }

  /** Resolves when what the last process had ended is known: the figures add up from then on. Throws `shutting_down` when it ends before. */
  get recovered(): Promise<void> {
    return this.#supply.recovered
  }

  /** Resolves when it has subscribed. */
  async start(): Promise<void> {
    const run = (loop: Promise<void>) => void this.#loops.push(this.#guard(loop))
    this.#started = this.#supply.start(run)
    run(this.#pump())
    await this.#started.catch((thrown) => {
      if (!this.#stop.signal.aborted) throw thrown
    })
  }

  state(): DeliveryState {
    return {
      ...this.#pace.state(this.#options.clock.mono()),
      held: this.#dispatcher.held,
      recorded: this.#settlement.recorded,
      lastAttempt: this.#lastAttempt,
    }
  }

  /** The attempts so far of an operation without an outcome; none where it has not been tried, or flies just now. */
  attemptsOf(id: string): readonly Attempt[] {
    return this.#dispatcher.find(id)?.attempts ?? []
  }

  /**
   * Takes nothing new, lets what flies land and be settled, and leaves the rest on the bus. A bus that takes no word of what
   * is settled, such as Kafka while it is away, is not waited for longer than calls are: what it did not hear comes again.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, drainMs } = this.#options
    this.#stop.abort()
    const started = this.#started.catch(() => {}) // whoever started it was told
    await within(clock, drainMs, started)
    this.#supply.end()
    await this.#landFlights()
    if (!(await within(clock, drainMs, this.#settlement.finish()))) this.#settlement.abandon()
    await this.#supply[Symbol.asyncDispose]()
    await Promise.all(this.#loops)
  }

  /** Calls that take longer than they may are cut: their operations are delivered again by the next process. */
  async #landFlights(): Promise<void> {
    const { clock, remote, drainMs } = this.#options
    const landed = Promise.all(this.#flights)
    if (await within(clock, drainMs, landed)) return
    await remote[Symbol.asyncDispose]()
    await landed
  }

  async #guard(loop: Promise<void>): Promise<void> {
    try {
      await loop
    } catch (error) {
      this.#options.notify('delivery.failed', { detail: String(error) })
      this.#options.onFatal(error)
      this.#supply.end()
    }
  }

  /**
   * One call in each turn of the event loop, so that answers are read between two of them: of many made at once each waits for
   * all others, and what they hold outlives the young generation.
   */
  async #pump(): Promise<void> {
    const { clock } = this.#options
    while (!this.#stop.signal.aborted) {
      const waitMs = this.#launch(clock.mono())
      await (waitMs > 0 ? this.#work.wait(clock, waitMs, this.#stop.signal) : clock.sleep(0))
    }
  }

  /** Lets one batch fly, if one may. Returns 0 when it did, else how long there is nothing to do unless something happens. */
  #launch(now: number): number {
    const due = this.#dispatcher.unpark(now) - now
    this.#letBarriersThrough()
    const retryWaitMs = this.#pace.retryWaitMs(now)
    const retries = retryWaitMs === 0
    if (this.#settlement.pending > MAX_SETTLING) return due
    if (!this.#dispatcher.ready(retries)) {
      this.#readySince = undefined
      return this.#dispatcher.ready(true) ? Math.min(due, retryWaitMs) : due
    }
    this.#readySince ??= now
    const lingerMs = this.#dispatcher.full ? 0 : this.#options.lingerMs - (now - this.#readySince)
    const waitMs = lingerMs > 0 ? lingerMs : this.#pace.leave(now)
    if (waitMs > 0) return waitMs
    const batch = this.#dispatcher.take(retries)
    this.#supply.ringForRoom()
    this.#readySince = undefined
    if (batch === undefined) return Math.min(due, Math.max(1, retryWaitMs))
    const leaving = this.#sift(batch)
    if (leaving) this.#track(this.#fly(leaving))
    return 0
  }

  /** Preflight, right before the call: the batch without what has become too old for it. */
  #sift(taken: Batch): Batch | undefined {
    const { clock, notify } = this.#options
    const { batch, ended, back, found } = this.#ages.sift(taken, clock.now())
    for (const { rule, policy, field } of found) notify('preflight.found', { rule, policy, field })
    this.#dispatcher.putBack(back)
    this.#settle(ended)
    return batch
  }

  /**
   * A merge, a deletion or a suppression changes what those before it would do if they came again: an identify would bring
   * back who was merged, an event that was ignored would have its effect. So they must not come again once it has left.
   */
  #letBarriersThrough(): void {
    const barriers = this.#dispatcher.takeHeldBack()
    if (barriers.length === 0) return
    void this.#settlement.settled().then(() => {
      this.#dispatcher.letThrough(barriers)
      this.#work.ring()
    })
  }

  #track(flight: Promise<void>): void {
    const guarded = this.#guard(flight).finally(() => this.#flights.delete(guarded))
    this.#flights.add(guarded)
  }

  async #fly(batch: Batch): Promise<void> {
    const { remote, clock, notify } = this.#options
    this.#pace.departed(batch.retry)
    const { endpoint, verdict, attempt } = await deliver(batch, remote, clock)
    const now = clock.mono()
    const recovered = this.#pace.returned(resultOf(verdict, attempt.ms), now)
    notify('delivery.attempted', { endpoint, ...attempt, items: batch.items })
    if (verdict.kind === 'stop')
      notify('delivery.credentials', { code: verdict.code, detail: verdict.detail })
    if (verdict.kind === 'refused' && batch.items > 1) notify('delivery.bisected', { items: batch.items })
    this.#lastAttempt = attempt
    const ops = batch.runs.flatMap((run) => run.ops)
    noteAttempt(ops, attempt)
    tellAttempt(this.#options.feed, ops, attempt)
    this.#land(split(batch, verdict), verdict.kind === 'later' || verdict.kind === 'unclear', now)
    if (recovered) this.#dispatcher.unparkAll()
    this.#work.ring()
  }

  #land({ ended, again }: Split, wait: boolean, now: number): void {
    this.#settle(ended)
    const failed = Math.max(0, ...again.map((ops) => ops[0]?.attempts.length ?? 0))
    const until = wait ? now + this.#pace.backoffMs(failed, now) : now
    for (const ops of again) this.#giveBack(ops, until)
  }

  #giveBack(ops: readonly Op[], until: number): void {
    const gone = ops.filter((op) => this.#supply.isOver(op))
    if (gone.length === 0) this.#dispatcher.giveBack(ops, until)
    else {
      this.#dispatcher.putBack(ops.filter((op) => !gone.includes(op)))
      this.#release(gone)
    }
  }

  /**
   * The next operation of a person may go as soon as the one before has ended. After a barrier it waits for the disk as
   * well: repeated after a crash, that would undo what came later. For more replays there is room when these are on the disk, so
   * that a second of one that ended is known as such.
   */
  #settle(ended: readonly Ended[]): void {
    if (ended.length === 0) return
    for (const { op, refusal } of ended) if (refusal) noteRefusal(op, refusal)
    tellEnd(this.#options.feed, ended, this.#options.clock.now())
    const [free, barriers]: [Op[], Op[]] = [[], []]
    for (const { op } of ended) if (op.class !== undefined) (isBarrier(op) ? barriers : free).push(op)
    const replays = free.filter((op) => !isLive(op)) // what waits for the disk holds no more than these: the others have values
    const settled = this.#settlement.add(ended)
    this.#dispatcher.release(free)
    this.#supply.release(free.filter(isLive))
    void settled.then(() => {
      this.#release(barriers)
      this.#supply.release(replays)
      this.#work.ring()
    })
  }

  #release(ops: readonly Op[]): void {
    this.#dispatcher.release(ops)
    this.#supply.release(ops)
  }

  async #drained(): Promise<void> {
    await Promise.all(this.#flights)
    await this.#settlement.drained()
  }
}

const isLive = (op: Op): boolean => op.topic !== TOPICS.replay

const deadOf = (op: Op): Ended => ({ op, outcome: 'dead', refusal: faultOf(op.headers) })
