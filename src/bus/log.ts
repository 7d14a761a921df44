/** What readers see of a topic's log, wherever it lies. */
import type { Stretch } from './stretch.ts'

/** A log with one row of offsets for all lanes, dense from `first` to `head` but for what was lost. */
export interface Log {
  /** The lowest offset kept. */
  readonly first: number
  /** The offset that the next record gets. */
  readonly head: number
  /** For every lane one more than the offset of its last record. */
  readonly ends: readonly number[]
  /** How many offsets from `first` on are lost. */
  readonly lost: number
  /** The stretch with this offset, or the next above it where offsets are missing and known to be; undefined at the head. */
  stretchAt(offset: number): Stretch | undefined
}
