/**
 * A disk in memory that outlives the processes that write to it: what was committed stays, what was not is gone. SQLite
 * itself runs on it, on `:memory:`. It can fill up, and a commit on it can fail, before or after it is stored.
 *
 * Not modelled: power loss, torn pages and damaged files, which are the business of the proofs over real files.
 */
import { DatabaseSync } from 'node:sqlite'
import type { Disk, SyncedFile } from '../sqlite/disk.ts'

/** SQLite's result codes for a full disk and for an error of it (sqlite.org/rescode.html). */
const SQLITE_FULL = 13
const SQLITE_IOERR = 10

/** What one commit takes of a disk that is nearly full. */
const COMMIT_BYTES = 64 * 1024

export class MemoryDisk implements Disk {
  readonly #databases = new Map<string, KeptDatabase>()
  readonly #files = new Map<string, Buffer>()
  readonly #reserved = new Map<string, number>()
  #room = Number.POSITIVE_INFINITY
  #failing: 'before' | 'after' | undefined
  #commits = 0

  /** How many commits were tried: whoever wants to know whether anything was written compares two of these. */
  get commits(): number {
    return this.#commits
  }

  /** From now on there is room for nothing, but for what is removed. */
  fill(): void {
    this.#room = 0
  }

  empty(): void {
    this.#room = Number.POSITIVE_INFINITY
  }

  /** The next commit fails: `after` it is stored, or `before`. */
  fail(when: 'before' | 'after'): void {
    this.#failing = when
  }

  /** A disk that works, for the next process. */
  mend(): void {
    this.#failing = undefined
  }

  makeDirectory(): void {}

  exists(path: string): boolean {
    return this.#databases.has(path) || this.#files.has(path)
  }

  /** The lock of a directory belongs to a process and dies with it; every other database is kept. */
  database(path: string): DatabaseSync {
    if (path.endsWith('lock.db')) return new DatabaseSync(':memory:')
    const known = this.#databases.get(path)
    if (known) return known
    const made = new KeptDatabase((commit) => this.#commit(commit))
    this.#databases.set(path, made)
    return made
  }

  /** To look into a database beside the process that uses it. */
  peek(path: string): DatabaseSync | undefined {
    return this.#databases.get(path)
  }

  syncedFile(path: string): SyncedFile {
    const bytes = () => this.#files.get(path) ?? Buffer.alloc(0)
    if (!this.#files.has(path)) this.#files.set(path, Buffer.alloc(0))
    return {
      get size() {
        return bytes().length
      },
      read: (at, length) => bytes().subarray(at, at + length),
      write: (at, written) => written.copy(bytes(), at),
      extend: (size) => void this.#files.set(path, Buffer.alloc(size)),
      close: () => {},
    }
  }

  free(): number {
    return this.#room
  }

  reserve(path: string, bytes: number): boolean {
    if (this.#room < bytes) return false
    this.#room -= bytes
    this.#files.set(path, Buffer.alloc(0))
    this.#reserved.set(path, bytes)
    return true
  }

  syncDirectory(): void {}

  remove(path: string): void {
    this.#files.delete(path)
    this.#room += this.#reserved.get(path) ?? 0
    this.#reserved.delete(path)
  }

  /** Nothing here is ever damaged, so nothing is ever put aside. */
  move(): void {}

  #commit(commit: () => void): void {
    this.#commits += 1
    const failing = this.#failing
    this.#failing = undefined
    if (failing === 'before') throw sqliteError(SQLITE_IOERR, 'disk I/O error')
    if (this.#room < COMMIT_BYTES) throw sqliteError(SQLITE_FULL, 'database or disk is full')
    this.#room -= COMMIT_BYTES
    commit()
    if (failing === 'after') throw sqliteError(SQLITE_IOERR, 'disk I/O error')
  }
}

/** A database that its processes cannot close, and whose commits ask the disk. */
class KeptDatabase extends DatabaseSync {
  readonly #commit: (commit: () => void) => void

  constructor(commit: (commit: () => void) => void) {
    super(':memory:')
    this.#commit = commit
  }

  override exec(sql: string): void {
    if (sql === 'COMMIT') this.#commit(() => super.exec(sql))
    else super.exec(sql)
  }

  override close(): void {}
}

const sqliteError = (errcode: number, message: string): Error =>
  Object.assign(new Error(message), { errcode })
