/** Waiting for a gateway to deliver what it has. */
import { type Clock, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { within } from '../core/within.ts'

export interface Drain {
  readonly pending: () => Promise<number>
  /** Resolves when something happens at the gateway. */
  readonly news: () => Promise<unknown>
  readonly clock?: Clock
}

/** An outage is told of with every call that fails, a minute apart at the most; nothing told for so long is a hang. */
const PATIENCE_MS = 5 * 60_000

/**
 * Resolves when nothing is pending. News is listened for before the figure is asked for: what happens between the two
 * may be the last that ever does. Throws `timed_out` when nothing happens for five minutes.
 */
export async function untilDrained({ pending, news, clock = systemClock }: Drain): Promise<void> {
  for (;;) {
    const next = news()
    const left = await pending()
    if (left <= 0) return
    if (!(await within(clock, PATIENCE_MS, next)))
      throw new SluiceError('timed_out', `Nothing happened for 5 minutes, with ${left} pending.`)
  }
}
