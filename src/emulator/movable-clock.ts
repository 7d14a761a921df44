/** The emulator's clock: the machine's, moved forward on request. What was waited for meanwhile is due at once. */
import type { Clock } from '../core/clock.ts'

export class MovableClock implements Clock {
  readonly #clock: Clock
  #ahead = 0
  /** Forward moves of the wall clock alone can be taken back; monotonic time never steps back. */
  #takenBack = 0
  #moved = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now() + this.aheadMs
  }

  mono(): number {
    return this.#clock.mono() + this.#ahead
  }

  /** How far the wall clock is ahead of the machine's, in milliseconds. */
  get aheadMs(): number {
    return this.#ahead - this.#takenBack
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const due = this.mono() + ms
    for (let rest = ms; rest > 0 && !signal?.aborted; rest = due - this.mono()) {
      const moved = this.#moved.signal
      await this.#clock.sleep(rest, signal === undefined ? moved : AbortSignal.any([signal, moved]))
    }
  }

  /** `ms` is not negative. */
  advance(ms: number): void {
    this.#ahead += ms
    const moved = this.#moved
    this.#moved = new AbortController()
    moved.abort()
  }

  /** The wall clock is the machine's again. */
  reset(): void {
    this.#takenBack = this.#ahead
  }
}
