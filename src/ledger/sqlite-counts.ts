/** The figures of the ledger, kept beside the rows so that reading them never counts anything. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Counts } from './ledger.ts'

/** What one transaction adds to the figures; may be negative. */
export type Change = { -readonly [name in keyof Counts]?: number }

export class CountsTable {
  readonly #select: StatementSync
  readonly #update: StatementSync

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT name, value FROM counts')
    this.#update = db.prepare('UPDATE counts SET value = value + ? WHERE name = ?')
  }

  /** Belongs in the transaction that changes the rows. */
  add(change: Change): void {
    for (const [name, difference] of Object.entries(change))
      if (difference !== 0) this.#update.run(difference, name)
  }

  read(): Counts {
    const found = new Map(this.#select.all().map(({ name, value }) => [name, Number(value)]))
    const of = (name: keyof Counts) => found.get(name) ?? 0
    return {
      delivered: of('delivered'),
      coalesced: of('coalesced'),
      suppressed: of('suppressed'),
      dead: of('dead'),
      replaying: of('replaying'),
      duplicate: of('duplicate'),
    }
  }
}
