/**
 * The dispatcher makes batches across people and keeps order within one. It does no I/O and knows no time but what it is
 * given: operations come in with `add`, batches go out with `take`, and every operation of a batch comes back once,
 * through `release` (it ended) or `giveBack` (again, later).
 *
 * Every key has one queue. Only the run at its head may be in flight; a merge, and an identify that brings a second
 * identifier, stand in the queues of both keys and go only when they are at the head of both. A barrier at the head is held
 * back: whoever dispatches lets it through once all that ended before it is settled.
 */
import { LIMITS } from '../core/limits.ts'
import { BATCH_FRAME_BYTES } from '../customerio/track.ts'
import { type Batch, countItems, makeBatch } from './batch.ts'
import type { KeyQueue } from './key-queue.ts'
import { KeyQueues } from './key-queues.ts'
import { isRetry, Lanes } from './lanes.ts'
import type { Amount, Op } from './op.ts'
import { Parking } from './parking.ts'
import type { Queue } from './queue.ts'
import { formRun, isBarrier, itemsOf, type Run } from './run.ts'

const NONE: readonly Op[] = []

const TURNS = ['batch', 'suspect', 'single'] as const

export class Dispatcher {
  readonly #batchItems: number
  readonly #keys = new KeyQueues()
  readonly #lanes = new Lanes()
  readonly #parked = new Parking<KeyQueue>()
  #heldBack: Op[] = []
  #turn = 0
  #queued = 0
  #bytes = 0
  #inFlight = 0

  constructor(batchItems: number = LIMITS.batchItems) {
    this.#batchItems = batchItems
  }

  /** Operations held, in flight or not, and their bytes: what the window of the stage is measured by. */
  get held(): number {
    return this.#queued + this.#inFlight
  }

  get bytes(): number {
    return this.#bytes
  }

  get inFlight(): number {
    return this.#inFlight
  }

  add(ops: readonly Op[]): void {
    for (const op of ops) this.#add(op, this.#keys.holding(op))
  }

  /** Adds it unless so much waits of one of its people, in flight not counted. Returns whether it did. */
  addWithin(op: Op, { ops, bytes }: Amount): boolean {
    const queues = this.#keys.holding(op)
    if (queues.some((queue) => queue.ops.length >= ops || queue.bytes >= bytes)) {
      for (const queue of queues) this.#consider(queue)
      return false
    }
    this.#add(op, queues)
    return true
  }

  #add(op: Op, queues: readonly KeyQueue[]): void {
    this.#queued += 1
    this.#bytes += op.bytes
    for (const queue of queues) queue.push(op)
    for (const queue of queues) this.#consider(queue)
  }

  /** Operations that could go now; retries count only when the budget allows them. */
  ready(retries: boolean): boolean {
    return this.#lanes.ready(retries)
  }

  /** How many operations could go now, about: as much of what is queued as people stand ready. Retries are not among them. */
  get fresh(): number {
    return (this.#queued * this.#lanes.fresh.length) / Math.max(1, this.#keys.size)
  }

  /** True when a batch taken now would be as large as it can be, or nearly: there is nothing to linger for. */
  get full(): boolean {
    return this.#lanes.fresh.length >= this.#batchItems || this.#queuedBytes() >= LIMITS.batchBytes
  }

  #queuedBytes(): number {
    return this.#queued === 0 ? 0 : (this.#bytes * this.#queued) / this.held
  }

  /** The next batch, or undefined when nothing is ready. */
  take(retries: boolean): Batch | undefined {
    for (let tried = 0; tried < TURNS.length; tried += 1) {
      const turn = TURNS[this.#turn % TURNS.length]
      this.#turn += 1
      const batch =
        turn === 'batch'
          ? this.#takeBatch(retries)
          : turn === 'single'
            ? this.#takeSingle(retries)
            : this.#takeSuspects(retries)
      if (batch) return batch
    }
    return undefined
  }

  #takeBatch(retries: boolean): Batch | undefined {
    const runs: Run[] = []
    const again = retries && this.#lanes.retry.length > 0
    if (again) this.#fill(runs, this.#lanes.retry, this.#batchItems)
    this.#fill(runs, this.#lanes.fresh, this.#batchItems)
    return makeBatch('batch', runs, again)
  }

  #takeSuspects(retries: boolean): Batch | undefined {
    const op = this.#lanes.suspect.first?.ops.first
    return (
      op &&
      this.#takeAs('batch', {
        lane: this.#lanes.suspect,
        op,
        most: Math.min(op.most, this.#batchItems),
        retries,
      })
    )
  }

  #takeSingle(retries: boolean): Batch | undefined {
    const op = this.#lanes.single.first?.ops.first
    return op && this.#takeAs('single', { lane: this.#lanes.single, op, most: 1, retries })
  }

  #takeAs(form: Batch['form'], { lane, op, most, retries }: LaneTake): Batch | undefined {
    const again = isRetry(op)
    if (again && !retries) return undefined
    const runs: Run[] = []
    this.#fill(runs, lane, most)
    return makeBatch(form, runs, again)
  }

  /** Moves runs from a lane into the batch until one does not fit; it stays first in line for the next batch. */
  #fill(runs: Run[], lane: Queue<KeyQueue>, most: number): void {
    let items = countItems(runs)
    let bytes = runs.reduce((sum, run) => sum + run.bytes, BATCH_FRAME_BYTES)
    for (let queue = lane.first; queue !== undefined; queue = lane.first) {
      if ((queue.ops.first?.most ?? 0) < most && lane === this.#lanes.suspect) return
      const run = formRun(queue.ops, { items: most - items, bytes: LIMITS.batchBytes - bytes })
      if (run === undefined) return
      lane.shift()
      this.#depart(run, queue)
      runs.push(run)
      items += itemsOf(run)
      bytes += run.bytes
    }
  }

  /** All operations of a run have the same people: the one whose queue it was formed from, and mostly nobody else. */
  #depart(run: Run, from: KeyQueue): void {
    const [op] = run.ops
    for (const queue of op && op.also.length > 0 ? this.#keys.holding(op) : [from]) queue.depart(run.ops)
    this.#queued -= run.ops.length
    this.#inFlight += run.ops.length
  }

  /** These operations ended: the next of their people may go. */
  release(ops: readonly Op[]): void {
    this.#inFlight -= ops.length
    for (const op of ops) this.#bytes -= op.bytes
    const queues = this.#keys.holdingAny(ops)
    for (const queue of queues) {
      queue.state = 'idle'
      queue.cleared = undefined
    }
    for (const queue of queues) this.#consider(queue)
  }

  /** These operations of one run failed for now: they go back to the head of their queues, in order, until `until`. */
  giveBack(ops: readonly Op[], until: number): void {
    this.#inFlight -= ops.length
    this.#queued += ops.length
    const queues = this.#keys.holdingAny(ops)
    for (const queue of queues) {
      queue.unshift(ops)
      queue.state = 'parked'
    }
    this.#parked.park(queues, until)
  }

  /**
   * These did not leave after all: they go back to the head of their queues. Something else of the same run ended, and frees
   * the queues by its release.
   */
  putBack(ops: readonly Op[]): void {
    this.#inFlight -= ops.length
    this.#queued += ops.length
    for (const queue of this.#keys.holdingAny(ops)) queue.unshift(ops)
  }

  /** Makes ready whatever was parked until `now`. Returns when the next one is due, or Infinity. */
  unpark(now: number): number {
    for (let due = this.#parked.takeDue(now); due !== undefined; due = this.#parked.takeDue(now))
      for (const queue of due) {
        queue.state = 'idle'
        this.#consider(queue)
      }
    return this.#parked.next
  }

  /** Everything parked becomes ready: an outage has ended. */
  unparkAll(): void {
    this.unpark(Number.POSITIVE_INFINITY)
  }

  /** The barriers that came to the head of their queues since the last time: each is held back until `letThrough`. */
  takeHeldBack(): readonly Op[] {
    if (this.#heldBack.length === 0) return NONE
    const taken = this.#heldBack
    this.#heldBack = []
    return taken
  }

  /** All that had ended when these were taken is settled: they may go. */
  letThrough(barriers: readonly Op[]): void {
    for (const barrier of barriers)
      for (const queue of this.#keys.holding(barrier)) {
        if (queue.ops.first === barrier) {
          queue.cleared = barrier
          if (queue.state === 'held back') queue.state = 'idle'
        }
        this.#consider(queue)
      }
  }

  /** An operation that waits here. */
  find(id: string): Op | undefined {
    return this.#keys.find(id)
  }

  /** Drops what is queued of lanes that were taken away, and returns it; what is in flight ends by itself. */
  forget(isGone: (op: Op) => boolean): ReadonlySet<Op> {
    const gone = new Set<Op>()
    for (const queue of this.#keys) for (const op of queue.forget(isGone)) gone.add(op)
    this.#queued -= gone.size
    for (const op of gone) this.#bytes -= op.bytes
    this.#lanes.clear()
    this.#heldBack = []
    for (const queue of this.#keys) {
      if (queue.state === 'ready' || queue.state === 'held back') queue.state = 'idle'
      this.#consider(queue)
    }
    return gone
  }

  /** Puts a key in line when the operation at its head may go; forgets it when nothing is left of it. */
  #consider(queue: KeyQueue): void {
    if (queue.state !== 'idle') return
    const head = queue.ops.first
    if (head === undefined) {
      this.#keys.delete(queue)
      return
    }
    if (!this.#keys.isFirstElsewhere(head, queue)) return
    if (isBarrier(head) && queue.cleared !== head) {
      queue.state = 'held back'
      this.#heldBack.push(head)
    } else {
      queue.state = 'ready'
      this.#lanes.enter(queue, head)
    }
  }
}

interface LaneTake {
  readonly lane: Queue<KeyQueue>
  readonly op: Op
  readonly most: number
  readonly retries: boolean
}
