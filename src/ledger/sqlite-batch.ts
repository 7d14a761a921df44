/**
 * A batch: what ended together, none of it dead, in columns, as JSON. A row of thirteen values for each, with its index, costs
 * five times the time. What is asked for is single entries, by id, and the newest; both are rare. Pure.
 */
import { type Ends, EndsWriter, eachOf } from '../core/ends.ts'
import type { Outcome } from '../core/outcome.ts'
import { type Column, countsOf } from '../core/runs.ts'
import type { Entry } from './ledger.ts'
import { type Reach, reachesOf } from './sqlite-reached.ts'
import { attemptsText, toAttempts } from './sqlite-row.ts'

/** As it lies in the file. */
interface Stored extends Omit<Ends, 'attempts'> {
  /** As attemptsText has them. */
  readonly attempts: Column<string>
}

/** What is stored of it. Plain data: it crosses to another thread. */
export interface Batch {
  readonly count: number
  readonly endedAt: number
  /** The ids as JSON, as they stand in the body. */
  readonly ids: string
  readonly body: string
  /** The highest offset of each lane. */
  readonly reached: readonly Reach[]
  /** How many ended how. */
  readonly outcomes: { readonly [outcome in Outcome]?: number }
}

export function makeBatch({ ids: all, attempts, ...columns }: Ends): Batch {
  const ids = JSON.stringify(all)
  const stored = { ...columns, attempts: { ...attempts, values: attempts.values.map(attemptsText) } }
  return {
    count: all.length,
    endedAt: columns.ended,
    ids,
    body: `{"ids":${ids},${JSON.stringify(stored satisfies Omit<Stored, 'ids'>).slice(1)}`,
    reached: reachesOf(columns),
    outcomes: Object.fromEntries(countsOf(columns.outcome)),
  }
}

/** Of entries with one `endedAt`, none of them dead. */
export function batchOf(entries: readonly Entry[]): Batch {
  const writer = new EndsWriter(entries[0]?.endedAt ?? 0)
  for (const entry of entries) writer.add({ ...entry, at: entry.receivedAt }, entry)
  return makeBatch(writer.ends)
}

/** In the order in which they ended. */
export function decodeBatch(body: string): Entry[] {
  const { attempts, ...columns } = JSON.parse(body) as Stored // makeBatch wrote it
  return eachOf({ ...columns, attempts: { ...attempts, values: attempts.values.map(toAttempts) } })
}
