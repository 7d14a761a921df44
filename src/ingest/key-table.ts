/**
 * Person keys by the bytes of the identifier that they are made of. Most that come were named lately: then nothing is cut and
 * joined, and what is found is the very string that the maps further on have met, where the first look into a Map with a new
 * string takes longer than all of this. What is not there, or was overwritten by others, is made anew: that two share a place
 * makes it 4 of 100 where it were 14, of 5,000 people who are named in turn.
 */
import { personKey } from '../core/operation.ts'

/** A power of two. Keys of 30 characters take 2 MB. */
const SLOTS = 2 ** 15
/** Side by side in a place: the key that was made last, and the one before it. */
const WAYS = 2

export class KeyTable {
  readonly #name: string
  readonly #prefix: string
  readonly #keys = new Array<string>(SLOTS).fill('')

  constructor(name: 'id' | 'email' | 'cio_id') {
    this.#name = name
    this.#prefix = `${name}:`
  }

  /** The key of the identifier that stands in these bytes as UTF-8, and is not empty. */
  keyOf(bytes: Uint8Array, from: number, to: number): string {
    const slot = slotOf(bytes, from, to)
    const length = this.#prefix.length + to - from
    const last = this.#keys[slot] ?? ''
    if (last.length === length && this.#endsWith(last, bytes, from)) return last
    const older = this.#keys[slot + 1] ?? ''
    if (older.length === length && this.#endsWith(older, bytes, from)) return older
    const text = Buffer.from(bytes.subarray(from, to)).toString('utf8')
    const key = personKey({ [this.#name]: text }) ?? this.#prefix
    this.#keys[slot] = key
    this.#keys[slot + 1] = last
    return key
  }

  /** Of ASCII alone: the letters of one key may be the bytes of another, as those of "Ã©" are of "é". */
  #endsWith(key: string, bytes: Uint8Array, from: number): boolean {
    const start = this.#prefix.length
    for (let at = start; at < key.length; at += 1) {
      const code = key.charCodeAt(at)
      if (code > 127 || code !== bytes[from + at - start]) return false
    }
    return true
  }
}

/** FNV-1a, folded: the first slot of a place. */
function slotOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
  return (hash ^ (hash >>> 15)) & (SLOTS - WAYS)
}
