/** What a server does between its start and its end. */
import { once } from 'node:events'
import type { SluiceError } from '../core/errors.ts'
import { failureDocument, failureText } from './failure.ts'
import type { Job } from './job.ts'

/**
 * Resolves at the first ^C or SIGTERM. What the command opened keeps the process alive meanwhile. When the server failed,
 * the process ends at once with nothing closed: on a disk that failed, whatever is still written is written to the wrong
 * place or after a hole, and to close a database is to write it. Throws that failure where the process cannot be ended.
 */
export async function untilStopped(job: Job, failed?: Promise<SluiceError>): Promise<void> {
  const { signal } = job
  if (signal.aborted) return
  const failure = failed ?? new Promise<never>(() => {})
  const ended = await Promise.race([once(signal, 'abort'), failure])
  if (Array.isArray(ended)) return
  tell(ended, job)
  job.host.exit(ended.row.exit)
  throw ended
}

function tell(failure: SluiceError, { host, output }: Job): void {
  const text = output.json ? JSON.stringify(failureDocument(failure)) : failureText(failure, output.paintNote)
  host.stderr.write(`${text}\n`)
}
