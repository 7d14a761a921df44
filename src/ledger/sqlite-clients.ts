/** What clients said before: the table `clients`, by which a client's retry is recognised. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'

export class ClientsTable {
  readonly #find: StatementSync
  readonly #insert: StatementSync

  constructor(db: DatabaseSync) {
    this.#find = db.prepare('SELECT operation_id FROM clients WHERE source = ? AND client_id = ?')
    this.#insert = db.prepare(`INSERT INTO clients (source, client_id, operation_id, at) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET at = max(at, excluded.at)`)
  }

  seen(source: string, clientIds: readonly string[]): ReadonlyMap<string, string> {
    const found = new Map<string, string>()
    for (const id of clientIds) {
      const row = this.#find.get(source, clientText(id))
      if (row !== undefined) found.set(id, String(row.operation_id))
    }
    return found
  }

  /** Within a transaction. The first operation id stays: it is the one that went out to Customer.io. */
  remember(source: string, accepted: ReadonlyMap<string, string>, at: number): void {
    for (const [id, operation] of accepted) this.#insert.run(source, clientText(id), operation, at)
  }
}

/** As JSON, which escapes lone surrogates: UTF-8 would turn them all into U+FFFD, and two client ids into one. */
const clientText = (id: string): string => JSON.stringify(id)
