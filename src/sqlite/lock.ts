import { join } from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { type Disk, realDisk } from './disk.ts'

/**
 * Holds a data directory for this process. It is SQLite's own file lock, which the kernel drops when the process dies,
 * however it dies; a file with a process id in it would be left behind by a kill. Throws `data_dir_in_use`.
 */
export function lockDirectory(directory: string, disk: Disk = realDisk): Disposable {
  const db = disk.database(join(directory, 'lock.db'))
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    db.close()
    throw new SluiceError('data_dir_in_use', `${directory} is in use by another Sluice process.`, { cause })
  }
  return { [Symbol.dispose]: () => db.close() }
}
