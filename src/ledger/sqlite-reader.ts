/**
 * The one that looks through the dead letters: of 200,000 it takes a second, in which this thread would answer nobody. So it is
 * asked in plain data too, and does its work on a thread of its own (sqlite-thread.ts), where no write waits for it either.
 */
import type { DeadGroup, DeadLetter, DeadQuery, DeadSelection } from './ledger.ts'
import { CountsTable } from './sqlite-counts.ts'
import type { LedgerFile } from './sqlite-file.ts'
import { LettersTable } from './sqlite-letters.ts'

/** What they mean is in ledger.ts. What was durable when it was asked is in the answer. */
export interface Reader {
  list(query: DeadQuery): Promise<readonly DeadLetter[]>
  groups(): Promise<readonly DeadGroup[]>
  ids(selection: DeadSelection): Promise<readonly string[]>
  /** Resolves when what was asked for is answered, and the file is closed. */
  close(): Promise<void>
}

export class FileReader implements Reader {
  readonly #file: LedgerFile
  readonly #letters: LettersTable

  constructor(file: LedgerFile) {
    this.#file = file
    this.#letters = new LettersTable(file.db, new CountsTable(file.db))
  }

  async list(query: DeadQuery): Promise<readonly DeadLetter[]> {
    return this.#file.read(() => this.#letters.list(query))
  }

  async groups(): Promise<readonly DeadGroup[]> {
    return this.#file.read(() => this.#letters.groups())
  }

  async ids(selection: DeadSelection): Promise<readonly string[]> {
    return this.#file.read(() => this.#letters.ids(selection))
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
