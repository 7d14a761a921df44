/** Progress of long work, on stderr: one line redrawn for a person, a few plain lines for a log. */
import type { Clock } from '../core/clock.ts'
import type { Output } from './output.ts'
import { spanText } from './time.ts'

export interface ProgressOptions {
  readonly output: Output
  readonly clock: Clock
  readonly label: string
  /** How much there is to do, when it is known. */
  readonly total?: number
}

const REDRAW_MS = 100
/** A log gets a line at every quarter, and at least one in this time. */
const PLAIN_MS = 10_000
const CELLS = 20

export class Progress {
  readonly #options: ProgressOptions
  readonly #startedAt: number
  #toldAt: number
  #quarter = 0

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#startedAt = options.clock.mono()
    this.#toldAt = this.#startedAt
  }

  /** Says how far it is; as often as one likes. `extra` is told behind the figures. */
  update(done: number, extra = ''): void {
    const { output, clock } = this.#options
    if (output.quiet) return
    const now = clock.mono()
    if (output.animated) {
      if (now - this.#toldAt < REDRAW_MS && done !== this.#options.total) return
      output.redraw(this.#text(done, extra))
    } else if (!this.#plainLineIsDue(done, now)) return
    else output.note(this.#text(done, extra))
    this.#toldAt = now
  }

  /** Leaves the last state as a line. */
  end(done: number, extra = ''): void {
    const { output } = this.#options
    if (output.animated) output.redraw('')
    output.note(this.#text(done, extra))
  }

  #plainLineIsDue(done: number, now: number): boolean {
    const { total } = this.#options
    const quarter = total ? Math.floor((4 * done) / total) : 0
    const due = (quarter > this.#quarter && quarter < 4) || now - this.#toldAt >= PLAIN_MS
    this.#quarter = Math.max(quarter, this.#quarter)
    return due
  }

  #text(done: number, extra: string): string {
    const { clock, label, total, output } = this.#options
    const elapsed = Math.max(1, clock.mono() - this.#startedAt)
    const rate = (done * 1000) / elapsed
    const parts = [label]
    if (total && output.animated) parts.push(bar(done / total))
    parts.push(total ? `${done}/${total}` : String(done), `${Math.round(rate)}/s`)
    if (total && done > 0 && done < total) parts.push(`${spanText(((total - done) * 1000) / rate)} left`)
    if (extra) parts.push(extra)
    return parts.join('  ')
  }
}

function bar(share: number): string {
  const full = Math.min(CELLS, Math.floor(share * CELLS))
  return '█'.repeat(full) + '░'.repeat(CELLS - full)
}
