/**
 * What is set aside: of a person with much more queued than others, delivery holds a share, remembers where on the log the
 * rest lies, and reads that again when her turn comes. Else one person with a long queue would fill the window, and
 * everybody whose operations lie behind hers would wait for her.
 *
 * A line is what was set aside of one person, in the order in which it came. Whatever comes later of her joins the line, so
 * that nothing overtakes. An operation of several people (a merge, an identify that brings a second identifier) makes one
 * line of theirs. It does no I/O.
 */
import type { Place, Received } from '../core/record.ts'
import { type Amount, keysOf, makeOp, type Op } from './op.ts'
import { Queue } from './queue.ts'

export interface AsideLimits {
  /** The most that is held of one line of what was read again; half of it, and more is read. */
  readonly share: Amount
  /** The most of what was read again that is held of all lines together. */
  readonly again: Amount
}

/** What is to be read again next: of this lane, from this offset on. */
export interface Wanted {
  readonly line: Line
  readonly lane: number
  readonly from: number
  readonly limit: number
}

export interface Taken {
  readonly ops: readonly Op[]
  readonly gone: readonly Omit<Place, 'topic'>[]
}

interface Hand {
  readonly lane: number
  readonly epoch: number
}

class Line {
  readonly keys = new Set<string>()
  /** 16 bytes for each operation: an offset, and the hand that it came by, which is shared by its neighbours. */
  readonly #offsets = new Queue<number>()
  readonly #hands = new Queue<Hand>()
  #last: Hand = { lane: -1, epoch: -1 }
  /** All that was ever set aside here, for what one operation has on average. */
  readonly #put = { ops: 0, bytes: 0 }
  /** What was read again and has not ended. */
  ops = 0
  bytes = 0
  /** It stands among those that are read next. */
  isNext = false
  /** It became part of this one. */
  into: Line | undefined

  get length(): number {
    return this.#offsets.length
  }

  get first(): Omit<Place, 'topic'> | undefined {
    const offset = this.#offsets.first
    const hand = this.#hands.first
    return offset === undefined || hand === undefined ? undefined : { offset, ...hand }
  }

  push(offset: number, { lane, epoch }: Hand): void {
    if (this.#last.lane !== lane || this.#last.epoch !== epoch) this.#last = { lane, epoch }
    this.#offsets.push(offset)
    this.#hands.push(this.#last)
  }

  /** Another operation is set aside. */
  put(op: Op): void {
    this.push(op.offset, op)
    this.#put.ops += 1
    this.#put.bytes += op.bytes
  }

  /** How many operations may be read so that no more than so many bytes are held of it, if they are like the others. */
  fitting(bytes: number): number {
    return Math.ceil(((bytes - this.bytes) * this.#put.ops) / Math.max(1, this.#put.bytes))
  }

  shift(): void {
    this.#offsets.shift()
    this.#hands.shift()
  }

  /** The other had no key in common with it until now: in what order the two follow one another is all the same. */
  absorb(other: Line): void {
    for (let place = other.first; place; place = other.first) {
      this.push(place.offset, place)
      other.shift()
    }
    this.#put.ops += other.#put.ops
    this.#put.bytes += other.#put.bytes
    this.ops += other.ops
    this.bytes += other.bytes
    other.into = this
  }

  /** Returns how many went. */
  forget(isGone: (place: Omit<Place, 'topic'>) => boolean): number {
    const before = this.length
    for (let left = before; left > 0; left -= 1) {
      const place = this.first
      this.shift()
      if (place && !isGone(place)) this.push(place.offset, place)
    }
    return before - this.length
  }
}

export class Aside {
  readonly #limits: AsideLimits
  readonly #lines = new Map<string, Line>()
  /** Lines that may be read, whoever came first. */
  readonly #next = new Queue<Line>()
  /** What was read again and has not ended. */
  readonly #held = new Map<Op, Line>()
  #bytes = 0
  #size = 0

  constructor(limits: AsideLimits) {
    this.#limits = limits
  }

  /** Operations that are only remembered. */
  get size(): number {
    return this.#size
  }

  /** Of what is held, that which was read again. */
  get held(): Amount {
    return { ops: this.#held.size, bytes: this.#bytes }
  }

  /** Something of the same person waits here: this must wait behind it. */
  holds(keys: readonly string[]): boolean {
    return this.#size > 0 && keys.some((key) => this.#lines.has(key))
  }

  put(op: Op): void {
    const line = this.#lineOf(keysOf(op))
    line.put(op)
    this.#size += 1
    this.#offer(line)
  }

  /** What to read next; undefined when nothing is set aside, or enough is held of all that is. */
  wanted(): Wanted | undefined {
    const { share, again } = this.#limits
    const room = this.#bytes < again.bytes ? again.ops - this.#held.size : 0
    for (let line = this.#next.first; line && room > 0; line = this.#next.first) {
      const { first } = line
      if (first)
        return {
          line,
          lane: first.lane,
          from: first.offset,
          limit: Math.max(1, Math.min(room, share.ops - line.ops, line.fitting(share.bytes))),
        }
      this.#next.shift()
      line.isNext = false
    }
    return undefined
  }

  /**
   * Takes what was read: those that stand at the head of the line, in order, as many as may be held. `gone` are those that
   * the log has no more: it went on after them.
   */
  take({ line: asked, lane, from }: Wanted, found: readonly Received[]): Taken {
    const line = rootOf(asked)
    const end = found.at(-1)?.offset ?? Number.NEGATIVE_INFINITY
    // By offset: a line that has taken in another does not ascend.
    const byOffset = new Map(found.map((record) => [record.offset, record]))
    const ops: Op[] = []
    const gone: Omit<Place, 'topic'>[] = []
    const wasRead = ({ lane: of, offset }: Omit<Place, 'topic'>) =>
      of === lane && offset >= from && offset <= end
    for (let at = line.first; at && wasRead(at); at = line.first) {
      if (line.bytes >= this.#limits.share.bytes) break
      const record = byOffset.get(at.offset)
      line.shift()
      this.#size -= 1
      if (record === undefined) gone.push(at)
      else ops.push(this.#hold(line, makeOp({ ...record, epoch: at.epoch })))
    }
    this.#passOn(asked)
    return { ops, gone }
  }

  /** These ended, or are no longer this member's. */
  release(ops: Iterable<Op>): void {
    if (this.#held.size === 0) return
    for (const op of ops) {
      const held = this.#held.get(op)
      if (held === undefined) continue
      const line = rootOf(held)
      this.#held.delete(op)
      this.#bytes -= op.bytes
      line.ops -= 1
      line.bytes -= op.bytes
      this.#offer(line)
    }
  }

  /** Lanes were taken away: what lies on them is another's. */
  forget(isGone: (place: Omit<Place, 'topic'>) => boolean): void {
    for (const line of new Set(this.#lines.values())) {
      this.#size -= line.forget(isGone)
      this.#endIfEmpty(line)
    }
  }

  #hold(line: Line, op: Op): Op {
    this.#held.set(op, line)
    this.#bytes += op.bytes
    line.ops += 1
    line.bytes += op.bytes
    return op
  }

  /** The next line is read first now. */
  #passOn(asked: Line): void {
    if (this.#next.first === asked) this.#next.shift()
    asked.isNext = false
    const line = rootOf(asked)
    this.#offer(line)
    this.#endIfEmpty(line)
  }

  #offer(line: Line): void {
    const { share } = this.#limits
    if (line.isNext || line.length === 0 || line.ops > share.ops / 2 || line.bytes > share.bytes / 2) return
    line.isNext = true
    this.#next.push(line)
  }

  /** A line that was read while its lane went and came back may have a successor by now. */
  #endIfEmpty(line: Line): void {
    if (line.length > 0) return
    for (const key of line.keys) if (this.#lines.get(key) === line) this.#lines.delete(key)
  }

  /** The line of these people: one, whatever they had until now. The longest takes in the others. */
  #lineOf(keys: readonly string[]): Line {
    const [key = ''] = keys
    const known = keys.length === 1 ? this.#lines.get(key) : undefined
    if (known) return known
    const all = [...new Set(keys.flatMap((each) => this.#lines.get(each) ?? []))]
    const [line = new Line(), ...others] = all.sort((a, b) => b.length - a.length)
    for (const other of others) line.absorb(other)
    for (const each of [...keys, ...others.flatMap((other) => [...other.keys])]) {
      line.keys.add(each)
      this.#lines.set(each, line)
    }
    return line
  }
}

function rootOf(line: Line): Line {
  let root = line
  while (root.into) root = root.into
  return root
}
