/** People that are forgotten with the process: for tests, and for runs that keep nothing. */
import { Moves } from '../core/moves.ts'
import type { OwnPeople } from './people.ts'

export function openMemoryPeople(): OwnPeople {
  /** Keys that were pointed elsewhere after they had moved once; nobody follows such a key any more. */
  const pointed = new Map<string, string>()
  const moves = new Moves()
  const linked = new Set<string>()
  let lastBy: string | undefined
  const resolve = (key: string) => moves.follow(pointed.get(key) ?? key)

  return {
    async resolve(keys) {
      return keys.map(resolve)
    },
    async link(key, canonical, by) {
      const [current, root] = [resolve(key), resolve(canonical)]
      if (current === root) return
      lastBy = by
      linked.add(key)
      if (current === key) moves.move(key, root)
      else pointed.set(key, root)
    },
    async lastBy() {
      return lastBy
    },
    async *links() {
      const keys = [...linked].filter((key) => resolve(key) !== key)
      yield keys.map((key) => ({ key, canonical: resolve(key) }))
    },
    async [Symbol.asyncDispose]() {},
  }
}
