/** Turns at an even distance: one budget for everybody who calls the same API. */
import type { Clock } from '../core/clock.ts'

export class Turns {
  readonly #clock: Clock
  readonly #everyMs: number
  /** When the next turn is, on the monotonic clock. */
  #next: number

  /** Within any one second there are at most `perSecond` turns and one. */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#everyMs = 1000 / perSecond
    this.#next = clock.mono()
  }

  /**
   * Waits for the next turn and returns 0. When that would take longer than `mostMs` no turn is taken, and it returns at
   * once with the milliseconds until there is one.
   */
  async take(mostMs: number, signal?: AbortSignal): Promise<number> {
    const now = this.#clock.mono()
    const waitMs = Math.max(0, this.#next - now)
    if (waitMs > mostMs) return waitMs
    this.#next = now + waitMs + this.#everyMs
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal)
    return 0
  }

  /** No turn for so long: the other side asked for a pause. Those who wait already are not called back. */
  pause(ms: number): void {
    this.#next = Math.max(this.#next, this.#clock.mono() + ms)
  }
}
