/**
 * Before and after `npm test`.
 *
 * The files of the tests go into memory, where there is a file system of it with room: every store syncs what it writes, and no test
 * can tell a disk that keeps it from one that does not. What a disk does is asked by the proofs (D2 to D6), on a real one.
 *
 * One broker is for all files that only need one, in a process of its own. A start costs 3 s of a core. Nobody waits for it
 * here: the tests that need it do (kafka/stand.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingForKafka } from '../scripts/kafka.ts'

const BROKER = join(import.meta.dirname, '../scripts/kafka.ts')
const MEMORY = '/dev/shm'
/** All tests at once have 100 MB at most; Docker gives 64 MB unless told otherwise. */
const ROOM = 512 * 1024 * 1024

let directory = ''
let broker: ChildProcess | undefined

/** What is put into the environment here, the processes of the tests have. */
export function globalSetup(): void {
  directory = mkdtempSync(join(hasRoom(MEMORY) ? MEMORY : tmpdir(), 'sluice-test-'))
  process.env.TMPDIR = directory
  if (missingForKafka().length > 0) return
  const data = join(directory, 'broker')
  broker = spawn(process.execPath, [BROKER, 'start', '0', data], { stdio: ['ignore', 'ignore', 'inherit'] })
  process.env.SLUICE_TEST_BROKER = data
}

export async function globalTeardown(): Promise<void> {
  if (broker !== undefined) {
    const gone = once(broker, 'exit')
    broker.kill('SIGTERM')
    await gone
  }
  rmSync(directory, { recursive: true, force: true })
}

function hasRoom(path: string): boolean {
  if (!existsSync(path)) return false
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize >= ROOM
}
