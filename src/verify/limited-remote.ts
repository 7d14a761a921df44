/**
 * A remote with a limit that nobody tells, in virtual time: calls that pace allows are answered after a while with success,
 * 429 or an error, and demand never ends. Each step is a millisecond.
 */
import type { Random } from '../core/clock.ts'
import { judge } from '../customerio/outcome.ts'
import { resultOf } from '../delivery/deliver.ts'
import type { Pace } from '../delivery/pace.ts'

export interface LimitedRemote {
  readonly durationMs: number
  /** Calls a second that it takes; at 0 it is dead, and answers 503. */
  limitAt(now: number): number
  /** Milliseconds to an answer. */
  latencyAt(now: number, random: Random): number
  /** The `Retry-After` of a 429. */
  retryAfterAt?(now: number): string | undefined
}

export interface Measured {
  readonly calls: number
  readonly ok: number
  readonly throttled: number
  /** What a sender who knew the limit could have had answered. */
  readonly possible: number
  /** Calls while the limit was 0. */
  readonly blackout: number
  readonly blackoutMs: number
  /** By second: answered well, and possible. */
  readonly seconds: readonly { ok: number; possible: number }[]
  /** Calls that left before a Retry-After had passed. */
  readonly early: number
}

/** What is asked for leave, and told how it went. */
export type Pacing = Pick<Pace, 'leave' | 'departed' | 'returned'>

/** The limit counts in windows of this length. */
const WINDOW_MS = 100

interface Answer {
  readonly at: number
  readonly status: number
  readonly ms: number
  readonly retryAfter: string | undefined
}

export class LimitedRun {
  readonly #remote: LimitedRemote
  readonly #random: Random
  readonly #answers: Answer[] = []
  readonly #count = { calls: 0, ok: 0, throttled: 0, possible: 0, blackout: 0, blackoutMs: 0, early: 0 }
  readonly #seconds: { ok: number; possible: number }[] = []
  #window = { start: 0, used: 0 }
  #heldUntil = 0

  constructor(remote: LimitedRemote, random: Random) {
    this.#remote = remote
    this.#random = random
  }

  run(pace: Pacing): Measured {
    for (let now = 0; now < this.#remote.durationMs; now += 1) {
      const limit = this.#remote.limitAt(now)
      this.#tick(now, limit)
      this.#land(now, pace)
      while (pace.leave(now) === 0) {
        pace.departed(false)
        this.#call(now, limit)
      }
    }
    return { ...this.#count, seconds: this.#seconds }
  }

  #tick(now: number, limit: number): void {
    if (now % 1000 === 0) this.#seconds.push({ ok: 0, possible: 0 })
    const second = this.#seconds.at(-1)
    if (second) second.possible += limit / 1000
    this.#count.possible += limit / 1000
    if (limit === 0) this.#count.blackoutMs += 1
    if (now - this.#window.start >= WINDOW_MS) this.#window = { start: now, used: 0 }
  }

  #land(now: number, pace: Pacing): void {
    for (let first = this.#answers[0]; first && first.at <= now; first = this.#answers[0]) {
      this.#answers.shift()
      const { status, ms, retryAfter } = first
      // At 1970, so that a date in a Retry-After counts from the beginning of the run.
      const verdict = judge({ status, body: '{}', retryAfter, location: undefined, ms }, now)
      const result = resultOf(verdict, ms)
      if ('retryAfterMs' in result)
        this.#heldUntil = Math.max(this.#heldUntil, now + (result.retryAfterMs ?? 0))
      pace.returned(result, now)
    }
  }

  #call(now: number, limit: number): void {
    const count = this.#count
    count.calls += 1
    if (now < this.#heldUntil) count.early += 1
    if (limit === 0) count.blackout += 1
    this.#window.used += 1
    const fits = this.#window.used <= (limit * WINDOW_MS) / 1000
    const second = this.#seconds.at(-1)
    if (fits) count.ok += 1
    if (fits && second) second.ok += 1
    if (!fits && limit > 0) count.throttled += 1
    const ms = this.#remote.latencyAt(now, this.#random)
    const status = fits ? 200 : limit === 0 ? 503 : 429
    const retryAfter = status === 429 ? this.#remote.retryAfterAt?.(now) : undefined
    const index = this.#answers.findLastIndex(({ at }) => at <= now + ms)
    this.#answers.splice(index + 1, 0, { at: now + ms, status, ms, retryAfter })
  }
}
