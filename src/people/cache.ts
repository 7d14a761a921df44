/**
 * A bounded cache of resolved keys: the least recently used goes first. It also remembers that a key has no link, since
 * that is the answer for most people and every operation asks.
 */
export class KeyCache {
  readonly #canonical = new Map<string, string>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: string): string | undefined {
    const canonical = this.#canonical.get(key)
    if (canonical === undefined) return undefined
    this.#canonical.delete(key)
    this.#canonical.set(key, canonical)
    return canonical
  }

  set(key: string, canonical: string): void {
    this.#canonical.delete(key)
    this.#canonical.set(key, canonical)
    if (this.#canonical.size <= this.#capacity) return
    for (const oldest of this.#canonical.keys()) {
      this.#canonical.delete(oldest)
      return
    }
  }
}
