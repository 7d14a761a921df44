/**
 * The key under which each operation of a group is put on the bus, with the links that the group itself makes. Later
 * operations of a group must be placed as if the links of the earlier ones were written already. Pure.
 */
import { Moves } from '../core/moves.ts'
import type { Link } from '../people/people.ts'
import type { Operation } from './stamp.ts'

export interface Placement {
  readonly key: string
  /** What else the operation holds while it is under way: the keys under which its other identifiers were ordered so far. */
  readonly alsoKeys: readonly string[]
  /** Those that it makes, in their order. */
  readonly links: readonly Link[]
}

const NONE: readonly never[] = []

const isIdKey = (key: string) => key.startsWith('id:')

export class Keys {
  readonly #roots: Map<string, string>
  readonly #moves = new Moves()
  readonly #links: Link[] = []

  /**
   * `roots` says how people/ resolves the keys that the operations name; a key that is not in it is its own. It is taken
   * over, and changes with the links.
   */
  constructor(roots: Map<string, string>) {
    this.#roots = roots
  }

  /** To be written, in this order, when the operations are published (accept.ts). */
  get links(): readonly Link[] {
    return this.#links
  }

  /**
   * An identify that names a second identifier makes both one key, that of the id where there is one; a merge makes the
   * secondary follow the primary. An address that moves to another person moves alone: were the two people's keys joined
   * as well, one address shared by thousands would put them all into one line. Who is named by anything else, such as a
   * change of a segment, is held and not joined.
   */
  place({ kind, key, others }: Operation): Placement {
    if (others.length === 0) return { key: this.#resolve(key), alsoKeys: NONE, links: NONE }
    const named = [key, ...others]
    const roots = named.map((name) => this.#resolve(name))
    if (!kind.startsWith('person.')) return hold(roots, key, NONE)
    const isMerge = kind === 'person.merge'
    const canonical = (isMerge ? roots[0] : preferred(named, roots)) ?? key
    const before = this.#links.length
    for (const [i, name] of named.entries()) {
      const root = roots[i] ?? name
      if (root !== canonical) this.#link({ key: isMerge ? root : name, canonical })
    }
    return hold(roots, canonical, this.#links.slice(before))
  }

  #resolve(key: string): string {
    return this.#moves.follow(this.#roots.get(key) ?? key)
  }

  /** As people/ will do it: a key that is its own takes along all that resolve to it, another one goes alone. */
  #link(link: Link): void {
    const { key, canonical } = link
    this.#links.push(link)
    if (this.#resolve(key) === key) this.#moves.move(key, canonical)
    else this.#roots.set(key, canonical)
  }
}

const hold = (roots: readonly string[], key: string, links: readonly Link[]): Placement => ({
  key,
  alsoKeys: [...new Set(roots)].filter((root) => root !== key),
  links,
})

/** The id that is named, or else one that a named key already belongs to, or else what the caller called the person. */
const preferred = (named: readonly string[], roots: readonly string[]): string | undefined =>
  roots[named.findIndex(isIdKey)] ?? roots.find(isIdKey) ?? roots[0]
