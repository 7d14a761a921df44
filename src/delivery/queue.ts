/**
 * A first-in, first-out queue that gives back what was taken: pushes, shifts and unshifts in constant time. Its items lie in a
 * ring, which is small at first: there is one for each person who has anything waiting, mostly one thing.
 */
const LEAST = 4

export class Queue<T> implements Iterable<T> {
  /** As many as a power of two; the place after the last is the first again. */
  #ring: (T | undefined)[] = new Array(LEAST)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  get first(): T | undefined {
    return this.#ring[this.#head]
  }

  /** The item with so many before it. */
  at(place: number): T | undefined {
    return place < this.#length ? this.#ring[this.#place(place)] : undefined
  }

  /** The items from one place to before another, all of which there are. */
  slice(from: number, to: number): T[] {
    if (from >= to) return []
    const [start, end] = [this.#place(from), this.#place(to)]
    const ring = this.#ring as T[] // only what was taken is undefined
    return start < end ? ring.slice(start, end) : ring.slice(start).concat(ring.slice(0, end))
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[this.#place(this.#length)] = item
    this.#length += 1
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = this.#place(1)
    this.#length -= 1
    return item
  }

  /** Puts items back in front, the first of them first. */
  unshift(items: readonly T[]): void {
    for (const item of items.toReversed()) {
      if (this.#length === this.#ring.length) this.#grow()
      this.#head = this.#place(-1)
      this.#ring[this.#head] = item
      this.#length += 1
    }
  }

  /** Keeps what passes; returns what does not. */
  filter(keep: (item: T) => boolean): T[] {
    const gone: T[] = []
    const kept: T[] = []
    for (const item of this) (keep(item) ? kept : gone).push(item)
    this.#ring = new Array(LEAST)
    this.#head = 0
    this.#length = 0
    for (const item of kept) this.push(item)
    return gone
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let place = 0; place < this.#length; place += 1) {
      const item = this.at(place)
      if (item !== undefined) yield item
    }
  }

  #place(from: number): number {
    return (this.#head + from) & (this.#ring.length - 1)
  }

  /** Twice as large, from its beginning on. */
  #grow(): void {
    const items = this.slice(0, this.#length)
    this.#ring = items.concat(new Array(this.#length))
    this.#head = 0
  }
}
