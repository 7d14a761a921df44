/**
 * When a failed operation goes again. There is no limit of attempts, only of age: an outage of a day must cost nothing.
 *
 * Full jitter (AWS): anything between 0 and min(cap, 200 ms · 2^attempts). The cap follows the remote, not the operation:
 *   something succeeded in the last 30 s    2 s     it is alive; waiting longer only delays one person
 *   nothing for 30 s                       30 s
 *   nothing for 10 min                      5 min
 */
import type { Random } from '../core/clock.ts'

const BASE_MS = 200

export function capMs(sinceSuccessMs: number): number {
  if (sinceSuccessMs < 30_000) return 2_000
  return sinceSuccessMs < 600_000 ? 30_000 : 300_000
}

export interface Failure {
  /** Attempts made, this one included. */
  readonly attempts: number
  readonly sinceSuccessMs: number
}

export function backoffMs({ attempts, sinceSuccessMs }: Failure, random: Random): number {
  const most = Math.min(capMs(sinceSuccessMs), BASE_MS * 2 ** Math.min(attempts, 20))
  return random() * most
}

/** Retries earned by each first attempt. */
const SHARE = 0.1
/** What a sender with little traffic may repeat all the same, a second: else one failure would wait for ten new calls. */
const FLOOR_PER_SECOND = 5
const MOST = 100

/** The retry budget: retries are at most 10 % of first attempts, or five a second, so that they never become the storm. */
export class RetryBudget {
  #tokens = FLOOR_PER_SECOND
  #at: number

  constructor(now: number) {
    this.#at = now
  }

  /** Milliseconds until a retry may be made; 0 when now. */
  waitMs(now: number): number {
    this.#fill(now)
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / FLOOR_PER_SECOND) * 1000
  }

  /** One call was made. */
  spend(retry: boolean): void {
    this.#tokens = Math.min(MOST, retry ? this.#tokens - 1 : this.#tokens + SHARE)
  }

  #fill(now: number): void {
    const grown = this.#tokens + ((now - this.#at) / 1000) * FLOOR_PER_SECOND
    this.#tokens = Math.max(this.#tokens, Math.min(FLOOR_PER_SECOND, grown))
    this.#at = now
  }
}
