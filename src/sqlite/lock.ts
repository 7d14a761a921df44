/** A data directory, held by one process. */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import { toStorageError } from './database.ts'
import { type Disk, realDisk } from './disk.ts'

/**
 * Makes the directory where it is missing, and holds it for this process. It is SQLite's own file lock, which the kernel
 * drops when the process dies, however it dies; a file with a process id in it would be left behind by a kill. Throws
 * `data_dir_in_use`, and `bad_config` where the path is no directory or this user may not write to it.
 */
export function lockDirectory(directory: string, disk: Disk = realDisk): Disposable {
  let db: DatabaseSync | undefined
  try {
    disk.makeDirectory(directory)
    db = disk.database(join(directory, 'lock.db'))
    db.exec('BEGIN EXCLUSIVE')
    const held = db
    return { [Symbol.dispose]: () => held.close() }
  } catch (thrown) {
    db?.close()
    throw toLockError(thrown, directory)
  }
}

/** SQLite's primary result codes (sqlite.org/rescode.html): held by another; not permitted, read-only, cannot be opened. */
const BUSY = 5
const UNUSABLE_FILE = [3, 8, 14]
/** Node's codes for a path of which a part is a file, and for one that is another user's or on a read-only disk. */
const UNUSABLE_PATH: readonly unknown[] = ['EEXIST', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS']

function toLockError(cause: unknown, directory: string): unknown {
  const result = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) & 255 : undefined
  if (result === BUSY)
    return new SluiceError('data_dir_in_use', `${directory} is in use by another Sluice process.`, { cause })
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (!UNUSABLE_PATH.includes(code) && !UNUSABLE_FILE.includes(result ?? 0))
    return toStorageError(cause, directory)
  return new SluiceError('bad_config', `${directory} cannot be used as the data directory.`, {
    cause,
    hint: 'Name a directory that this user may write to with SLUICE_DATA_DIR or --data-dir.',
  })
}
