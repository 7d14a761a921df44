/**
 * A bounded cache of resolved keys: the least recently used goes first. It also remembers that a key has no link, since
 * that is the answer for most people and every operation asks. What moved since an entry was made is followed from there,
 * so that a move touches no entry; when as many moves as entries have gathered, all of it is forgotten and asked anew.
 */
import { Moves } from '../core/moves.ts'

export class KeyCache {
  readonly #known = new Map<string, string>()
  readonly #moves = new Moves()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: string): string | undefined {
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    const canonical = this.#moves.follow(known)
    this.#known.delete(key)
    this.#known.set(key, canonical)
    return canonical
  }

  set(key: string, canonical: string): void {
    this.#known.delete(key)
    this.#known.set(key, canonical)
    if (this.#known.size <= this.#capacity) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      return
    }
  }

  /** From now on whatever resolves to `key` resolves to `canonical`. */
  move(key: string, canonical: string): void {
    if (this.#moves.size >= this.#capacity) this.clear()
    else this.#moves.move(key, canonical)
  }

  clear(): void {
    this.#known.clear()
    this.#moves.clear()
  }
}
