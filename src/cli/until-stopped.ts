/** What a server does between its start and its end. */
import { once } from 'node:events'
import type { SluiceError } from '../core/errors.ts'
import type { Job } from './job.ts'

/**
 * Resolves at the first ^C or SIGTERM; throws what a server failed with. What the command opened keeps the process alive
 * meanwhile.
 */
export async function untilStopped({ signal }: Job, failed?: Promise<SluiceError>): Promise<void> {
  if (signal.aborted) return
  const failure = failed ?? new Promise<never>(() => {})
  const ended = await Promise.race([once(signal, 'abort'), failure])
  if (!Array.isArray(ended)) throw ended
}
