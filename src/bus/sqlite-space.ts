/**
 * Space kept back for settling, so that delivery can drain a full log. Two limits can be met: the largest size given,
 * above which publishing may not go but settling may by the reserve; and the disk itself, where a file of the same size
 * is given up for settling. Progress is a few rows that are replaced, and the WAL is used again from its beginning
 * after every checkpoint, so that the reserve lasts. Publishing waits until the file can be made again.
 */
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'

const PAGE = 4096
const RESERVE = 8 * 1024 * 1024

export const isFull = (thrown: unknown): boolean =>
  thrown instanceof SluiceError && thrown.code === 'storage_full'

export const pagesOf = (bytes: number): number => Math.floor(bytes / PAGE)

export class Space {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #maxBytes: number | undefined
  /** Whether the file is there. */
  #kept: boolean

  /** `path` is that of the reserve. */
  constructor(db: DatabaseSync, path: string, maxBytes: number | undefined) {
    this.#db = db
    this.#path = path
    this.#maxBytes = maxBytes
    this.#kept = existsSync(path)
  }

  /** Whether publishing may try: the reserve is there, or could be made again. */
  ready(): boolean {
    this.#kept ||= this.#restore()
    return this.#kept
  }

  /** Runs work that may use the reserve: beyond the largest size, and when the disk is full, in place of the file. */
  spend<T>(work: () => T): T {
    this.#limit(RESERVE)
    try {
      return work()
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
      rmSync(this.#path, { force: true })
      this.#kept = false
      return work()
    } finally {
      this.#limit(0)
    }
  }

  #limit(beyond: number): void {
    if (this.#maxBytes !== undefined)
      this.#db.exec(`PRAGMA max_page_count = ${pagesOf(this.#maxBytes + beyond)}`)
  }

  /** The blocks must be real: a file with a hole in it would keep nothing back. */
  #restore(): boolean {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    if (bavail * bsize < 2 * RESERVE) return false
    try {
      const file = openSync(this.#path, 'w', 0o600)
      try {
        const zeros = Buffer.alloc(RESERVE)
        for (let at = 0; at < RESERVE; ) at += writeSync(file, zeros, at)
      } finally {
        closeSync(file)
      }
      return true
    } catch {
      rmSync(this.#path, { force: true })
      return false
    }
  }
}
