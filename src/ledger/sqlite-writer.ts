/**
 * The one that writes the ledger. It is asked for whole changes in plain data, so that it can do its work on a thread of its
 * own (sqlite-thread.ts), where delivery goes on while the disk works; or in this one, where a simulation wants it.
 */
import type { Counts, DeadLetter } from './ledger.ts'
import { BatchesTable } from './sqlite-batches.ts'
import { ClientsTable } from './sqlite-clients.ts'
import { CountsTable } from './sqlite-counts.ts'
import type { LedgerFile } from './sqlite-file.ts'
import { type Group, reachOf } from './sqlite-groups.ts'
import { LettersTable } from './sqlite-letters.ts'
import { OutcomesTable } from './sqlite-outcomes.ts'
import { ReachedTable } from './sqlite-reached.ts'
import { Trim } from './sqlite-trim.ts'

/**
 * Each resolves when it is durable, and rejects as LedgerFile's `write`. What they mean is in ledger.ts. What changes the
 * figures resolves with them as they are right after it, so that whoever asked learns of both at once (P2).
 */
export interface Writer {
  record(groups: readonly Group[]): Promise<Counts>
  remember(source: string, accepted: ReadonlyMap<string, string>, at: number): Promise<void>
  startReplay(ids: readonly string[]): Promise<Replayed>
  drop(ids: readonly string[]): Promise<number>
  trim(at: number): Promise<number>
  /** Resolves when what was asked for is done and the file is closed. */
  close(): Promise<void>
}

export interface Replayed {
  readonly letters: readonly DeadLetter[]
  readonly counts: Counts
}

export class FileWriter implements Writer {
  readonly #file: LedgerFile
  readonly #counts: CountsTable
  readonly #outcomes: OutcomesTable
  readonly #letters: LettersTable
  readonly #reached: ReachedTable
  readonly #clients: ClientsTable
  readonly #trim: Trim

  constructor(file: LedgerFile) {
    this.#file = file
    const counts = new CountsTable(file.db)
    const letters = new LettersTable(file.db, counts)
    this.#counts = counts
    this.#letters = letters
    this.#outcomes = new OutcomesTable(file.db, { counts, letters, batches: new BatchesTable(file.db) })
    this.#reached = new ReachedTable(file.db)
    this.#clients = new ClientsTable(file.db)
    this.#trim = new Trim(file)
  }

  record(groups: readonly Group[]): Promise<Counts> {
    const work = () => {
      this.#outcomes.record(groups)
      this.#reached.note(groups.flatMap(reachOf))
      return this.#counts.read()
    }
    return this.#file.write(work, rowsOf(groups))
  }

  remember(source: string, accepted: ReadonlyMap<string, string>, at: number): Promise<void> {
    return this.#file.write(() => this.#clients.remember(source, accepted, at), accepted.size)
  }

  startReplay(ids: readonly string[]): Promise<Replayed> {
    const work = () => ({ letters: this.#letters.startReplay(ids), counts: this.#counts.read() })
    return this.#file.write(work, ids.length)
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#file.write(() => this.#letters.drop(ids), ids.length)
  }

  trim(at: number): Promise<number> {
    return this.#trim.before(at)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

const rowsOf = (groups: readonly Group[]): number =>
  groups.reduce((sum, group) => sum + ('body' in group ? group.count : 1), 0)
