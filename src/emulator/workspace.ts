/**
 * The emulated workspace: what was accepted takes effect a little later, in the order of acceptance, as at Customer.io,
 * where a 200 means no more than that the request was taken.
 */
import type { Clock } from '../core/clock.ts'
import { apply } from './apply.ts'
import type { Item } from './item.ts'
import { type Entry, Journal } from './journal.ts'
import { newState, type State } from './state.ts'

export interface WorkspaceOptions {
  readonly clock: Clock
  /** From acceptance to effect, in milliseconds. With 0 it is the next turn of the event loop. */
  readonly settleMs: number
  /** Where the journal lies; without it the workspace lives in memory only. */
  readonly directory?: string | undefined
  /** The journal is replaced by a snapshot at start when it is larger than this, in bytes. */
  readonly compactAbove?: number | undefined
}

interface Waiting extends Entry {
  /** On the monotonic clock. */
  readonly due: number
}

const COMPACT_ABOVE = 64 * 1024 * 1024

export class Workspace {
  settleMs: number
  readonly #clock: Clock
  readonly #journal: Journal | undefined
  readonly #closing = new AbortController()
  #state: State
  #waiting: Waiting[] = []
  #pending = 0
  #entries: number
  #isPumping = false

  /** Opens what is in the directory, with everything that was accepted before applied. */
  constructor({ clock, settleMs, directory, compactAbove = COMPACT_ABOVE }: WorkspaceOptions) {
    this.#clock = clock
    this.settleMs = settleMs
    this.#journal = directory === undefined ? undefined : new Journal(directory)
    this.#state = this.#journal?.snapshot() ?? newState()
    for (const entry of this.#journal?.entries() ?? []) this.#give(entry, entry.at)
    this.#entries = this.#state.applied
    if (this.#journal !== undefined && this.#journal.bytes > compactAbove) this.#journal.compact(this.#state)
  }

  /** What has taken effect. For reading only. */
  get state(): State {
    return this.#state
  }

  /** Items that are accepted and have not taken effect. */
  get pending(): number {
    return this.#pending
  }

  /** Items accepted since the workspace was last empty, those from before a restart among them. */
  get accepted(): number {
    return this.#state.counts.applied + this.#pending
  }

  /** Takes items; they are in the journal when this returns. Throws `storage_full`, with nothing taken. */
  accept(items: readonly Item[]): void {
    if (items.length === 0) return
    const entry = { n: this.#entries + 1, at: this.#clock.now(), items }
    this.#journal?.append(entry)
    this.#entries = entry.n
    this.#pending += items.length
    this.#waiting.push({ ...entry, due: this.#clock.mono() + this.settleMs })
    if (!this.#isPumping) void this.#pump()
  }

  /** Applies now whatever is pending. */
  settle(): void {
    this.#applyDue(Number.POSITIVE_INFINITY)
  }

  /** Forgets everything, on disk too. */
  reset(): void {
    this.#journal?.clear()
    this.#state = newState()
    this.#waiting = []
    this.#pending = 0
    this.#entries = 0
  }

  close(): void {
    this.#closing.abort()
    this.#journal?.close()
  }

  async #pump(): Promise<void> {
    this.#isPumping = true
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      await this.#clock.sleep(Math.max(0, head.due - this.#clock.mono()), this.#closing.signal)
      if (this.#closing.signal.aborted) break
      this.#applyDue(this.#clock.mono())
    }
    this.#isPumping = false
  }

  #applyDue(mono: number): void {
    const isLater = this.#waiting.findIndex(({ due }) => due > mono)
    const due = this.#waiting.splice(0, isLater < 0 ? this.#waiting.length : isLater)
    for (const entry of due) {
      this.#give(entry, this.#clock.now())
      this.#pending -= entry.items.length
    }
  }

  #give(entry: Entry, now: number): void {
    if (entry.n <= this.#state.applied) return
    for (const item of entry.items) apply(this.#state, item, { accepted: entry.at, now })
    this.#state.applied = entry.n
  }
}
