/** Few log lines about one thing that is told over and over: a thousand say no more than the first, and fill the disk. */
import type { Clock } from '../core/clock.ts'

const LINES = 20
const PER_MS = 10_000

interface Turn {
  readonly since: number
  lines: number
}

export class Thinning {
  readonly #clock: Pick<Clock, 'mono'>
  /** By what is told: as many as there are notices, times the few values of their labels. */
  readonly #turns = new Map<string, Turn>()

  constructor(clock: Pick<Clock, 'mono'>) {
    this.#clock = clock
  }

  /** How many lines about this were left out before this one; undefined where this one is to be left out too. */
  admit(what: string): number | undefined {
    const now = this.#clock.mono()
    const turn = this.#turns.get(what)
    if (turn !== undefined && now - turn.since < PER_MS) {
      turn.lines += 1
      return turn.lines <= LINES ? 0 : undefined
    }
    this.#turns.set(what, { since: now, lines: 1 })
    return Math.max(0, (turn?.lines ?? 0) - LINES)
  }
}
