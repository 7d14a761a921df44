/**
 * A bounded cache of resolved keys, in two halves: what is asked for is in the young one, and when that is full the old one
 * is forgotten and takes its place. So what is used stays, and a question costs two looks at most, where a strict order of
 * use would cost a removal and an insertion each time. It also remembers that a key has no link, since that is the answer
 * for most people and every operation asks. What moved since an entry was made is followed from there, so that a move
 * touches no entry; when as many moves as entries have gathered, all of it is forgotten and asked anew.
 */
import { Moves } from '../core/moves.ts'

export class KeyCache {
  #young = new Map<string, string>()
  #old = new Map<string, string>()
  readonly #moves = new Moves()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: string): string | undefined {
    const young = this.#young.get(key)
    const known = young ?? this.#old.get(key)
    if (known === undefined) return undefined
    const canonical = this.#moves.follow(known)
    if (young !== canonical) this.set(key, canonical)
    return canonical
  }

  set(key: string, canonical: string): void {
    this.#young.set(key, canonical)
    if (this.#young.size * 2 <= this.#capacity) return
    this.#old = this.#young
    this.#young = new Map()
  }

  /** From now on whatever resolves to `key` resolves to `canonical`. */
  move(key: string, canonical: string): void {
    if (this.#moves.size >= this.#capacity) this.clear()
    else this.#moves.move(key, canonical)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#moves.clear()
  }
}
