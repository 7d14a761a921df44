/** What a gateway does every so often, beside its stages: forget what is old, and make room where there is none. */
import type { Clock } from './core/clock.ts'
import type { NoticeName } from './core/notices.ts'
import { within } from './core/within.ts'
import type { LocalLog, Stores } from './surfaces.ts'

/** How long a chore may take when a stop is asked for. */
const CHORE_MS = 2_000

/** `over` aborts when it should come to an end. */
export type Chore = (over: AbortSignal) => Promise<unknown>

/**
 * Repeats a chore until the returned function is called; a chore that fails is tried again at its next turn. One that is
 * under way by then, such as the question of a bus that is away, is not waited for longer than it may take: it fails on
 * what is closed.
 */
export function repeat(clock: Clock, ms: number, chore: Chore): () => Promise<void> {
  const over = new AbortController()
  const run = async () => {
    for (;;) {
      await clock.sleep(ms, over.signal)
      if (over.signal.aborted) return
      await chore(over.signal).catch(() => {})
    }
  }
  const running = run()
  return async () => {
    over.abort()
    await within(clock, CHORE_MS, running)
  }
}

/** What ended before then is forgotten. */
export async function trim({ log, ledger }: Stores, before: number, over: AbortSignal): Promise<void> {
  await log?.trim(before, over)
  if (!over.aborted) await ledger.trim(before)
}

/** On a full log, what is settled goes before its time: room for what comes is worth more than the story of what went. */
export class Relief {
  #wanted = false

  hear(name: NoticeName): void {
    if (name === 'bus.full') this.#wanted = true
  }

  async give(log: LocalLog | undefined, over: AbortSignal): Promise<void> {
    if (this.#wanted && log && (await log.trim(Number.POSITIVE_INFINITY, over)) > 0) this.#wanted = false
  }
}
