/**
 * Space kept back for settling, so that delivery can drain a full log. Two limits can be met: the largest size given,
 * above which publishing may not go but settling may by the reserve; and the disk itself, where a file of the same size
 * is given up for settling. Progress is a few rows that are replaced, and the WAL is used again from its beginning
 * after every checkpoint, so that the reserve lasts. Publishing waits until the file can be made again. The ledger keeps
 * one of its own: nothing is settled that it has not recorded, and what is settled leaves the log, which makes room.
 */
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isShortage, SluiceError } from '../core/errors.ts'
import type { Disk } from './disk.ts'

const PAGE = 4096
const RESERVE = 8 * 1024 * 1024

export const isFull = (thrown: unknown): boolean =>
  thrown instanceof SluiceError && thrown.code === 'storage_full'

const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)

export const pagesOf = (bytes: number): number => Math.floor(bytes / PAGE)

export interface SpaceOptions {
  readonly db: DatabaseSync
  readonly disk: Disk
  /** Of the reserve. */
  readonly path: string
  readonly maxBytes?: number | undefined
}

export class Space {
  readonly #db: DatabaseSync
  readonly #disk: Disk
  readonly #path: string
  readonly #maxBytes: number | undefined
  /** Whether the file is there. */
  #kept: boolean

  constructor({ db, disk, path, maxBytes }: SpaceOptions) {
    this.#db = db
    this.#disk = disk
    this.#path = path
    this.#maxBytes = maxBytes
    this.#kept = disk.exists(path)
  }

  /**
   * To be called before publishing, which needs the reserve to be there or made again. Throws `storage_full`, `too_many_files`,
   * `storage_failed`.
   */
  claim(): void {
    if (this.#kept) return
    const free = this.#disk.free(this.#path)
    const isRoom = free >= 2 * RESERVE
    this.#kept = isRoom && this.#disk.reserve(this.#path, RESERVE)
    if (this.#kept) return
    const refused = isRoom ? ', and takes no more: a quota may be used up' : ''
    throw new SluiceError(
      'storage_full',
      `The disk of ${dirname(this.#path)} has ${megabytes(free)} MB free${refused}; ${megabytes(2 * RESERVE)} must be, so that settling can go on when it is full.`,
    )
  }

  /** Makes the reserve where it is missing, if it can be made now. */
  keep(): void {
    try {
      this.claim()
    } catch (thrown) {
      if (!isShortage(thrown)) throw thrown
    }
  }

  /** Runs work that may use the reserve: beyond the largest size, and when the disk is full, in place of the file. */
  spend<T>(work: () => T): T {
    this.#limit(RESERVE)
    try {
      return work()
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
      this.release()
      return work()
    } finally {
      this.#limit(0)
    }
  }

  /** Gives the file up. */
  release(): void {
    this.#disk.remove(this.#path)
    this.#kept = false
  }

  #limit(beyond: number): void {
    if (this.#maxBytes !== undefined)
      this.#db.exec(`PRAGMA max_page_count = ${pagesOf(this.#maxBytes + beyond)}`)
  }
}
