/** The ledger's one file. Reads answer at once; writes are gathered, so that one fsync serves every call of a turn. */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { Checkpoints } from '../sqlite/checkpoints.ts'
import { isFatal, openDatabase, toStorageError, transaction } from '../sqlite/database.ts'
import { type Disk, realDisk } from '../sqlite/disk.ts'
import { Space } from '../sqlite/space.ts'
import { MIGRATIONS } from './schema.ts'

export interface FileOptions {
  /** Where ledger.db lies, or `:memory:`. */
  readonly directory: string
  /** Default: that of the machine. */
  readonly disk?: Disk
  /** The largest size of the file in pages of 4096 bytes: beyond it writes throw `storage_full`. */
  readonly maxPages?: number
  /** Resolves in the next turn of the event loop. Default: that of the machine. */
  readonly turn?: () => Promise<unknown>
  /** Told once when the disk failed: the process must stop. Default: nobody. */
  readonly onFatal?: (error: SluiceError) => void
}

interface Job {
  readonly rows: number
  /** Does the work; what it returns answers the caller once the work is durable. */
  readonly run: () => () => void
  readonly reject: (error: unknown) => void
}

/** About 10 ms of work at the measured 5 µs a row: what one transaction takes, so that the loop is never held for long. */
const ROWS_PER_COMMIT = 2000

export class LedgerFile {
  readonly db: DatabaseSync
  readonly #path: string
  readonly #turn: () => Promise<unknown>
  readonly #onFatal: (error: SluiceError) => void
  readonly #checkpoints: Checkpoints
  readonly #space: Space | undefined
  #jobs: Job[] = []
  #draining: Promise<void> | undefined
  #closed = false
  #failure: SluiceError | undefined

  /** Throws `newer_format`, `log_damaged`, `storage_full` or `storage_failed`, as openDatabase does. */
  constructor({ directory, turn = () => systemClock.sleep(0), onFatal = () => {}, ...rest }: FileOptions) {
    this.#path = directory === ':memory:' ? directory : join(directory, 'ledger.db')
    this.#turn = turn
    this.#onFatal = onFatal
    this.db = openDatabase({ path: this.#path, migrations: MIGRATIONS, ...rest })
    this.#checkpoints = new Checkpoints(this.db, this.#path)
    if (directory !== ':memory:') this.#space = this.#spaceIn(directory, rest.disk)
  }

  #spaceIn(directory: string, disk: Disk = realDisk): Space {
    const space = new Space({ db: this.db, disk, path: join(directory, 'ledger.reserve') })
    space.keep()
    return space
  }

  /** Throws `storage_failed` and its kind, never SQLite's own errors of the disk. What fails to read may hide what was written. */
  read<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      throw this.#heard(toStorageError(thrown, this.#path))
    }
  }

  /**
   * Resolves with what `work` returns once it is durable. `work` may be run twice, the first time rolled back, and
   * touches nothing but the database. Rejects with `storage_full` (nothing was written) or `storage_failed`; after
   * `storage_failed` every later write is refused too, since SQLite itself would go on as if nothing had happened.
   */
  write<T>(work: () => T, rows = 1): Promise<T> {
    if (this.#closed) return Promise.reject(new SluiceError('shutting_down', 'The ledger is closed.'))
    return new Promise((resolve, reject) => {
      const run = () => {
        const result = work()
        return () => resolve(result)
      }
      this.#jobs.push({ rows, run, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Resolves in the next turn, for work that goes in slices. */
  async turn(): Promise<void> {
    await this.#turn()
  }

  /** Finishes what was asked for, refuses what comes later, closes the file. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#draining
    if (this.db.isOpen) this.db.close()
  }

  async #drain(): Promise<void> {
    while (this.#jobs.length > 0) {
      await this.#turn()
      this.#commit(this.#take())
    }
    this.#draining = undefined
  }

  #take(): Job[] {
    let rows = 0
    let count = 0
    for (const job of this.#jobs) {
      rows += job.rows
      if (count > 0 && rows > ROWS_PER_COMMIT) break
      count += 1
    }
    return this.#jobs.splice(0, count)
  }

  #commit(jobs: readonly Job[]): void {
    try {
      if (this.#failure !== undefined) throw this.#failure
      const work = () => this.#transact(jobs)
      const answers = this.#space ? this.#space.spend(work) : work()
      for (const answer of answers) answer()
    } catch (thrown) {
      this.#fail(jobs, toStorageError(thrown, this.#path))
      return
    }
    this.#tidy()
  }

  /** After a commit. What goes wrong here is of no call, all of which are stored and answered. */
  #tidy(): void {
    try {
      this.#space?.keep()
      this.#checkpoints.committed()
    } catch (thrown) {
      const error = toStorageError(thrown, this.#path)
      this.#heard(
        isFatal(error) ? error : new SluiceError('storage_failed', String(thrown), { cause: thrown }),
      )
    }
  }

  #transact(jobs: readonly Job[]): (() => void)[] {
    try {
      return transaction(this.db, () => jobs.map((job) => job.run()))
    } catch (thrown) {
      throw toStorageError(thrown, this.#path)
    }
  }

  /** The first error of the disk is told to the owner. Returns what it is given. */
  #heard(error: unknown): unknown {
    if (this.#failure !== undefined || !isFatal(error)) return error
    this.#failure = error
    this.#onFatal(error)
    return error
  }

  /** An error of the disk concerns everybody; any other is that of one call, which must not take its neighbours along. */
  #fail(jobs: readonly Job[], error: unknown): void {
    this.#heard(error)
    const code = error instanceof SluiceError ? error.code : 'internal'
    if (code === 'internal' && jobs.length > 1) for (const job of jobs) this.#commit([job])
    else for (const job of jobs) job.reject(error)
  }
}
