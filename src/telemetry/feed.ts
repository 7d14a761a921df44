/** The live feed: what happens to single operations goes to whoever watches, at once, and costs nothing while nobody does. */
import type { Feed, Happening } from '../core/feed.ts'

type Listener = (happenings: readonly Happening[]) => void

export class LiveFeed implements Feed {
  readonly #listeners = new Set<Listener>()

  get watched(): boolean {
    return this.#listeners.size > 0
  }

  tell(happenings: readonly Happening[]): void {
    for (const listener of this.#listeners) listener(happenings)
  }

  /** Calls the listener with what happens from now on; returns the way to stop that. */
  watch(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
