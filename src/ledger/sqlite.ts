/** The ledger in one SQLite file, `ledger.db`, of which this process is the only writer (the data directory is locked). */
import type { Ends } from '../core/ends.ts'
import type {
  Counts,
  DeadGroup,
  DeadLetter,
  DeadLetters,
  DeadQuery,
  Entry,
  Ledger,
  LetterPlace,
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
import { writeOnThread } from './sqlite-thread.ts'
import { FileWriter, type Writer } from './sqlite-writer.ts'

export interface LedgerOptions extends FileOptions {
  /** Writes on a thread of its own, with a file of its own on the machine's disk. Default: no. */
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
  const writer = threaded ? writeOnThread({ directory, ...limit }, onFatal) : new FileWriter(file)
  return new SqliteLedger(file, writer)
}

/** Reads by its own file, and leaves the writing to the writer: what that says is durable can be read. */
class SqliteLedger implements Ledger {
  readonly dead: DeadLetters
  readonly #file: LedgerFile
  readonly #writer: Writer
  readonly #outcomes: OutcomesTable
  readonly #reached: ReachedTable
  readonly #clients: ClientsTable
  /** As the writer told them last: in the file they may be ahead of what those who wait for it have been told. */
  #counts: Counts

  constructor(file: LedgerFile, writer: Writer) {
    this.#file = file
    this.#writer = writer
    const counts = new CountsTable(file.db)
    const letters = new LettersTable(file.db, counts)
    const batches = new BatchesTable(file.db)
    this.#outcomes = new OutcomesTable(file.db, { counts, letters, batches })
    this.#reached = new ReachedTable(file.db)
    this.#clients = new ClientsTable(file.db)
    this.#counts = counts.read()
    const known = () => this.#counts
    this.dead = new SqliteDeadLetters({ file, writer, letters, known }, (counts) => {
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
    await this.#writer.close()
    await this.#file.close()
  }
}

interface LetterParts {
  readonly file: LedgerFile
  readonly writer: Writer
  readonly letters: LettersTable
  readonly known: () => Counts
}

class SqliteDeadLetters implements DeadLetters {
  readonly #file: LedgerFile
  readonly #writer: Writer
  readonly #letters: LettersTable
  readonly #known: () => Counts
  readonly #onCounts: (counts: Counts) => void

  constructor({ file, writer, letters, known }: LetterParts, onCounts: (counts: Counts) => void) {
    this.#file = file
    this.#writer = writer
    this.#letters = letters
    this.#known = known
    this.#onCounts = onCounts
  }

  async list(query: DeadQuery): Promise<readonly DeadLetter[]> {
    return this.#file.read(() => this.#letters.list(query))
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    return this.#file.read(() => this.#letters.find(id))
  }

  /** What is dead waits, unless somebody has dropped it. */
  async waiting(): Promise<number> {
    return this.#known().dead - this.#file.read(() => this.#letters.dropped())
  }

  async groups(): Promise<readonly DeadGroup[]> {
    return this.#file.read(() => this.#letters.groups())
  }

  async startReplay(ids: readonly string[]): Promise<readonly DeadLetter[]> {
    const { letters, counts } = await this.#writer.startReplay(ids)
    this.#onCounts(counts)
    return letters
  }

  async replaying(): Promise<readonly LetterPlace[]> {
    return this.#file.read(() => this.#letters.replaying())
  }

  drop(ids: readonly string[]): Promise<number> {
    return this.#writer.drop(ids)
  }
}
