/**
 * Keys that moved into other keys, followed to the end. A key moves once, when it is the last of its chain; whoever
 * followed it then goes along without being touched, so that a move costs the same however many follow.
 */
export class Moves {
  readonly #into = new Map<string, string>()

  get size(): number {
    return this.#into.size
  }

  /** `key` must not have moved before, and `target` not lead back to it: pass what `follow` returned for two other keys. */
  move(key: string, target: string): void {
    this.#into.set(key, target)
  }

  /** Where `key` is now: itself, unless it moved. Each walk halves the way of the next one. */
  follow(key: string): string {
    if (this.#into.size === 0) return key // most of the time
    let at = key
    for (let next = this.#into.get(at); next !== undefined; next = this.#into.get(at)) {
      const after = this.#into.get(next)
      if (after !== undefined) this.#into.set(at, after)
      at = next
    }
    return at
  }

  clear(): void {
    this.#into.clear()
  }
}
