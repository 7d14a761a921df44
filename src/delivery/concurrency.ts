/**
 * How many calls fly at once, from measured latency (Netflix's Gradient2): when answers take longer than they usually do,
 * fewer fly, so that an overloaded remote is relieved before it has to say 429.
 */

const TOLERANCE = 1.5
const SMOOTHING = 0.2
/** Calls allowed to queue at the remote; it keeps the limit from collapsing to one. */
const QUEUE = 4
/** The usual latency is an average over about this many answers. */
const LONG_WINDOW = 600

export class Concurrency {
  readonly #max: number
  #limit: number
  #usualMs = 0

  constructor(max: number) {
    this.#max = max
    this.#limit = Math.min(8, max)
  }

  get limit(): number {
    return Math.max(1, Math.floor(this.#limit))
  }

  /** The latency of a success, and how many calls were in flight beside it. Failures say nothing about speed. */
  observe(ms: number, inFlight: number): void {
    const sample = Math.max(0.1, ms)
    this.#usualMs =
      this.#usualMs === 0 ? sample : this.#usualMs + (sample - this.#usualMs) * (2 / (LONG_WINDOW + 1))
    if (this.#usualMs / sample > 2) this.#usualMs *= 0.95 // the remote has become quicker: forget the slow time sooner
    if (inFlight < this.#limit / 2) return // the limit was not what held us back
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * this.#usualMs) / sample))
    const next = this.#limit * gradient + QUEUE
    this.#limit = Math.min(this.#max, Math.max(1, this.#limit * (1 - SMOOTHING) + next * SMOOTHING))
  }
}
