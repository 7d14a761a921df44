/** Removes from the embedded log what was written before a time and every group has settled, step by step. */
import type { Clock } from '../core/clock.ts'
import type { Committer } from './sqlite-commit.ts'
import { groupsOf, type Held } from './sqlite-held.ts'
import type { Tables } from './sqlite-tables.ts'

/** Chunks looked at, or removed in one transaction, at once: a thousand rows of up to 1 MB would hold the event loop for too long. */
const TRIM_CHUNKS = 50

export interface TrimmerOptions {
  readonly tables: Tables
  readonly committer: Committer
  readonly clock: Clock
  /** Whether no further step is to be taken. */
  readonly isOver: () => boolean
}

export class Trimmer {
  readonly #options: TrimmerOptions

  constructor(options: TrimmerOptions) {
    this.#options = options
  }

  /** Returns how many records went. `before`: milliseconds since 1970. */
  async trim(held: Held, before: number): Promise<number> {
    const old = await this.#oldUpTo(held, before)
    let removed = 0
    for (let step = 1; step > 0 && !this.#options.isOver(); removed += step)
      step = await this.#step(held, old)
    return removed
  }

  /**
   * Up to where all was written before then, as far as it is settled. A stamp after now says nothing, and must not hold up the
   * rest until its time comes: but the log grows in order, so that what lies before an old chunk is at least as old.
   */
  async #oldUpTo({ log, topic }: Held, before: number): Promise<number> {
    const { tables, clock, isOver } = this.#options
    let old = log.first
    for (let from = 0; !isOver(); await clock.sleep(0)) {
      const chunks = tables.chunksFrom(log.row, from, TRIM_CHUNKS)
      for (const { at, end } of chunks) {
        if (end > topic.floor || (at >= before && at <= clock.now())) return old
        if (at < before) old = end
        from = end
      }
      if (chunks.length === 0) return old
    }
    return old
  }

  /** Returns how many records went; 0 when nothing more may. A topic that nobody reads is trimmed by age alone. */
  async #step(held: Held, old: number): Promise<number> {
    let count = 0
    await this.#options.committer.exclusive(() => {
      const first = this.#trimmable(held, old)
      const { log } = held
      count = first - log.first
      if (count === 0) return undefined
      const row = log.trimmed(first)
      const removals = [[row.number, first] as const]
      const groups = groupsOf(held).filter(([group]) => group.dirty)
      return { change: { topics: [row], removals }, adopt: () => log.trim(row), groups }
    })
    return count
  }

  /** Where the first chunk begins that must stay. */
  #trimmable({ log, topic }: Held, old: number): number {
    let first = log.first
    for (const { end } of this.#options.tables.chunksFrom(log.row, 0, TRIM_CHUNKS))
      if (end <= Math.min(old, topic.floor)) first = end
    return first
  }
}
