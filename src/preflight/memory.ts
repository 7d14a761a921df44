/**
 * What was seen of people before: how their ids are written, and how new their last identify was. As far back as the memory
 * goes: 50,000 of each at the most, the oldest forgotten first; a process begins with nothing.
 */

const MOST = 50_000

/** A map that forgets what was set first when it is full. */
class Bounded<Value> {
  readonly #known = new Map<string, Value>()

  get(key: string): Value | undefined {
    return this.#known.get(key)
  }

  set(key: string, value: Value): void {
    this.#known.delete(key)
    this.#known.set(key, value)
    if (this.#known.size <= MOST) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

const ID = 'id:'

export class Memory {
  /** By the id without case and spaces, the key as it was written first. */
  readonly #spellings = new Bounded<string>()
  /** Those keys: most that come are among them, and are looked up as they are. */
  readonly #first = new Bounded<true>()
  readonly #newest = new Bounded<number>()

  /** Another spelling of the id in the key `id:…`, by case or spaces alone; undefined when there is none. */
  otherSpelling(key: string): string | undefined {
    if (this.#first.get(key)) return undefined
    const plain = key.slice(ID.length).trim().toLowerCase()
    const known = this.#spellings.get(plain)
    if (known !== undefined) return known.slice(ID.length)
    this.#spellings.set(plain, key)
    this.#first.set(key, true)
    return undefined
  }

  /** By how many seconds an identify is older than the newest one of the person; 0 when it is the newest. */
  secondsBehind(key: string, seconds: number): number {
    const newest = this.#newest.get(key)
    if (newest !== undefined && newest > seconds) return newest - seconds
    if (newest !== seconds) this.#newest.set(key, seconds)
    return 0
  }
}
