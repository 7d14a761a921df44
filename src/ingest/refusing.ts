/** Whether what comes can be taken, as far as what came last tells. */
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, SluiceError } from '../core/errors.ts'

/** What is wrong with where things are stored, rather than with what was to be stored. */
const OURS: ReadonlySet<ErrorCode> = new Set([
  'storage_full',
  'too_many_files',
  'storage_failed',
  'bus_unavailable',
  'bus_unauthorized',
  'topic_missing',
])

/** How long a refusal says that the next will be refused too. Then somebody must be sent here again to find out. */
const LASTS_MS = 10_000

export class Refusing {
  readonly #clock: Pick<Clock, 'mono'>
  #last: { readonly code: ErrorCode; readonly at: number } | undefined

  constructor(clock: Pick<Clock, 'mono'>) {
    this.#clock = clock
  }

  /** Why nothing is taken now; undefined where nothing says so. */
  get reason(): ErrorCode | undefined {
    if (this.#last === undefined || this.#clock.mono() - this.#last.at > LASTS_MS) return undefined
    return this.#last.code
  }

  stored(): void {
    this.#last = undefined
  }

  refused(thrown: unknown): void {
    if (thrown instanceof SluiceError && OURS.has(thrown.code))
      this.#last = { code: thrown.code, at: this.#clock.mono() }
  }
}
