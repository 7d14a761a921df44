/**
 * The adaptive rate: calls a second, under a ceiling from the documented limits. Customer.io sends no rate headers, so it
 * is found blindly: grow by 1 % per success until the first 429; then cut to 70 %, once per window, and come back along
 * a cubic curve that is steep far from the last good rate and flat around it (as TCP CUBIC, RFC 9438, with C = 4).
 */

const START = 50
const GROWTH = 1.01
const BETA = 0.7
const C = 4
/** At the least this long between two cuts: the 429s of calls already in flight tell nothing new. */
const MIN_WINDOW_MS = 250
/** The accepted rate is averaged over about this long. */
const ACCEPTED_MS = 1_000

export class Rate {
  readonly #ceiling: () => number
  #current: number
  #best = 0
  #cutAt: number | undefined
  #acceptedPerSecond = 0
  #acceptedAt: number

  /** The ceiling may move, such as when this process comes to hold more or fewer lanes. */
  constructor(ceiling: () => number, now: number) {
    this.#ceiling = ceiling
    this.#current = START
    this.#acceptedAt = now
  }

  /** Calls a second that may be made now. */
  perSecond(now: number): number {
    if (this.#cutAt !== undefined) this.#current = this.#cubic((now - this.#cutAt) / 1000)
    return Math.min(this.#current, this.#ceiling())
  }

  accepted(now: number): void {
    const elapsed = Math.max(1, now - this.#acceptedAt)
    const weight = Math.exp(-elapsed / ACCEPTED_MS)
    this.#acceptedPerSecond = this.#acceptedPerSecond * weight + (1000 / elapsed) * (1 - weight)
    this.#acceptedAt = now
    if (this.#cutAt === undefined) this.#current = this.#bounded(this.#current * GROWTH)
  }

  /** A 429, or a 503 that sheds load. Returns true when it cut the rate. `rttMs`: how long an answer takes at present. */
  throttled(now: number, rttMs: number): boolean {
    if (this.#cutAt !== undefined && now - this.#cutAt < Math.max(MIN_WINDOW_MS, 2 * rttMs)) return false
    const rate = this.perSecond(now)
    this.#best = rate < this.#best ? (rate * (1 + BETA)) / 2 : rate
    this.#current = Math.max(1, BETA * rate)
    this.#cutAt = now
    return true
  }

  #cubic(seconds: number): number {
    const k = Math.cbrt((this.#best * (1 - BETA)) / C)
    return this.#bounded(C * (seconds - k) ** 3 + this.#best)
  }

  /** Never over twice of what is really accepted: a rate that was not tried is no evidence. */
  #bounded(rate: number): number {
    return Math.max(1, Math.min(rate, this.#ceiling(), Math.max(START, 2 * this.#acceptedPerSecond)))
  }
}
