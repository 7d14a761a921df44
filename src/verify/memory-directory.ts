/** A directory for thousands of small disks that are made and thrown away: in memory, where the machine has one there. */
import { access, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

export async function memoryDirectory(otherwise: string): Promise<{ path: string } & AsyncDisposable> {
  const root = await access('/dev/shm').then(
    () => '/dev/shm',
    () => otherwise,
  )
  const path = await mkdtemp(join(root, 'sluice-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
