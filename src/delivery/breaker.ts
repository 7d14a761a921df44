/**
 * The breaker: when nothing comes through any more, stop calling and look once in a while.
 *
 *   closed ── 30 failures in a row ──▶ open ── after 1, 2, 4, 4 … s ──▶ half_open ── success ──▶ closed after 10
 *     └────────── 401, 403, redirect ──▶ credentials ── every 60 s ──▶ half_open    └─ failure ──▶ open, twice as long
 *
 * Part of the calls failing does not open it: a call that comes through is progress, and the retry budget and the rate
 * already hold the rest back. A 429 counts among the thirty; a half-open breaker that meets one waits a
 * second more, but not twice as long: whoever says 429 is alive.
 */
import type { Random } from '../core/clock.ts'

const FAILURES_TO_OPEN = 30
const FIRST_OPEN_MS = 1_000
/**
 * One call in four seconds burdens nobody. An outage that ends is noticed within four, and the rate takes five more to
 * double its way back: nine tenths of it within the ten seconds that L6 asks for (with ten between calls it was eleven).
 */
const LONGEST_OPEN_MS = 4_000
const CREDENTIALS_MS = 60_000
/** Calls that must come through, at most so many at once, before the flood is let loose again. */
const TRIAL = 10

export type BreakerState = 'closed' | 'open' | 'half_open' | 'credentials'

export class Breaker {
  readonly #random: Random
  #state: BreakerState = 'closed'
  #failures = 0
  #openMs = FIRST_OPEN_MS
  #until = 0
  #passed = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Where it stands; an open breaker whose time has come is half open. */
  state(now: number): BreakerState {
    if ((this.#state === 'open' || this.#state === 'credentials') && now >= this.#until) {
      this.#state = 'half_open'
      this.#passed = 0
    }
    return this.#state
  }

  /** How many calls may fly at once. */
  allowance(now: number): number {
    const state = this.state(now)
    if (state === 'closed') return Number.POSITIVE_INFINITY
    if (state === 'half_open') return this.#passed === 0 ? 1 : TRIAL
    return 0
  }

  /** Milliseconds until the allowance can change by itself. */
  waitMs(now: number): number {
    const state = this.state(now)
    return state === 'open' || state === 'credentials' ? this.#until - now : Number.POSITIVE_INFINITY
  }

  alive(): void {
    this.#failures = 0
    this.#openMs = FIRST_OPEN_MS
    if (this.#state === 'open' || this.#state === 'credentials') return // an answer from before it opened
    this.#passed += 1
    if (this.#state === 'half_open' && this.#passed >= TRIAL) this.#state = 'closed'
  }

  failed(now: number): void {
    this.#count(now, this.#openMs)
  }

  throttled(now: number): void {
    this.#count(now, FIRST_OPEN_MS)
  }

  #count(now: number, openMs: number): void {
    this.#failures += 1
    if (this.#state === 'half_open' || (this.#state === 'closed' && this.#failures >= FAILURES_TO_OPEN))
      this.#open(now, openMs)
  }

  /** The credentials or the region are wrong: hammering does not help, and only a person can. */
  refused(now: number): void {
    this.#state = 'credentials'
    this.#until = now + CREDENTIALS_MS
  }

  #open(now: number, openMs: number): void {
    this.#state = 'open'
    this.#until = now + openMs * (1 + this.#random() * 0.1)
    this.#openMs = Math.min(LONGEST_OPEN_MS, openMs * 2)
  }
}
