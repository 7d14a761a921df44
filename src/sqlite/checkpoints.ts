/**
 * Brings what a write-ahead log holds into its database every so often. SQLite would do it by itself, and keep to itself
 * what goes wrong with it, even a failed sync, after which nothing may be trusted that was written before.
 */
import type { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import { toStorageError } from './database.ts'

/** The write-ahead log of the ledger has a few MB by then. */
const COMMITS = 64

export class Checkpoints {
  readonly #db: DatabaseSync
  readonly #path: string
  #commits = 0

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
  }

  /** To be called after every commit. Throws what went wrong with the disk; where it is full, a later call tries again. */
  committed(): void {
    this.#commits += 1
    if (this.#commits < COMMITS) return
    try {
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      this.#commits = 0
    } catch (thrown) {
      const error = toStorageError(thrown, this.#path)
      if (!(error instanceof SluiceError && error.code === 'storage_full')) throw error
    }
  }
}
