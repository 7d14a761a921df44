/**
 * How far a group is in one lane: which records are handed out, which of those are settled, and what of that must be
 * remembered. Memory grows with what is unsettled, never with what was settled above a record that nobody finishes: 9 bytes
 * for each record of a block (progress-block.ts) of which something is unsettled, 10 MB for a million.
 *
 * Offsets may have holes (a lane of a shared log, a compacted Kafka partition), so two unsettled offsets do not tell
 * whether a record lay between them. The blocks have the lane's records one after another, settled or not, and do tell.
 */
import { Block } from './progress-block.ts'

/** Both ends belong to it. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** What a restart needs: everything of the lane below `position` and within `above` is settled. */
export interface Saved {
  readonly position: number
  /** Ascending, none touching another, all above `position`. */
  readonly above: readonly Range[]
  /** More is settled above than `above` says: it comes again. */
  readonly cut?: boolean
}

export class Progress {
  /** What is handed out, from the lowest unsettled record on, ascending. */
  readonly #blocks: Block[] = []
  /** Settled ranges not reached yet by this hand-out, the lowest last. */
  readonly #ahead: Range[]
  #next: number
  #unsettled = 0

  constructor(saved: Saved) {
    this.#next = saved.position
    this.#ahead = saved.above.toReversed()
    this.pass(saved.position)
  }

  /** The lowest offset that has not been looked at. */
  get next(): number {
    return this.#next
  }

  /** How many records are handed out and not settled. */
  get unsettled(): number {
    return this.#unsettled
  }

  /** The lowest offset that is not known to be settled: a record handed out, else `next`. */
  get position(): number {
    return this.#blocks[0]?.position ?? this.#next
  }

  /** True when the lane's record at this offset is to be handed out now; false when it was before, or is settled. */
  take(offset: number): boolean {
    this.pass(offset)
    if (offset < this.#next) return false
    this.#last().push(offset, false)
    this.#unsettled += 1
    this.pass(offset + 1)
    return true
  }

  /** Says that nothing of the lane, below this offset, is left to look at. */
  pass(offset: number): void {
    if (offset > this.#next) this.#next = offset
    for (let range = this.#ahead.at(-1); range && range.from <= this.#next; range = this.#ahead.at(-1)) {
      this.#next = Math.max(this.#next, range.to + 1)
      if (this.#unsettled > 0) this.#last().push(range.to, true)
      this.#ahead.pop()
    }
  }

  /** True when the record was handed out and not settled before. */
  settle(offset: number): boolean {
    const at = this.#blockOf(offset)
    const block = this.#blocks[at]
    if (!block?.settle(offset)) return false
    this.#unsettled -= 1
    if (block.unsettled === 0) this.#close(at)
    return true
  }

  /** With at most so many ranges above: what more is settled comes again. */
  saved(most: number = Number.POSITIVE_INFINITY): Saved {
    const above: Range[] = []
    const room = most - this.#ahead.length
    let last: number | undefined
    let jumped = false
    for (const block of this.#blocks) {
      if (above.length >= room) return this.#saved(above, true)
      for (const { from, to, isFirst } of block.runs()) {
        if (last !== undefined && (jumped || !isFirst)) above.push({ from: last + 1, to: from - 1 })
        last = to
        jumped = false
      }
      jumped ||= block.endsSettled
    }
    if (last !== undefined && jumped) above.push({ from: last + 1, to: this.#next - 1 })
    return this.#saved(above, false)
  }

  #saved(above: Range[], cut: boolean): Saved {
    const all = above.concat(this.#ahead.toReversed())
    return cut ? { position: this.position, above: all, cut } : { position: this.position, above: all }
  }

  #last(): Block {
    const last = this.#blocks.at(-1)
    if (last && !last.isFull) return last
    const block = new Block()
    this.#blocks.push(block)
    return block
  }

  /** The block that the offset is in, if it is in any. */
  #blockOf(offset: number): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#blocks[middle]?.first ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Nothing of the block is unsettled any more: none such is kept in front, and of two neighbours one. */
  #close(at: number): void {
    const block = this.#blocks[at]
    if (at > 0 && block?.isFull) {
      block.close()
      const isClosed = (near: Block | undefined) => near?.unsettled === 0 && near.isFull
      if (isClosed(this.#blocks[at + 1])) this.#blocks.splice(at + 1, 1)
      if (isClosed(this.#blocks[at - 1])) this.#blocks.splice(at, 1)
    }
    while (this.#blocks[0]?.unsettled === 0 && (this.#blocks.length > 1 || this.#blocks[0].isFull))
      this.#blocks.shift()
    if (this.#unsettled === 0) this.#blocks[0]?.clear()
  }
}

/** As few digits as can be: the position, then for every range the distance to it and its length less one. */
export function packSaved({ position, above }: Saved): number[] {
  const numbers = [position]
  let last = position
  for (const { from, to } of above) {
    numbers.push(from - last, to - from)
    last = to
  }
  return numbers
}

export function unpackSaved(numbers: readonly number[]): Saved {
  const position = numbers[0] ?? 0
  const above: Range[] = []
  let last = position
  for (let i = 1; i + 1 < numbers.length; i += 2) {
    const from = last + (numbers[i] ?? 0)
    last = from + (numbers[i + 1] ?? 0)
    above.push({ from, to: last })
  }
  return { position, above }
}
