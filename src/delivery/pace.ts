/**
 * Pace: whether a call may be made now, and how long to wait if not. One budget for a workspace and an API: the adaptive
 * rate under its ceiling, the concurrency, the breaker, the retry budget, and Customer.io's own Retry-After over all.
 * No I/O and no clock of its own: the worker asks and tells.
 */
import type { Random } from '../core/clock.ts'
import type { Notify } from '../core/notices.ts'
import { Breaker, type BreakerState } from './breaker.ts'
import { Bucket } from './bucket.ts'
import { Concurrency } from './concurrency.ts'
import { Rate } from './rate.ts'
import { backoffMs, RetryBudget } from './retry.ts'

export interface PaceOptions {
  /** Calls a second, at the most, over all processes. */
  readonly ceiling: number
  /** The part of it that is this process's at this moment, from 0 to 1. Default: all of it. */
  readonly share?: () => number
  /** Calls at once, at the most. */
  readonly concurrency: number
  readonly random: Random
  readonly notify: Notify
  /** Monotonic milliseconds. */
  readonly now: number
}

/** What a call came to, as far as pace is concerned. */
export type Result =
  | { readonly kind: 'ok' | 'answered' | 'stopped'; readonly ms: number }
  | { readonly kind: 'throttled' | 'failed'; readonly ms: number; readonly retryAfterMs: number | undefined }

export interface PaceState {
  readonly breaker: BreakerState
  readonly ratePerSecond: number
  readonly ceilingPerSecond: number
  readonly concurrency: number
  readonly inFlight: number
}

/** Without a share it is asked again this soon: a lane may come at any time, and nothing tells of it. */
const SHARELESS_MS = 50
/** Longer than this without a success, operations wait longer than the shortest cap (retry.ts). */
const RECOVERY_MS = 30_000

export class Pace {
  readonly #options: PaceOptions
  readonly #rate: Rate
  readonly #bucket: Bucket
  readonly #concurrency: Concurrency
  readonly #breaker: Breaker
  readonly #budget: RetryBudget
  #inFlight = 0
  #gateUntil = 0
  #lastSuccess: number
  #rttMs = 0

  constructor(options: PaceOptions) {
    this.#options = options
    this.#rate = new Rate(() => this.#ceiling, options.now)
    this.#bucket = new Bucket(this.#rate.perSecond(options.now), options.now)
    this.#concurrency = new Concurrency(options.concurrency)
    this.#breaker = new Breaker(options.random)
    this.#budget = new RetryBudget(options.now)
    this.#lastSuccess = options.now
  }

  state(now: number): PaceState {
    return {
      breaker: this.#breaker.state(now),
      ratePerSecond: this.#rate.perSecond(now),
      ceilingPerSecond: this.#ceiling,
      concurrency: this.#concurrency.limit,
      inFlight: this.#inFlight,
    }
  }

  get #ceiling(): number {
    return this.#options.ceiling * (this.#options.share?.() ?? 1)
  }

  /** Whether the budget has room for a retry; otherwise the milliseconds until it has. */
  retryWaitMs(now: number): number {
    return this.#budget.waitMs(now)
  }

  /** Takes leave for one call. Returns 0 when it may be made, else the milliseconds after which to ask again (or after an answer). */
  leave(now: number): number {
    if (this.#ceiling === 0) return SHARELESS_MS
    const gated = Math.max(this.#gateUntil - now, this.#slotWaitMs(now))
    if (gated > 0) return gated
    this.#bucket.setRate(this.#rate.perSecond(now), now)
    return this.#bucket.take(now)
  }

  #slotWaitMs(now: number): number {
    const allowed = Math.min(this.#breaker.allowance(now), this.#concurrency.limit)
    return this.#inFlight < allowed ? 0 : this.#breaker.waitMs(now)
  }

  departed(retry: boolean): void {
    this.#inFlight += 1
    this.#budget.spend(retry)
  }

  /** An answer came, or none. True when it ends a time in which nothing succeeded: whatever waits may go. */
  returned(result: Result, now: number): boolean {
    const before = this.#breaker.state(now)
    const recovered = result.kind === 'ok' && now - this.#lastSuccess > RECOVERY_MS
    if (result.kind === 'ok') this.#succeeded(result.ms, now)
    else if (result.kind === 'answered') this.#breaker.alive()
    else if (result.kind === 'stopped') this.#breaker.refused(now)
    else if (result.kind === 'throttled') this.#throttled(now)
    else this.#breaker.failed(now)
    if ('retryAfterMs' in result) {
      this.#bucket.owe()
      this.#gate(result.retryAfterMs, now)
    }
    this.#inFlight -= 1
    const state = this.#breaker.state(now)
    if (state !== before) this.#options.notify('delivery.breaker', { state })
    return recovered
  }

  #succeeded(ms: number, now: number): void {
    this.#lastSuccess = now
    this.#rttMs = this.#rttMs === 0 ? ms : this.#rttMs * 0.9 + ms * 0.1
    this.#breaker.alive()
    this.#rate.accepted(now)
    this.#concurrency.observe(ms, this.#inFlight)
  }

  #throttled(now: number): void {
    this.#breaker.throttled(now)
    if (!this.#rate.throttled(now, this.#rttMs)) return
    this.#options.notify('delivery.throttled', { ratePerSecond: Math.round(this.#rate.perSecond(now)) })
  }

  /** Retry-After holds everything back, with up to 10 % more so that several workers do not come back at once. */
  #gate(retryAfterMs: number | undefined, now: number): void {
    if (retryAfterMs === undefined) return
    this.#gateUntil = Math.max(this.#gateUntil, now + retryAfterMs * (1 + this.#options.random() * 0.1))
  }

  /** How long an operation waits that has failed `attempts` times. */
  backoffMs(attempts: number, now: number): number {
    return backoffMs({ attempts, sinceSuccessMs: now - this.#lastSuccess }, this.#options.random)
  }
}
