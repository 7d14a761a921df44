/** The ledger in one SQLite file, `ledger.db`, of which this process is the only writer (the data directory is locked). */
import type { Counts, DeadGroup, DeadLetter, DeadLetters, DeadQuery, Entry, Ledger } from './ledger.ts'
import { BatchesTable } from './sqlite-batches.ts'
import { ClientsTable } from './sqlite-clients.ts'
import { CountsTable } from './sqlite-counts.ts'
import { type FileOptions, LedgerFile } from './sqlite-file.ts'
import { LettersTable } from './sqlite-letters.ts'
import { OutcomesTable } from './sqlite-outcomes.ts'
import { Trim } from './sqlite-trim.ts'

/**
 * Opens, and creates or migrates where needed; the directory must exist. Throws `newer_format`, `log_damaged`,
 * `storage_full` or `storage_failed`.
 */
export async function openSqliteLedger(options: FileOptions): Promise<Ledger> {
  return new SqliteLedger(new LedgerFile(options))
}

class SqliteLedger implements Ledger {
  readonly dead: DeadLetters
  readonly #file: LedgerFile
  readonly #counts: CountsTable
  readonly #outcomes: OutcomesTable
  readonly #clients: ClientsTable
  readonly #trim: Trim

  constructor(file: LedgerFile) {
    this.#file = file
    this.#counts = new CountsTable(file.db)
    const letters = new LettersTable(file.db, this.#counts)
    const batches = new BatchesTable(file.db)
    this.#outcomes = new OutcomesTable(file.db, { counts: this.#counts, letters, batches })
    this.#clients = new ClientsTable(file.db)
    this.#trim = new Trim(file)
    this.dead = new SqliteDeadLetters(file, letters)
  }

  record(entries: readonly Entry[]): Promise<void> {
    return this.#file.write(() => this.#outcomes.record(entries), entries.length)
  }

  async find(id: string): Promise<Entry | undefined> {
    return this.#file.read(() => this.#outcomes.find(id))
  }

  async recent(limit: number): Promise<readonly Entry[]> {
    return this.#file.read(() => this.#outcomes.recent(limit))
  }

  async counts(): Promise<Counts> {
    return this.#file.read(() => this.#counts.read())
  }

  async seen(source: string, clientIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#file.read(() => this.#clients.seen(source, clientIds))
  }

  remember(source: string, accepted: ReadonlyMap<string, string>, at: number): Promise<void> {
    return this.#file.write(() => this.#clients.remember(source, accepted, at), accepted.size)
  }

  trim(at: number): Promise<number> {
    return this.#trim.before(at)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

class SqliteDeadLetters implements DeadLetters {
  readonly #file: LedgerFile
  readonly #letters: LettersTable

  constructor(file: LedgerFile, letters: LettersTable) {
    this.#file = file
    this.#letters = letters
  }

  async list(query: DeadQuery): Promise<readonly DeadLetter[]> {
    return this.#file.read(() => this.#letters.list(query))
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    return this.#file.read(() => this.#letters.find(id))
  }

  async groups(): Promise<readonly DeadGroup[]> {
    return this.#file.read(() => this.#letters.groups())
  }

  startReplay(ids: readonly string[]): Promise<readonly DeadLetter[]> {
    return this.#file.write(() => this.#letters.startReplay(ids), ids.length)
  }

  async replaying(): Promise<readonly DeadLetter[]> {
    return this.#file.read(() => this.#letters.replaying())
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#file.write(() => this.#letters.drop(ids), ids.length)
  }
}
