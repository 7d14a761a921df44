/** The queues of all people of whom something is held. */
import { KeyQueue } from './key-queue.ts'
import type { Op } from './op.ts'

export class KeyQueues implements Iterable<KeyQueue> {
  readonly #queues = new Map<string, KeyQueue>()

  get size(): number {
    return this.#queues.size
  }

  /** In which it stands, that of its own key first. */
  holding(op: Op): readonly KeyQueue[] {
    const queue = this.#of(op.key)
    return op.also.length === 0 ? [queue] : [queue, ...op.also.map((key) => this.#of(key))]
  }

  /** Each once. Mostly an operation is of the same person as the one before it. */
  holdingAny(ops: readonly Op[]): ReadonlySet<KeyQueue> {
    const found = new Set<KeyQueue>()
    let last: KeyQueue | undefined
    for (const op of ops) {
      if (op.key === last?.key && op.also.length === 0) continue
      for (const queue of this.holding(op)) {
        found.add(queue)
        last = queue
      }
    }
    return found
  }

  /** Whether an operation that is first in this queue is so in those of its other people, and nothing of theirs is under way. */
  isFirstElsewhere(op: Op, queue: KeyQueue): boolean {
    if (op.also.length === 0) return true
    return this.holding(op).every(
      (other) => other === queue || (other.ops.first === op && other.state === 'idle'),
    )
  }

  /** Looked for one by one, since nobody asks but a person. */
  find(id: string): Op | undefined {
    for (const { ops } of this) for (const op of ops) if (op.id === id) return op
    return undefined
  }

  delete({ key }: KeyQueue): void {
    this.#queues.delete(key)
  }

  /** Made where there is none. */
  #of(key: string): KeyQueue {
    const known = this.#queues.get(key)
    if (known) return known
    const made = new KeyQueue(key)
    this.#queues.set(key, made)
    return made
  }

  [Symbol.iterator](): Iterator<KeyQueue> {
    return this.#queues.values()
  }
}
