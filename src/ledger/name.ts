/** The name of a ledger, where other processes with ledgers of their own share the bus: a file of the data directory. */
import { join } from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { isUlid } from '../core/ulid.ts'
import type { Disk } from '../sqlite/disk.ts'

export interface NameOptions {
  /** Must be held by this process. */
  readonly directory: string
  readonly disk: Disk
  /** Makes a ULID. */
  readonly draw: () => string
}

/**
 * The name that the directory keeps, or a new one, which it has when this returns. A file that is empty or torn, as after a loss
 * of power, was never somebody's name: it is used only after it is durable. Nor is what was marked for replay lost with a name:
 * letters that the bus does not have under the new one are published again.
 */
export function nameOf({ directory, disk, draw }: NameOptions): string {
  const path = join(directory, 'node')
  const found = read(path, disk)
  if (isUlid(found)) return found
  const name = draw()
  const fresh = `${path}.new`
  disk.remove(fresh)
  write(fresh, name, disk)
  disk.move(fresh, path)
  return name
}

function read(path: string, disk: Disk): string {
  if (!disk.exists(path)) return ''
  const file = disk.syncedFile(path)
  try {
    return file.read(0, file.size).toString()
  } finally {
    file.close()
  }
}

function write(path: string, text: string, disk: Disk): void {
  const file = disk.syncedFile(path)
  try {
    const bytes = Buffer.from(text)
    const written = file.write(0, bytes)
    if (written !== bytes.length) throw new SluiceError('storage_full', `${path} took ${written} bytes.`)
  } finally {
    file.close()
  }
}
