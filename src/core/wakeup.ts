import type { Clock } from './clock.ts'

/** A reason of one's own: else a DOMException is made for every ring, with its stack. */
const RUNG = 'rung'

/** A bell: whoever waits is woken by the next ring. A ring that nobody hears is kept for the next one who waits. */
export class Wakeup {
  #rung = false
  #waiting: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#waiting?.()
  }

  /** Resolves at the next ring, after `ms` at the latest. One waiter at a time. */
  async wait(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#rung && !signal?.aborted) await this.#ringOrTimeout(clock, ms, signal)
    this.#rung = false
  }

  async #ringOrTimeout(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
    const over = new AbortController()
    const end = () => over.abort(RUNG)
    this.#waiting = end
    signal?.addEventListener('abort', end, { once: true })
    // 2^31 - 1 ms is the longest timer that Node keeps; a longer wait ends there and the caller looks again.
    await clock.sleep(Math.min(ms, 2 ** 31 - 1), over.signal)
    signal?.removeEventListener('abort', end)
    this.#waiting = undefined
  }
}
