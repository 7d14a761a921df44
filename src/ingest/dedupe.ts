/**
 * What a client has said before. The ledger remembers accepted ids; between the publishing of an operation and the
 * moment when the ledger knows of it, its id is held here, so that two requests at the same time publish it once.
 *
 * Not promised: that an id outlives a crash between publishing and remembering. The repeat is then stored a second time
 * under the same ULID, and Customer.io ignores it.
 */
import type { Ledger } from '../ledger/ledger.ts'
import type { Operation } from './stamp.ts'

/** An operation that a repeat refers to. */
export interface Earlier {
  readonly id: string
  /** Settles when it is known whether the operation is stored. */
  readonly stored: Promise<void>
}

export type Recalled = ReadonlyMap<string, Earlier>

/** The operations of one request that others may repeat: their ids by what they are recognised by. */
export type Claims = Map<string, string>

export class Dedupe {
  readonly #ledger: Pick<Ledger, 'seen' | 'remember'>
  readonly #onForgotten: (thrown: unknown) => void
  /** By `<seenAs> <source>`; what is recognised by has no blanks. */
  readonly #held = new Map<string, Earlier>()
  readonly #unsettled = new Set<Promise<void>>()

  /** `onForgotten` is told when the ledger could not remember ids whose operations are stored and answered. */
  constructor(ledger: Pick<Ledger, 'seen' | 'remember'>, onForgotten: (thrown: unknown) => void) {
    this.#ledger = ledger
    this.#onForgotten = onForgotten
  }

  /**
   * What is known of these operations, by `seenAs`: what is held at this moment, and of the others what the ledger says.
   * Both are looked at together, since the ledger may learn of an id, and this file let go of it, while its answer that
   * it knows nothing is still on the way.
   */
  async recall(source: string, operations: readonly Operation[]): Promise<Recalled> {
    const recalled = new Map<string, Earlier>()
    const asked: string[] = []
    for (const { seenAs } of operations) {
      if (seenAs === undefined) continue
      const held = this.held(source, seenAs)
      if (held === undefined) asked.push(seenAs)
      else recalled.set(seenAs, held)
    }
    if (asked.length === 0) return recalled
    for (const [seenAs, id] of await this.#ledger.seen(source, asked))
      recalled.set(seenAs, { id, stored: STORED })
    return recalled
  }

  held(source: string, seenAs: string): Earlier | undefined {
    return this.#held.get(`${seenAs} ${source}`)
  }

  /** Holds the claims until `stored` fails, or until the ledger remembers them. */
  hold(source: string, claims: Claims, { at, stored }: { at: number; stored: Promise<void> }): void {
    if (claims.size === 0) return
    for (const [seenAs, id] of claims) this.#held.set(`${seenAs} ${source}`, { id, stored })
    const settled = stored
      .then(
        () => this.#ledger.remember(source, claims, at).catch(this.#onForgotten),
        () => {}, // whoever waits for `stored` is told; here the ids are only free again
      )
      .finally(() => {
        for (const seenAs of claims.keys()) this.#held.delete(`${seenAs} ${source}`)
        this.#unsettled.delete(settled)
      })
    this.#unsettled.add(settled)
  }

  /** Resolves when nothing is on its way to the ledger. */
  async idle(): Promise<void> {
    while (this.#unsettled.size > 0) await Promise.all(this.#unsettled)
  }
}

const STORED = Promise.resolve()
