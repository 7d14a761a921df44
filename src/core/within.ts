import type { Clock } from './clock.ts'

/** Resolves when the work has ended, after `ms` at the latest, with whether it has. The work itself goes on; rejects as it does. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController()
  const late = clock.sleep(ms, over.signal).then(() => false)
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    over.abort()
  }
}
