/** One way to open a SQLite file, for every port's sqlite.ts. */

import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import { type Disk, realDisk } from './disk.ts'

export interface OpenOptions {
  /** A file, or `:memory:`. */
  readonly path: string
  /** Default: that of the machine. */
  readonly disk?: Disk
  /** The schema as steps; step n brings user_version n to n + 1. Steps already released are never edited. */
  readonly migrations: readonly string[]
  /** The largest size in pages of 4096 bytes: a file that would outgrow it answers `storage_full`. */
  readonly maxPages?: number
  /** Gives pages back that are no longer used, when asked by `PRAGMA incremental_vacuum`. Only a new file can be told. */
  readonly shrinks?: boolean
}

/** How long a reader outside, such as a backup, may hold a lock. */
const BUSY_MS = 5_000

/**
 * Opens and migrates. Its owner makes the checkpoints (checkpoints.ts). WAL with synchronous=FULL: NORMAL does not sync the log at
 * commit, and loses acknowledged rows on power loss. Throws `newer_format` when the file was written by a later version,
 * `log_damaged` when it is no database.
 */
export function openDatabase(options: OpenOptions): DatabaseSync {
  const { path, disk = realDisk } = options
  let db: DatabaseSync | undefined
  try {
    db = disk.database(path, BUSY_MS)
    prepare(db, options)
    // SQLite does that too, for its write-ahead log, and does not look whether it could.
    if (path !== ':memory:') disk.syncDirectory(dirname(path))
    return db
  } catch (thrown) {
    if (db?.isOpen) db.close()
    throw toStorageError(thrown, path)
  }
}

function prepare(db: DatabaseSync, options: OpenOptions): void {
  const { maxPages, shrinks = false } = options
  // First: to set auto_vacuum is a commit, also where it is set already, and a checkpoint after it would go unheard.
  db.exec('PRAGMA wal_autocheckpoint = 0')
  if (shrinks) db.exec('PRAGMA auto_vacuum = INCREMENTAL')
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  // What is sorted never goes to a file: where only the data directory may be written, there is no place for one.
  db.exec('PRAGMA temp_store = MEMORY')
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  migrate(db, options)
}

function migrate(db: DatabaseSync, { path, migrations }: OpenOptions): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version)
  if (version > migrations.length)
    throw new SluiceError(
      'newer_format',
      `${path} has format ${version}; this Sluice knows up to ${migrations.length}.`,
    )
  for (const [step, sql] of migrations.entries()) {
    if (step < version) continue
    transaction(db, () => db.exec(`${sql}; PRAGMA user_version = ${step + 1}`))
  }
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (thrown) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw thrown
  }
}

/** SQLite's primary result codes (the low byte of errcode) that mean something to us: sqlite.org/rescode.html. */
const FULL = 13
const IO_ERROR = 10
const CORRUPT = 11
/** Extended: the file ends before one of its pages does. That is no error of the disk, which can be read. */
const SHORT_READ = 522
const NOT_A_DATABASE = 26

/**
 * An error of SQLite as a row of our table: SQLITE_FULL is `storage_full` (nothing was stored), SQLITE_IOERR* is
 * `storage_failed` (in doubt: SQLite may keep a commit whose fsync failed), a corrupt file is `log_damaged`. Others as they are.
 */
export function toStorageError(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return thrown
  const code = Number(thrown.errcode) & 255
  const message = `${path}: ${thrown.message} (SQLite ${String(thrown.errcode)})`
  if (code === FULL) return new SluiceError('storage_full', message, { cause: thrown })
  if (Number(thrown.errcode) === SHORT_READ) return new SluiceError('log_damaged', message, { cause: thrown })
  if (code === IO_ERROR) return new SluiceError('storage_failed', message, { cause: thrown })
  if (code === CORRUPT || code === NOT_A_DATABASE)
    return new SluiceError('log_damaged', message, { cause: thrown })
  return thrown
}

/** The disk itself failed: what is on it is in doubt, and the process must stop. */
export const isDiskError = (error: unknown): error is SluiceError =>
  error instanceof SluiceError && error.code === 'storage_failed'

/**
 * Nobody may go on with this file. SQLite has no other word than "malformed" for a page that the disk answers with EIO in the
 * midst of a statement (SQLITE_IOERR_CORRUPTFS becomes SQLITE_CORRUPT), so that both are met in the same way.
 */
export const isFatal = (error: unknown): error is SluiceError =>
  isDiskError(error) || (error instanceof SluiceError && error.code === 'log_damaged')
