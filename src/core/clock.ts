/**
 * Time as an argument: whatever waits, reads a clock or draws a random number takes one of these, so that the whole
 * gateway can run under a clock that a test moves.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For stamps that people read; it may jump. */
  now(): number
  /** Monotonic milliseconds. For every interval, deadline and rate; it never steps back. */
  mono(): number
  /**
   * Resolves after `ms`, or at once when the signal aborts. Never rejects. With 0 it resolves in the next turn of the event
   * loop, behind what waits already: so long work lets others go first.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** A number in [0, 1). */
export type Random = () => number

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted) return resolve()
      if (ms <= 0) {
        setImmediate(resolve)
        return
      }
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    }),
}
