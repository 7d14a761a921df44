/** Forgetting: rows past their retention are removed in slices, so that the event loop is never held for long. */
import type { StatementSync } from 'node:sqlite'
import type { LedgerFile } from './sqlite-file.ts'

/** Rows removed in one transaction: about 5 ms of work, beside the fsync. */
const SLICE = 500

const SETTLED = `DELETE FROM entries WHERE seq IN
  (SELECT seq FROM entries WHERE outcome <> 'dead' AND ended_at < ? LIMIT ${SLICE})`

const DUPLICATES = `DELETE FROM duplicates WHERE (id, topic, lane, "offset") IN
  (SELECT id, topic, lane, "offset" FROM duplicates WHERE ended_at < ? LIMIT ${SLICE})`

const CLIENTS = `DELETE FROM clients WHERE (source, client_id) IN
  (SELECT source, client_id FROM clients WHERE at < ? LIMIT ${SLICE})`

export class Trim {
  readonly #file: LedgerFile
  readonly #settled: StatementSync
  readonly #duplicates: StatementSync
  readonly #clients: StatementSync

  constructor(file: LedgerFile) {
    this.#file = file
    this.#settled = file.db.prepare(SETTLED)
    this.#duplicates = file.db.prepare(DUPLICATES)
    this.#clients = file.db.prepare(CLIENTS)
  }

  /** Returns how many settled operations and client ids went. Duplicates are no operations of their own. */
  async before(at: number): Promise<number> {
    const settled = await this.#inSlices(this.#settled, at)
    await this.#inSlices(this.#duplicates, at)
    return settled + (await this.#inSlices(this.#clients, at))
  }

  /** Each slice is a write of its own, and the file lets a turn of the event loop pass before every one. */
  async #inSlices(statement: StatementSync, at: number): Promise<number> {
    let gone = 0
    for (;;) {
      const slice = await this.#file.write(() => Number(statement.run(at).changes), SLICE)
      gone += slice
      if (slice < SLICE) return gone
    }
  }
}
