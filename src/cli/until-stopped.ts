/** What a server does between its start and its end. */
import { once } from 'node:events'
import type { Job } from './job.ts'

/** Resolves at the first ^C or SIGTERM. What the command opened keeps the process alive meanwhile. */
export async function untilStopped({ signal }: Job): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
