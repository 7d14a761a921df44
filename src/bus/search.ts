/**
 * Finds the lowest unsettled offset of every lane where nothing of the lane is handed out: it must be looked for in
 * the log, which may hold millions of records of other lanes before it. What was found is kept until the group has
 * passed it, so that over the life of a backlog every stretch is looked into about once.
 */
import type { Group } from './group.ts'
import type { Log } from './log.ts'
import { endOf, type Stretch } from './stretch.ts'

/** How many stretches one step looks into. */
const STRETCHES = 32

interface Bound {
  /** The lane has no record from the group's next offset up to here. */
  readonly offset: number
  /** And has one exactly here. */
  readonly found: boolean
}

export class Search {
  readonly #log: Log
  readonly #bounds = new Map<number, Bound>()
  #received: { offset: number; at: number | undefined } | undefined

  constructor(log: Log) {
    this.#log = log
  }

  /** Looks on for a bounded time; true when the position of every lane is known. */
  step(group: Group): boolean {
    const sought = this.#sought(group)
    for (let looked = 0; sought.size > 0 && looked < STRETCHES; looked += 1) {
      const stretch = this.#log.stretchAt(Math.min(...sought.values()))
      if (stretch) this.#look(stretch, sought)
      else for (const lane of [...sought.keys()]) this.#bound(lane, this.#log.head, sought)
    }
    return sought.size === 0
  }

  /** Of every lane with unsettled records the lowest; to be asked when the step before said true. */
  positions(group: Group): Map<number, number> {
    const positions = new Map<number, number>()
    for (const [lane, { progress }] of group.lanes.entries()) {
      const bound = this.#bounds.get(lane)
      if (progress.unsettled > 0) positions.set(lane, progress.position)
      else if (bound?.found && bound.offset >= progress.next) positions.set(lane, bound.offset)
    }
    return positions
  }

  /** When the record with this offset was received; undefined when there is none, as at infinity. */
  receivedAt(offset: number): number | undefined {
    if (offset === Number.POSITIVE_INFINITY) return undefined
    if (this.#received?.offset !== offset) {
      const stretch = this.#log.stretchAt(offset)
      this.#received = { offset, at: stretch?.records[offset - stretch.first]?.at }
    }
    return this.#received.at
  }

  /** The lanes whose position is not known, and from where on to look for it. */
  #sought(group: Group): Map<number, number> {
    const sought = new Map<number, number>()
    for (const [lane, { progress }] of group.lanes.entries()) {
      const bound = this.#bounds.get(lane)
      const from = Math.max(bound?.offset ?? 0, progress.next)
      if (progress.unsettled > 0 || from >= (this.#log.ends[lane] ?? 0)) continue
      if (!bound?.found || bound.offset < progress.next) sought.set(lane, from)
    }
    return sought
  }

  #look(stretch: Stretch, sought: Map<number, number>): void {
    for (const [index, lane] of stretch.lanes.entries()) {
      const from = sought.get(lane)
      const offset = stretch.first + index
      if (from === undefined || offset < from) continue
      this.#bounds.set(lane, { offset, found: true })
      sought.delete(lane)
    }
    for (const [lane, from] of [...sought])
      if (from < endOf(stretch)) this.#bound(lane, endOf(stretch), sought)
  }

  #bound(lane: number, offset: number, sought: Map<number, number>): void {
    this.#bounds.set(lane, { offset, found: false })
    if (offset < (this.#log.ends[lane] ?? 0) && offset < this.#log.head) sought.set(lane, offset)
    else sought.delete(lane)
  }
}
