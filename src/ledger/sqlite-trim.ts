/** Forgetting: rows past their retention are removed in slices, so that the event loop is never held for long. */
import type { StatementSync } from 'node:sqlite'
import type { LedgerFile } from './sqlite-file.ts'

/** Rows removed in one transaction, or one batch: about 5 ms of work, beside the fsync. */
const SLICE = 500

const OLD_ROWS = `FROM entries WHERE outcome <> 'dead' AND ended_at < ? ORDER BY ended_at, seq LIMIT ${SLICE}`
const ROW_IDS = `DELETE FROM ids WHERE id IN (SELECT id ${OLD_ROWS})`
const ROWS = `DELETE FROM entries WHERE seq IN (SELECT seq ${OLD_ROWS})`

const OLD_BATCH = 'SELECT seq, count FROM batches WHERE ended_at < ? ORDER BY ended_at, seq LIMIT 1'
const BATCH_IDS = `DELETE FROM ids WHERE id IN
  (SELECT value FROM json_each((SELECT body FROM batches WHERE seq = ?), '$.ids'))`
const BATCH = 'DELETE FROM batches WHERE seq = ?'

const DUPLICATES = `DELETE FROM duplicates WHERE (id, topic, lane, "offset") IN
  (SELECT id, topic, lane, "offset" FROM duplicates WHERE ended_at < ? LIMIT ${SLICE})`

const CLIENTS = `DELETE FROM clients WHERE (source, client_id) IN
  (SELECT source, client_id FROM clients WHERE at < ? LIMIT ${SLICE})`

export class Trim {
  readonly #file: LedgerFile
  readonly #rowIds: StatementSync
  readonly #rows: StatementSync
  readonly #oldBatch: StatementSync
  readonly #batchIds: StatementSync
  readonly #batch: StatementSync
  readonly #duplicates: StatementSync
  readonly #clients: StatementSync

  constructor(file: LedgerFile) {
    this.#file = file
    this.#rowIds = file.db.prepare(ROW_IDS)
    this.#rows = file.db.prepare(ROWS)
    this.#oldBatch = file.db.prepare(OLD_BATCH)
    this.#batchIds = file.db.prepare(BATCH_IDS)
    this.#batch = file.db.prepare(BATCH)
    this.#duplicates = file.db.prepare(DUPLICATES)
    this.#clients = file.db.prepare(CLIENTS)
  }

  /** Returns how many settled operations and client ids went. Duplicates are no operations of their own. */
  async before(at: number): Promise<number> {
    const batched = await this.#inSlices(() => this.#removeBatch(at), 1)
    const rows = await this.#inSlices(() => this.#removeRows(at))
    await this.#inSlices(() => Number(this.#duplicates.run(at).changes))
    const clients = await this.#inSlices(() => Number(this.#clients.run(at).changes))
    return batched + rows + clients
  }

  /** Returns of how many operations it was; 0 when none is old enough. */
  #removeBatch(at: number): number {
    const batch = this.#oldBatch.get(at)
    if (batch === undefined) return 0
    const { seq, count } = batch
    this.#batchIds.run(seq ?? 0)
    this.#batch.run(seq ?? 0)
    return Number(count)
  }

  #removeRows(at: number): number {
    this.#rowIds.run(at)
    return Number(this.#rows.run(at).changes)
  }

  /** Each slice is a write of its own, and the file lets a turn of the event loop pass before every one. */
  async #inSlices(remove: () => number, full = SLICE): Promise<number> {
    let gone = 0
    for (;;) {
      const slice = await this.#file.write(remove, SLICE)
      gone += slice
      if (slice < full) return gone
    }
  }
}
