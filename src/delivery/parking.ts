/** What waits for a time, the earliest first. It knows no time but what it is given. */
interface Lot<T> {
  readonly until: number
  readonly parked: T[]
}

export class Parking<T> {
  readonly #lots: Lot<T>[] = []

  /** Those that are parked until the same time one after the other, as those of one batch are, share a lot. */
  park(parked: Iterable<T>, until: number): void {
    const last = this.#lots.at(-1)
    if (last?.until === until) {
      last.parked.push(...parked)
      return
    }
    const before = this.#lots.findLastIndex((lot) => lot.until <= until)
    this.#lots.splice(before + 1, 0, { until, parked: [...parked] })
  }

  /** Takes out the first whose time has come; undefined when there is none. */
  takeDue(now: number): readonly T[] | undefined {
    return this.next <= now ? this.#lots.shift()?.parked : undefined
  }

  /** When the next one is due, or Infinity. */
  get next(): number {
    return this.#lots[0]?.until ?? Number.POSITIVE_INFINITY
  }
}
