/** A first-in, first-out queue that gives back what was taken: pushes, shifts and unshifts in constant time. */
export class Queue<T> implements Iterable<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** The item with so many before it. */
  at(place: number): T | undefined {
    return this.#items[this.#head + place]
  }

  /** The items from one place to before another, all of which there are. */
  slice(from: number, to: number): T[] {
    return this.#items.slice(this.#head + from, this.#head + to) as T[] // only what was taken is undefined
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#compact()
    return item
  }

  /** Puts items back in front, the first of them first. */
  unshift(items: readonly T[]): void {
    if (items.length <= this.#head) {
      this.#head -= items.length
      for (const [i, item] of items.entries()) this.#items[this.#head + i] = item
      return
    }
    this.#compact()
    this.#items = [...items, ...this.#items]
  }

  /** Keeps what passes; returns what does not. */
  filter(keep: (item: T) => boolean): T[] {
    const gone: T[] = []
    const kept: T[] = []
    for (const item of this) (keep(item) ? kept : gone).push(item)
    this.#items = kept
    this.#head = 0
    return gone
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#head; at < this.#items.length; at += 1) {
      const item = this.#items[at]
      if (item !== undefined) yield item
    }
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
