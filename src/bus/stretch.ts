/** A stretch of a topic: records with consecutive offsets. It is how a log is written, cached and read. */
import type { BusRecord } from '../core/record.ts'
import { laneOf } from './lane.ts'

export interface Stretch {
  readonly first: number
  readonly records: readonly BusRecord[]
  /** The lane of each record. */
  readonly lanes: readonly number[]
}

export const endOf = (stretch: Stretch): number => stretch.first + stretch.records.length

export const covers = (stretch: Stretch, offset: number): boolean =>
  offset >= stretch.first && offset < endOf(stretch)

export const lanesOf = (records: readonly BusRecord[], lanes: number): number[] =>
  records.map(({ key }) => laneOf(key, lanes))

export const stretchOf = (first: number, records: readonly BusRecord[], lanes: number): Stretch => ({
  first,
  records,
  lanes: lanesOf(records, lanes),
})

/** What a record costs in memory beside its value: an object, its strings and their headers, roughly. */
const RECORD_OVERHEAD = 400

export const sizeOf = ({ records }: Stretch): number =>
  records.reduce((size, record) => size + record.value.length + RECORD_OVERHEAD, 0)

/** The newest stretches of a topic, without holes, as many as the limit allows (in characters, roughly bytes). */
export class Tail {
  readonly #limit: number
  readonly #stretches: { readonly stretch: Stretch; readonly size: number }[] = []
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  append(stretch: Stretch): void {
    const size = sizeOf(stretch)
    this.#stretches.push({ stretch, size })
    this.#size += size
    while (this.#size > this.#limit) this.#drop()
  }

  /** The stretch with the offset in it, or undefined when it is not kept. */
  at(offset: number): Stretch | undefined {
    let low = 0
    let high = this.#stretches.length - 1
    let middle = high // most readers want the newest
    while (low <= high) {
      const stretch = this.#stretches[middle]?.stretch
      if (stretch === undefined || covers(stretch, offset)) return stretch
      if (offset < stretch.first) high = middle - 1
      else low = middle + 1
      middle = (low + high) >> 1
    }
    return undefined
  }

  clear(): void {
    this.#stretches.length = 0
    this.#size = 0
  }

  /** Forgets the stretches that lie wholly below the offset. */
  trim(offset: number): void {
    for (
      let oldest = this.#stretches[0];
      oldest && endOf(oldest.stretch) <= offset;
      oldest = this.#stretches[0]
    )
      this.#drop()
  }

  #drop(): void {
    this.#size -= this.#stretches.shift()?.size ?? 0
  }
}
