/**
 * The disk under the embedded stores, as an argument, like the clock: a simulation gives one that fills up, fails, and
 * outlives the process that wrote to it. Everything is synchronous; what it throws is an error of the disk.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { constants as os } from 'node:os'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SluiceError, toSluiceError } from '../core/errors.ts'

export interface Disk {
  /** Makes the directory, for its owner alone, where it is missing. */
  makeDirectory(path: string): void
  exists(path: string): boolean
  /** Returns when the names in the directory are on the disk. */
  syncDirectory(path: string): void
  /** Opens a database, or makes one for its owner alone. `timeoutMs`: how long a lock of another process is waited for; 0 unless told. */
  database(path: string, timeoutMs?: number): DatabaseSync
  /** Opens or makes a small file whose name, and every write to it, is on the disk when the call returns. */
  syncedFile(path: string): SyncedFile
  /** Bytes that may still be written where the path lies. */
  free(path: string): number
  /**
   * Makes a file of real blocks: one with holes in it would keep nothing back. False when there is no room for it. Throws
   * `too_many_files`, and `storage_failed` for whatever else goes wrong.
   */
  reserve(path: string, bytes: number): boolean
  remove(path: string): void
  /** Gives a file another name, in place of what has it; nothing where there is no such file. */
  move(from: string, to: string): void
}

export interface SyncedFile {
  readonly size: number
  /** Up to `length` bytes from there on. */
  read(at: number, length: number): Buffer
  /** Returns how many bytes were written. */
  write(at: number, bytes: Buffer): number
  /** Makes the file that large, with its blocks, so that later writes change nothing but data. */
  extend(bytes: number): void
  close(): void
}

export const realDisk: Disk = {
  makeDirectory: (path) => makeDirectory(path),
  exists: (path) => existsSync(path),
  syncDirectory,
  database: (path, timeout = 0) => {
    if (path !== ':memory:') makePrivate(path)
    return new DatabaseSync(path, { timeout })
  },
  syncedFile: (path) => openSynced(path),
  free: (path) => {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize
  },
  reserve: (path, bytes) => reserve(path, bytes),
  remove: (path) => rmSync(path, { force: true }),
  move: (from, to) => {
    if (existsSync(from)) renameSync(from, to)
    syncDirectory(dirname(to))
  },
}

/** With its name, and those of the directories made on the way: a new one may be gone after a loss of power, with all in it. */
function makeDirectory(path: string): void {
  const made = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  for (let at = resolve(path); at.length >= made.length; at = dirname(at)) syncDirectory(dirname(at))
}

/**
 * Makes the file where it is missing, for its owner alone: SQLite would let all read it, and gives the files that it puts
 * beside it the same mode. One that is there is not opened, since to close it would give up the locks that this process
 * has on it. What goes wrong here SQLite meets too, and has words for it.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600))
  } catch {}
}

/** O_DSYNC makes a write wait for the disk, as write and fdatasync would, in one call. */
function openSynced(path: string): SyncedFile {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600)
  syncDirectory(dirname(path)) // also of one that was there: who made it may have died before
  return {
    get size() {
      return fstatSync(file).size
    },
    read: (at, length) => {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, readSync(file, bytes, 0, length, at))
    },
    write: (at, bytes) => writeSync(file, bytes, 0, bytes.length, at),
    extend: (bytes) => void writeSync(file, Buffer.alloc(bytes)),
    close: () => closeSync(file),
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** Written again and again: a buffer as large as the file costs more, for its pages, than the writing itself (17 ms for 8 MB, not 3). */
const ZEROS = Buffer.alloc(1024 * 1024)

function reserve(path: string, bytes: number): boolean {
  try {
    const file = openSync(path, 'w', 0o600)
    try {
      for (let at = 0; at < bytes; ) at += writeSync(file, ZEROS, 0, Math.min(ZEROS.length, bytes - at))
    } finally {
      closeSync(file)
    }
    return true
  } catch (thrown) {
    rmSync(path, { force: true })
    if (isNoRoom(thrown)) return false
    const error = toSluiceError(thrown)
    if (error.code === 'too_many_files') throw error
    throw new SluiceError('storage_failed', `${path}: ${error.message}`, { cause: thrown })
  }
}

/** No block is left, or none for this user: Node has no name for the number of a used up quota. */
function isNoRoom(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false
  const { code, errno } = thrown as NodeJS.ErrnoException // what node:fs throws
  return code === 'ENOSPC' || errno === -os.errno.EDQUOT
}
