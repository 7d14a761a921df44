/** Whoever's first operation may go stands in one of four lanes; a batch is drawn from one kind of them. */
import type { KeyQueue } from './key-queue.ts'
import { isSuspect, type Op } from './op.ts'
import { Queue } from './queue.ts'
import { isSingle } from './run.ts'

export class Lanes {
  readonly fresh = new Queue<KeyQueue>()
  readonly retry = new Queue<KeyQueue>()
  readonly suspect = new Queue<KeyQueue>()
  readonly single = new Queue<KeyQueue>()

  /** `head` is the first of the queue. */
  enter(queue: KeyQueue, head: Op): void {
    this.#laneFor(head).push(queue)
  }

  #laneFor(op: Op): Queue<KeyQueue> {
    if (isSingle(op)) return this.single
    if (isSuspect(op)) return this.suspect
    return isRetry(op) ? this.retry : this.fresh
  }

  /** Whether somebody may go; retries count only when the budget allows them. */
  ready(retries: boolean): boolean {
    const { fresh, retry, suspect, single } = this
    return fresh.length + single.length + suspect.length + (retries ? retry.length : 0) > 0
  }

  clear(): void {
    for (const lane of [this.fresh, this.retry, this.suspect, this.single]) lane.filter(() => false)
  }
}

/** It failed for now. Halving a refused batch, or taking apart an unclear one, is no retry: each call is answered for good. */
export const isRetry = (op: Op): boolean => op.attempts.length > 0 && !op.narrowed
