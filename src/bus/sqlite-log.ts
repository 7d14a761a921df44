/** The log of one topic in SQLite: drafts what is to be written, and reads it back, never past damage in silence. */
import type { BusRecord } from '../core/record.ts'
import { isDiskError, toStorageError } from '../sqlite/database.ts'
import type { Log } from './log.ts'
import type { Range } from './progress.ts'
import { type Chunk, type Content, decodeChunk, encodeParts, isIntact, type Part } from './sqlite-chunk.ts'
import { damaged, joinRanges } from './sqlite-damage.ts'
import type { Tables, TopicRow } from './sqlite-tables.ts'
import { type Stretch, Tail } from './stretch.ts'

/** How much of the newest records stays in memory for subscribers that keep up, in characters, per topic. */
const TAIL_SIZE = 4 * 1024 * 1024

/** A topic as it is when what was drafted is written, but for its chain, which the writer makes. */
export interface Drafted {
  readonly log: SqliteLog
  /** As they will be read; undefined where nobody reads the log as it grows. */
  readonly stretches: readonly Stretch[] | undefined
  readonly row: TopicRow
}

/** What is to be written. */
export interface Draft extends Drafted {
  readonly chunks: readonly Content[]
}

export class SqliteLog implements Log {
  readonly #tables: Tables
  readonly #tail = new Tail(TAIL_SIZE)
  #row: TopicRow
  #gaps: readonly Range[]
  /** Below this offset all is about to be removed: it may be gone already when the writer has not answered yet. */
  #going = 0
  /** Whether the topic has a row in the database. */
  stored: boolean

  constructor(tables: Tables, row: TopicRow, stored: boolean) {
    this.#tables = tables
    this.#row = row
    this.#gaps = tables.gaps(row.number)
    this.stored = stored
  }

  get row(): TopicRow {
    return this.#row
  }

  get name(): string {
    return this.#row.name
  }

  get first(): number {
    return this.#row.first
  }

  get head(): number {
    return this.#row.head
  }

  get ends(): readonly number[] {
    return this.#row.ends
  }

  get gaps(): readonly Range[] {
    return this.#gaps
  }

  get lost(): number {
    return this.#gaps.reduce((sum, { from, to }) => sum + Math.max(0, to + 1 - Math.max(from, this.first)), 0)
  }

  /** `keep`: whether the records themselves are kept, for those who read the log as it grows. */
  encode(records: readonly BusRecord[], keep: boolean): Part[] {
    return encodeParts(records, { lanes: this.ends.length, keep })
  }

  /** `at`: milliseconds since 1970. */
  draft(parts: readonly Part[], at: number): Draft {
    let { head } = this.#row
    const ends = [...this.#row.ends]
    const stretches: Stretch[] = []
    const chunks = parts.map((part) => {
      const { lanes, meta, body, records } = part
      const first = head
      if (records) stretches.push({ first, records, lanes })
      for (const lane of lanes) {
        head += 1
        ends[lane] = head
      }
      return { first, count: lanes.length, at, meta, body }
    })
    return {
      log: this,
      chunks,
      stretches: stretches.length === parts.length ? stretches : undefined,
      row: { ...this.#row, head, ends },
    }
  }

  /** The draft is written: readers see it. What nobody follows is not kept in memory for them. */
  adopt({ row, stretches }: Drafted, chain: number): void {
    this.#row = { ...row, chain }
    this.stored = true
    if (stretches === undefined) this.#tail.clear()
    else for (const stretch of stretches) this.#tail.append(stretch)
  }

  /** Throws `log_damaged` when the log should have it and has not, or has it altered; `storage_failed`. */
  stretchAt(offset: number): Stretch | undefined {
    const at = this.#present(offset)
    if (at >= this.head) return undefined
    return this.#tail.at(at) ?? decodeChunk(this.chunkAt(at))
  }

  /** The chunk with this offset in it, which must not be in a gap. Throws `log_damaged`, naming what is missing. */
  chunkAt(offset: number): Chunk {
    const { number } = this.#row
    let start: number | undefined
    try {
      start = this.#tables.startAt(number, offset)
      const chunk = start === undefined ? undefined : this.#tables.chunk(number, start)
      if (chunk && isIntact(chunk)) {
        const end = chunk.first + chunk.count
        if (offset < end) return chunk
        start = end // whole, and the next does not follow on it
      }
    } catch (cause) {
      throw this.#damaged(start ?? offset, offset, cause)
    }
    throw this.#damaged(start ?? this.first, offset)
  }

  /** Offsets below go, and are read no more: what is to be stored, and adopted then. */
  trimmed(first: number): TopicRow {
    this.#going = first
    return { ...this.#row, first }
  }

  trim(row: TopicRow): void {
    this.#row = row
    this.#gaps = this.#gaps.filter(({ to }) => to >= row.first)
    this.#tail.trim(row.first)
  }

  /** The offsets are lost and given up: a gap from now on, above which later records go on. */
  lose(lost: Range): void {
    this.#gaps = joinRanges([...this.#gaps, lost])
    this.#row = { ...this.#row, head: Math.max(this.head, lost.to + 1) }
  }

  /** The lowest offset from this one on that was neither removed nor given up as lost. */
  #present(offset: number): number {
    let at = Math.max(offset, this.first, this.#going)
    for (const { from, to } of this.#gaps) if (at >= from && at <= to) at = to + 1
    return at
  }

  /** A disk that cannot be read just now has lost nothing that is known. */
  #damaged(from: number, offset: number, cause?: unknown): unknown {
    const error = toStorageError(cause, this.name)
    if (isDiskError(error)) return error
    return damaged([{ topic: this.name, from, to: this.#nextStart(offset) - 1 }], cause)
  }

  #nextStart(offset: number): number {
    try {
      return this.#tables.startAfter(this.#row.number, offset) ?? this.head
    } catch {
      return this.head
    }
  }
}
