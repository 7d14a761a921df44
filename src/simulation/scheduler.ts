/**
 * Virtual time. Everything that happens is an event in one queue, ordered by time, then by a drawn tie-break, then by the
 * order in which it was asked for. Between two events the event loop turns once, which drains every promise that the
 * first one settled: JavaScript does the rest in a fixed order, so that the same seed gives the same run, which the hash
 * over all events shows.
 */
import { createHash } from 'node:crypto'
import type { Chance } from './chance.ts'

interface Event {
  readonly at: number
  readonly tie: number
  readonly order: number
  readonly label: string
  run: (() => void) | undefined
}

export class Scheduler {
  readonly #chance: Chance
  readonly #heap: Event[] = []
  readonly #hash = createHash('sha256')
  #story = ''
  #order = 0
  #now = 0
  #steps = 0
  /** Called with every event, for whoever wants to read along. */
  trace: ((line: string) => void) | undefined

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Virtual milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  get steps(): number {
    return this.#steps
  }

  /** Runs it after `ms`. Returns the way to call it off. */
  after(ms: number, label: string, run: () => void): () => void {
    this.#order += 1
    const at = this.#now + Math.max(0, ms)
    const event: Event = { at, tie: this.#chance.next(), order: this.#order, label, run }
    this.#push(event)
    return () => {
      event.run = undefined
    }
  }

  /** The next event, and all that follows from it at once. False when nothing is left. */
  async step(): Promise<boolean> {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { run } = event
      if (run === undefined) continue
      this.#now = event.at
      this.#steps += 1
      this.#tell(event.label)
      run()
      await settled()
      return true
    }
    return false
  }

  /** What happened so far, as a digest. */
  get hash(): string {
    return this.#hash.copy().update(this.#story).digest('hex')
  }

  #tell(label: string): void {
    const line = `${this.#now.toFixed(3)} ${label}\n`
    this.trace?.(line)
    this.#story += line
    if (this.#story.length < 16_384) return
    this.#hash.update(this.#story)
    this.#story = ''
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, event)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const [one, other] = [heap[left], heap[left + 1]]
      if (one === undefined) break
      const below = other !== undefined && isBefore(other, one) ? left + 1 : left
      const child = heap[below]
      if (child === undefined || isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
    return first
  }
}

const isBefore = (one: Event, other: Event): boolean =>
  one.at !== other.at
    ? one.at < other.at
    : one.tie !== other.tie
      ? one.tie < other.tie
      : one.order < other.order

/** One turn of the real event loop: by then every promise that could settle has settled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
