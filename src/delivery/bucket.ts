/** A token bucket whose rate may change while it fills. Times are monotonic milliseconds. */

/** 50 ms of rate at once, at least one: a small burst is what keeps most 429s away (measured in simulation). */
const BURST_MS = 50

export class Bucket {
  #tokens = 1
  #filledAt: number
  #perSecond: number

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#filledAt = now
  }

  setRate(perSecond: number, now: number): void {
    this.#fill(now)
    this.#perSecond = perSecond
  }

  /** Takes one token. Returns 0 when there was one, else the milliseconds until there is. */
  take(now: number): number {
    this.#fill(now)
    if (this.#tokens < 1) return ((1 - this.#tokens) / this.#perSecond) * 1000
    this.#tokens -= 1
    return 0
  }

  /** A call failed: one later call is given up for it, so that sending slows down before the breaker can tell. */
  owe(): void {
    this.#tokens = Math.max(-this.#burst, this.#tokens - 1)
  }

  get #burst(): number {
    return Math.max(1, (this.#perSecond * BURST_MS) / 1000)
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond)
    this.#filledAt = now
  }
}
