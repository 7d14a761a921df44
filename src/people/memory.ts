/** People that are forgotten with the process: for tests, and for runs that keep nothing. */
import type { People } from './people.ts'

export function openMemoryPeople(): People {
  /** Every value is a key that has no entry itself, so that one look is enough. */
  const links = new Map<string, string>()
  const resolve = (key: string) => links.get(key) ?? key

  return {
    async resolve(keys) {
      return keys.map(resolve)
    },
    async link(key, canonical) {
      const root = resolve(canonical)
      if (root === resolve(key)) return
      links.set(key, root)
      for (const [other, before] of links) if (before === key) links.set(other, root)
    },
    async [Symbol.asyncDispose]() {},
  }
}
