/** The tables `batches` and `ids`: what ended together, and where each operation is found. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { byteLength } from '../core/json.ts'
import type { Entry } from './ledger.ts'
import { type Batch, decodeBatch } from './sqlite-batch.ts'

/** Operations with a row of their own in `entries` are in no batch. */
export const NO_BATCH = 0

/** SQLite's code for a row that is there already (SQLITE_CONSTRAINT_PRIMARYKEY, sqlite.org/rescode.html). */
const IS_THERE = 1555

export class BatchesTable {
  readonly #next: StatementSync
  readonly #name: StatementSync
  readonly #insert: StatementSync
  readonly #of: StatementSync
  readonly #find: StatementSync
  readonly #ofAll: StatementSync
  readonly #lastId: StatementSync
  readonly #newest: StatementSync

  constructor(db: DatabaseSync) {
    this.#next = db.prepare(`SELECT max(
      coalesce((SELECT max(seq) FROM entries), 0),
      coalesce((SELECT seq + count - 1 FROM batches ORDER BY seq DESC LIMIT 1), 0)) + 1 AS next`)
    this.#name = db.prepare('INSERT INTO ids SELECT value, ? FROM json_each(?)')
    this.#insert = db.prepare('INSERT INTO batches (seq, count, ended_at, body) VALUES (?, ?, ?, ?)')
    this.#find = db.prepare('SELECT body FROM batches WHERE seq = ?')
    this.#of = db.prepare('SELECT batch FROM ids WHERE id = ?')
    this.#ofAll = db.prepare('SELECT id, batch FROM ids WHERE id IN (SELECT value FROM json_each(?))')
    this.#lastId = db.prepare('SELECT max(id) AS id FROM ids')
    this.#newest = db.prepare('SELECT seq, body FROM batches WHERE seq < ? ORDER BY seq DESC LIMIT 1')
  }

  /** The number of the next operation that ends: batches and rows are numbered in one order. */
  next(): number {
    return Number(this.#next.get()?.next)
  }

  /** Within a transaction. False, and nothing is changed, when one of these operations had ended before. */
  claim(ids: readonly string[], batch = NO_BATCH): boolean {
    try {
      // In their order each falls beside the one before it: half the time.
      this.#name.run(batch, JSON.stringify([...ids].sort()))
      return true
    } catch (thrown) {
      if (thrown instanceof Error && 'errcode' in thrown && thrown.errcode === IS_THERE) return false
      throw thrown
    }
  }

  /** Within a transaction. False, and nothing is changed, when one of these had ended before. */
  insert({ ids, count, endedAt, body }: Batch): boolean {
    const seq = this.next()
    if (!this.claim(JSON.parse(ids) as string[], seq)) return false // makeBatch wrote it
    this.#insert.run(seq, count, endedAt, body)
    return true
  }

  /** The batch that an operation is in, or NO_BATCH; undefined where it has not ended. */
  of(id: string): number | undefined {
    const row = this.#of.get(id)
    return row && Number(row.batch)
  }

  find(id: string, batch: number): Entry | undefined {
    const row = this.#find.get(batch)
    return row && decodeBatch(String(row.body)).find((entry) => entry.id === id)
  }

  /**
   * Those of them that have ended, each with its batch or NO_BATCH: one look for all. ULIDs sort by time, so that most of a
   * backlog lies behind whatever has ended, and need not be looked for. Beyond ASCII, SQLite sorts otherwise than we do.
   */
  ofAll(ids: readonly string[]): ReadonlyMap<string, number> {
    const last = this.#lastId.get()?.id
    const isLater =
      typeof last === 'string' && byteLength(last) === last.length ? (id: string) => id > last : () => false
    const known = last === null || last === undefined ? [] : ids.filter((id) => !isLater(id))
    const rows = known.length === 0 ? [] : this.#ofAll.all(JSON.stringify(known))
    return new Map(rows.map(({ id, batch }) => [String(id), Number(batch)]))
  }

  /** All operations of these batches. */
  entriesOf(batches: Iterable<number>): ReadonlyMap<string, Entry> {
    const found = new Map<string, Entry>()
    for (const batch of batches)
      for (const entry of decodeBatch(String(this.#find.get(batch)?.body))) found.set(entry.id, entry)
    return found
  }

  /** The newest `limit`, and no more than that, each with its number, the newest first. */
  recent(limit: number): { seq: number; entry: Entry }[] {
    const found: { seq: number; entry: Entry }[] = []
    let before = Number.MAX_SAFE_INTEGER
    while (found.length < limit) {
      const row = this.#newest.get(before)
      if (row === undefined) break
      before = Number(row.seq)
      const numbered = decodeBatch(String(row.body)).map((entry, place) => ({ seq: before + place, entry }))
      found.push(...numbered.toReversed())
    }
    return found.slice(0, limit)
  }
}
