/** The ledger in one SQLite file, `ledger.db`, of which this process is the only writer (the data directory is locked). */
import type { Ends } from '../core/ends.ts'
import type {
  Counts,
  DeadGroup,
  DeadLetter,
  DeadLetters,
  DeadQuery,
  DeadSelection,
  Entry,
  Ledger,
  Occurrence,
} from './ledger.ts'
import { BatchesTable } from './sqlite-batches.ts'
import { ClientsTable } from './sqlite-clients.ts'
import { CountsTable } from './sqlite-counts.ts'
import { type FileOptions, LedgerFile } from './sqlite-file.ts'
import { groupsOf } from './sqlite-groups.ts'
import { LettersTable } from './sqlite-letters.ts'
import { OutcomesTable } from './sqlite-outcomes.ts'
import { ReachedTable } from './sqlite-reached.ts'
import { FileReader, type Reader } from './sqlite-reader.ts'
import { readOnThread, writeOnThread } from './sqlite-thread.ts'
import { FileWriter, type Writer } from './sqlite-writer.ts'

export interface LedgerOptions extends FileOptions {
  /** Writes, and looks through letters, on threads of their own, with files of their own on the machine's disk. Default: no. */
  readonly threaded?: boolean
}

/**
 * Opens, and creates or migrates where needed; the directory must exist. Throws `newer_format`, `log_damaged`,
 * `storage_full` or `storage_failed`.
 */
export async function openSqliteLedger({ threaded = false, ...options }: LedgerOptions): Promise<Ledger> {
  const { directory, maxPages, onFatal = () => {} } = options
  const file = new LedgerFile(options)
  const limit = maxPages === undefined ? {} : { maxPages }
  const parts = threaded
    ? {
        writer: writeOnThread({ directory, ...limit }, onFatal),
        reader: readOnThread({ directory, ...limit }, onFatal),
      }
    : { writer: new FileWriter(file), reader: new FileReader(file) }
  return new SqliteLedger({ file, ...parts })
}

interface Parts {
  readonly file: LedgerFile
  readonly writer: Writer
  readonly reader: Reader
}

/** Reads by its own file, and leaves the writing to the writer: what that says is durable can be read. */
class SqliteLedger implements Ledger {
  readonly dead: DeadLetters
  readonly #file: LedgerFile
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #outcomes: OutcomesTable
  readonly #reached: ReachedTable
  readonly #clients: ClientsTable
  /** As the writer told them last: in the file they may be ahead of what those who wait for it have been told. */
  #counts: Counts

  constructor({ file, writer, reader }: Parts) {
    this.#file = file
    this.#writer = writer
    this.#reader = reader
    const counts = new CountsTable(file.db)
    const letters = new LettersTable(file.db, counts)
    const batches = new BatchesTable(file.db)
    this.#outcomes = new OutcomesTable(file.db, { counts, letters, batches })
    this.#reached = new ReachedTable(file.db)
    this.#clients = new ClientsTable(file.db)
    this.#counts = counts.read()
    const known = () => this.#counts
    this.dead = new SqliteDeadLetters({ file, writer, reader, letters, known }, (counts) => {
      this.#counts = counts
    })
  }

  async record(ended: readonly (Entry | Ends)[], onCounted = () => {}): Promise<void> {
    this.#counts = await this.#writer.record(groupsOf(ended))
    onCounted()
  }

  async find(id: string): Promise<Entry | undefined> {
    return this.#file.read(() => this.#outcomes.find(id))
  }

  async recorded<T extends Occurrence>(of: readonly T[]): Promise<ReadonlySet<T>> {
    return this.#file.read(() => this.#outcomes.recorded(of))
  }

  async reached(topic: string): Promise<ReadonlyMap<number, number>> {
    return this.#file.read(() => this.#reached.of(topic))
  }

  async recent(limit: number): Promise<readonly Entry[]> {
    return this.#file.read(() => this.#outcomes.recent(limit))
  }

  async counts(): Promise<Counts> {
    return this.#counts
  }

  async seen(source: string, clientIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#file.read(() => this.#clients.seen(source, clientIds))
  }

  remember(source: string, accepted: ReadonlyMap<string, string>, at: number): Promise<void> {
    return this.#writer.remember(source, accepted, at)
  }

  trim(at: number): Promise<number> {
    return this.#writer.trim(at)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#writer.close(), this.#reader.close()])
    await this.#file.close()
  }
}

interface LetterParts extends Parts {
  readonly letters: LettersTable
  readonly known: () => Counts
}

class SqliteDeadLetters implements DeadLetters {
  readonly #file: LedgerFile
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #letters: LettersTable
  readonly #known: () => Counts
  readonly #onCounts: (counts: Counts) => void

  constructor({ file, writer, reader, letters, known }: LetterParts, onCounts: (counts: Counts) => void) {
    this.#file = file
    this.#writer = writer
    this.#reader = reader
    this.#letters = letters
    this.#known = known
    this.#onCounts = onCounts
  }

  list(query: DeadQuery): Promise<readonly DeadLetter[]> {
    return this.#reader.list(query)
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    return this.#file.read(() => this.#letters.find(id))
  }

  /** What is dead waits, unless somebody has dropped it. */
  async waiting(): Promise<number> {
    return this.#known().dead - this.#file.read(() => this.#letters.dropped())
  }

  groups(): Promise<readonly DeadGroup[]> {
    return this.#reader.groups()
  }

  ids(selection: DeadSelection): Promise<readonly string[]> {
    return this.#reader.ids(selection)
  }

  async startReplay(ids: readonly string[]): Promise<readonly DeadLetter[]> {
    const { letters, counts } = await this.#writer.startReplay(ids)
    this.#onCounts(counts)
    return letters
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#writer.drop(ids)
  }
}
