/** What one caller publishes, on its way into a commit: as records, which share chunks with others, or in chunks of its own. */
import type { BusRecord } from '../core/record.ts'
import type { Part } from './sqlite-chunk.ts'
import type { SqliteLog } from './sqlite-log.ts'

/** So many records are encoded when they come, and not when it is their turn: as text they are in the way of no collection of memory. */
const LARGE = 250

export interface Publication {
  readonly log: SqliteLog
  readonly count: number
  /** Of the values, in characters. */
  readonly size: number
  /** None where there are parts. */
  readonly records: readonly BusRecord[]
  readonly parts: readonly Part[]
  readonly stored: PromiseWithResolvers<void>
}

/** `keep`: whether somebody reads the log as it grows. */
export function publicationOf(log: SqliteLog, records: readonly BusRecord[], keep: boolean): Publication {
  const count = records.length
  const stored = Promise.withResolvers<void>()
  if (count < LARGE) {
    const size = records.reduce((sum, { value }) => sum + value.length, 0)
    return { log, count, size, records, parts: [], stored }
  }
  const parts = log.encode(records, keep)
  const size = parts.reduce((sum, { body }) => sum + body.length, 0)
  return { log, count, size, records: [], parts, stored }
}

/** All of one log in their order; what came as records is joined as far as it lies side by side. */
export function encodeAll(log: SqliteLog, publications: readonly Publication[], keep: boolean): Part[] {
  const encoded: Part[] = []
  let gathered: BusRecord[] = []
  const encode = () => {
    if (gathered.length > 0) encoded.push(...log.encode(gathered, keep))
    gathered = []
  }
  for (const { records, parts } of publications) {
    if (parts.length > 0) encode()
    encoded.push(...parts)
    gathered.push(...records)
  }
  encode()
  return encoded
}
