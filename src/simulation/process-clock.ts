/**
 * The clock of one simulated process. When the process dies, nothing that waits on it ever goes on; while it is stopped,
 * everything waits. Its wall clock may be wrong and may jump; its monotonic one never does.
 */
import type { Clock } from '../core/clock.ts'
import type { Scheduler } from './scheduler.ts'

/** Where every simulated wall clock begins: 2026-01-01. */
const EPOCH = Date.UTC(2026, 0, 1)

export interface ClockOptions {
  /** How wrong its wall clock is. */
  readonly skewMs?: number | undefined
  /** How long a turn of its event loop takes: it is where commits are, and so where a crash can fall between two of them. */
  readonly turnMs?: () => number
}

export class ProcessClock implements Clock {
  readonly #scheduler: Scheduler
  readonly #name: string
  readonly #bornAt: number
  readonly #turnMs: () => number
  #skewMs: number
  #dead = false
  #stoppedUntil = 0

  constructor(scheduler: Scheduler, name: string, { skewMs = 0, turnMs = () => 0 }: ClockOptions = {}) {
    this.#scheduler = scheduler
    this.#name = name
    this.#bornAt = scheduler.now
    this.#skewMs = skewMs
    this.#turnMs = turnMs
  }

  get dead(): boolean {
    return this.#dead
  }

  now(): number {
    return Math.floor(EPOCH + this.#scheduler.now + this.#skewMs)
  }

  mono(): number {
    return this.#scheduler.now - this.#bornAt
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const wake = () => {
        callOff()
        signal?.removeEventListener('abort', wake)
        if (!this.#dead) resolve()
      }
      const callOff =
        ms > 0 ? this.after(wholeMs(ms), 'timer', wake) : this.after(this.#turnMs(), 'turn', wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  /** Something that reaches the process from outside, unless it is dead by then; later, when it is stopped. */
  after(ms: number, label: string, run: () => void): () => void {
    let callOff = () => {}
    const arrive = () => {
      if (this.#dead) return
      const left = this.#stoppedUntil - this.#scheduler.now
      if (left > 0) callOff = this.#scheduler.after(left, `${this.#name} late ${label}`, arrive)
      else run()
    }
    callOff = this.#scheduler.after(ms, `${this.#name} ${label}`, arrive)
    return () => callOff()
  }

  die(): void {
    this.#dead = true
  }

  /** As SIGSTOP, and SIGCONT after `ms`. */
  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#scheduler.now + ms)
  }

  jump(ms: number): void {
    this.#skewMs += ms
  }

  get skewMs(): number {
    return this.#skewMs
  }
}

/** Node's timers count whole milliseconds, and one at the least. */
const wholeMs = (ms: number): number => Math.max(1, Math.trunc(ms))
