/**
 * How far a group is in one lane: which records are handed out, which of those are settled, and what of that must be
 * remembered. Memory grows with what is unsettled, never with what was settled above a record that nobody finishes.
 *
 * Offsets may have holes (a lane of a shared log, a compacted Kafka partition), so two unsettled offsets do not tell
 * whether a record lay between them. An ordinal does: it counts the lane's records in order, and a jump in it between
 * two unsettled neighbours says that something settled lies there.
 */

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
}

export class Progress {
  /** Offset to ordinal of what is handed out and not settled; ascending, since a Map keeps the order of insertion. */
  readonly #unsettled = new Map<number, number>()
  /** Settled ranges not reached yet by this hand-out, the lowest last. */
  readonly #ahead: Range[]
  #next: number
  #ordinal = 0

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
    return this.#unsettled.size
  }

  /** The lowest offset that is not known to be settled: a record handed out, else `next`. */
  get position(): number {
    for (const offset of this.#unsettled.keys()) return offset
    return this.#next
  }

  /** True when the lane's record at this offset is to be handed out now; false when it was before, or is settled. */
  take(offset: number): boolean {
    this.pass(offset)
    if (offset < this.#next) return false
    this.#ordinal += 1
    this.#unsettled.set(offset, this.#ordinal)
    this.pass(offset + 1)
    return true
  }

  /** Says that nothing of the lane, below this offset, is left to look at. */
  pass(offset: number): void {
    if (offset > this.#next) this.#next = offset
    for (let range = this.#ahead.at(-1); range && range.from <= this.#next; range = this.#ahead.at(-1)) {
      this.#next = Math.max(this.#next, range.to + 1)
      this.#ordinal += 1
      this.#ahead.pop()
    }
  }

  /** True when the record was handed out and not settled before. */
  settle(offset: number): boolean {
    return this.#unsettled.delete(offset)
  }

  saved(): Saved {
    const above: Range[] = []
    let last: { offset: number; ordinal: number } | undefined
    for (const [offset, ordinal] of this.#unsettled) {
      if (last && ordinal - last.ordinal > 1) above.push({ from: last.offset + 1, to: offset - 1 })
      last = { offset, ordinal }
    }
    if (last && this.#ordinal > last.ordinal) above.push({ from: last.offset + 1, to: this.#next - 1 })
    return { position: this.position, above: above.concat(this.#ahead.toReversed()) }
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
