/**
 * Before and after `npm test`: one broker for all files that only need one, in a process of its own. A start costs 4 s of
 * a core. Nobody waits for it here: the tests that need it do (stand.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingForKafka } from '../../scripts/kafka.ts'

const SCRIPT = join(import.meta.dirname, '../../scripts/kafka.ts')

let broker: ChildProcess | undefined
let directory = ''

export function globalSetup(): void {
  if (missingForKafka().length > 0) return
  directory = mkdtempSync(join(tmpdir(), 'sluice-kafka-'))
  broker = spawn(process.execPath, [SCRIPT, 'start', '0', directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  process.env.SLUICE_TEST_BROKER = directory // the processes of the tests have it
}

export async function globalTeardown(): Promise<void> {
  if (broker === undefined) return
  const gone = once(broker, 'exit')
  broker.kill('SIGTERM')
  await gone
  rmSync(directory, { recursive: true, force: true })
}
