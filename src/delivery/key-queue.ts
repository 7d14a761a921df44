/** What waits of one person, in order. */
import { keysOf, type Op } from './op.ts'
import { Queue } from './queue.ts'

export class KeyQueue {
  readonly key: string
  readonly ops = new Queue<Op>()
  /** Of the values of `ops`. */
  bytes = 0
  /**
   * `idle`: nothing may go. `held back`: a barrier, until what ended before it is settled. `ready`: it waits in a lane.
   * `busy`: a run is in flight. `parked`: until its time.
   */
  state: 'idle' | 'held back' | 'ready' | 'busy' | 'parked' = 'idle'
  /** The barrier that is held back no more. */
  cleared: Op | undefined

  constructor(key: string) {
    this.key = key
  }

  push(op: Op): void {
    this.ops.push(op)
    this.bytes += op.bytes
  }

  /** These, which are its first, leave. */
  depart(ops: readonly Op[]): void {
    for (const { bytes } of ops) {
      this.ops.shift()
      this.bytes -= bytes
    }
    this.state = 'busy'
  }

  /** Those of them that are this person's come back to its head, in order. */
  unshift(ops: readonly Op[]): void {
    const own = ops.filter((op) => keysOf(op).includes(this.key))
    this.ops.unshift(own)
    for (const { bytes } of own) this.bytes += bytes
  }

  /** Returns what went. */
  forget(isGone: (op: Op) => boolean): readonly Op[] {
    const gone = this.ops.filter((op) => !isGone(op))
    for (const { bytes } of gone) this.bytes -= bytes
    return gone
  }
}
