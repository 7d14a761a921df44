/**
 * People in one SQLite file, `people.db`, of which this process is the only writer (the data directory is locked): the
 * cache in front of it therefore never goes stale.
 */
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SluiceError } from '../core/errors.ts'
import { Moves } from '../core/moves.ts'
import { Checkpoints } from '../sqlite/checkpoints.ts'
import { isFatal, openDatabase, toStorageError, transaction } from '../sqlite/database.ts'
import type { Disk } from '../sqlite/disk.ts'
import { KeyCache } from './cache.ts'
import type { Link, OwnPeople } from './people.ts'

const MIGRATIONS = [
  `CREATE TABLE links (key TEXT PRIMARY KEY, canonical TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX links_by_canonical ON links (canonical)`,
  // A link used to be written into every row that followed its key: 4,500 merges in a chain took 42 seconds. Now the key
  // alone moves; `links` keeps those that were pointed elsewhere after they had moved, and the rows from before.
  `DROP INDEX links_by_canonical;
   CREATE TABLE moves (key TEXT PRIMARY KEY, canonical TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  // One row: by which publication of the log the last link was said.
  'CREATE TABLE last (one INTEGER PRIMARY KEY CHECK (one = 1), by TEXT) STRICT',
]

/** Two keys of 30 characters, an entry of a Map and two string headers are about 200 bytes: 20 MB when it is full. */
const CACHED_KEYS = 100_000

const LINKS_PAGE = 10_000

export interface SqlitePeopleOptions {
  readonly directory: string
  /** Default: that of the machine. */
  readonly disk?: Disk
  /** How many keys are kept in memory. Default 100,000. */
  readonly cachedKeys?: number
  /** The largest size of the file in pages of 4096 bytes: beyond it `link` throws `storage_full`. */
  readonly maxPages?: number
  /** Told once when the disk failed: the process must stop. Default: nobody. */
  readonly onFatal?: (error: SluiceError) => void
}

/** Throws `newer_format`, `log_damaged`, `storage_full` or `storage_failed`, as openDatabase does. */
export function openSqlitePeople(options: SqlitePeopleOptions): OwnPeople {
  const { directory, cachedKeys = CACHED_KEYS, onFatal = () => {}, ...rest } = options
  const path = join(directory, 'people.db')
  const db = openDatabase({ path, migrations: MIGRATIONS, ...rest })
  return new SqlitePeople(db, { path, cachedKeys, onFatal })
}

interface WaitingLink {
  readonly key: string
  readonly canonical: string
  readonly by: string | undefined
  readonly done: PromiseWithResolvers<void>
}

interface Needs {
  readonly path: string
  readonly cachedKeys: number
  readonly onFatal: (error: SluiceError) => void
}

class SqlitePeople implements OwnPeople {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #onFatal: (error: SluiceError) => void
  readonly #checkpoints: Checkpoints
  #failure: SluiceError | undefined
  readonly #cache: KeyCache
  readonly #findLinks: StatementSync
  readonly #findMoves: StatementSync
  readonly #point: StatementSync
  readonly #move: StatementSync
  readonly #keys: StatementSync
  readonly #sayLast: StatementSync
  #waiting: WaitingLink[] = []

  constructor(db: DatabaseSync, { path, cachedKeys, onFatal }: Needs) {
    this.#db = db
    this.#path = path
    this.#onFatal = onFatal
    this.#checkpoints = new Checkpoints(db, path)
    this.#cache = new KeyCache(cachedKeys)
    const asked = 'WHERE key IN (SELECT value FROM json_each(?))'
    this.#findLinks = db.prepare(`SELECT key, canonical FROM links ${asked}`)
    this.#findMoves = db.prepare(`SELECT key, canonical FROM moves ${asked}`)
    this.#point = db.prepare(
      'INSERT INTO links (key, canonical) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET canonical = excluded.canonical',
    )
    this.#keys = db.prepare(
      'SELECT key FROM links WHERE key > ? UNION SELECT key FROM moves WHERE key > ? ORDER BY key LIMIT ?',
    )
    this.#move = db.prepare('INSERT INTO moves (key, canonical) VALUES (?, ?)')
    this.#sayLast = db.prepare('INSERT OR REPLACE INTO last (one, by) VALUES (1, ?)')
  }

  async resolve(keys: readonly string[]): Promise<readonly string[]> {
    return this.#reading(() => this.#resolve(keys))
  }

  /** Links asked for in one turn of the event loop share a transaction, and with it one fsync. */
  link(key: string, canonical: string, by?: string): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#waiting.push({ key, canonical, by, done })
    if (this.#waiting.length === 1) queueMicrotask(() => this.#flush())
    return done.promise
  }

  async lastBy(): Promise<string | undefined> {
    this.#flush()
    const by = this.#reading(() => this.#db.prepare('SELECT by FROM last').get()?.by)
    return typeof by === 'string' ? by : undefined
  }

  async *links(): AsyncGenerator<readonly Link[]> {
    this.#flush()
    for (let after = ''; ; ) {
      const page = this.#reading(() => this.#keys.all(after, after, LINKS_PAGE))
      const keys = page.map(({ key }) => String(key))
      const last = keys.at(-1)
      if (last === undefined) return
      const roots = this.#reading(() => this.#resolve(keys))
      const links = keys.map((key, i) => ({ key, canonical: roots[i] ?? key }))
      yield links.filter(({ key, canonical }) => key !== canonical)
      after = last
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush()
    this.#db.close()
  }

  #resolve(keys: readonly string[]): readonly string[] {
    const cached = keys.map((key) => this.#cache.get(key))
    if (isKnown(cached)) return cached
    const unknown = keys.filter((_, i) => cached[i] === undefined)
    const found = this.#lookUp(unknown)
    return keys.map((key, i) => cached[i] ?? found.get(key) ?? key)
  }

  #lookUp(keys: readonly string[]): ReadonlyMap<string, string> {
    const found = new Map<string, string>()
    const links = rowsOf(this.#findLinks, keys)
    const starts = keys.map((key) => links.get(key) ?? key)
    const moves = this.#followAll(starts)
    for (const [i, key] of keys.entries()) {
      const canonical = moves.follow(starts[i] ?? key)
      found.set(key, canonical)
      this.#cache.set(key, canonical)
    }
    return found
  }

  /** Every move on the way from these keys, each read once, however many ways it is part of. */
  #followAll(starts: readonly string[]): Moves {
    const moves = new Moves()
    const passed = new Set(starts)
    for (let here: readonly string[] = [...passed]; here.length > 0; ) {
      const next: string[] = []
      for (const [key, canonical] of rowsOf(this.#findMoves, here)) {
        moves.move(key, canonical)
        if (!passed.has(canonical)) next.push(canonical)
        passed.add(canonical)
      }
      here = next
    }
    return moves
  }

  #flush(): void {
    const links = this.#waiting
    this.#waiting = []
    try {
      if (this.#failure) throw this.#failure
      if (links.some((link) => this.#isNews(link))) this.#write(links)
      for (const { done } of links) done.resolve()
    } catch (thrown) {
      const error = this.#heard(thrown)
      for (const { done } of links) done.reject(error)
    }
  }

  #reading<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      throw this.#heard(thrown)
    }
  }

  /** The first error of the disk is told to the owner: SQLite would go on as if nothing had happened. Returns the error as ours. */
  #heard(thrown: unknown): unknown {
    const error = toStorageError(thrown, this.#path)
    if (this.#failure || !isFatal(error)) return error
    this.#failure = error
    this.#onFatal(error)
    return error
  }

  #write(links: readonly WaitingLink[]): void {
    try {
      transaction(this.#db, () => {
        for (const link of links) if (this.#isNews(link)) this.#writeOne(link)
        this.#sayLast.run(links.at(-1)?.by ?? null)
      })
      this.#checkpoints.committed()
    } catch (thrown) {
      this.#cache.clear() // it has learnt what was then rolled back
      throw thrown
    }
  }

  /** A key that is its own moves, and all that resolve to it go along; one that had moved before goes alone. */
  #writeOne({ key, canonical }: WaitingLink): void {
    const root = this.#resolveOne(canonical)
    if (this.#resolveOne(key) === key) {
      this.#move.run(key, root)
      this.#cache.move(key, root)
    } else {
      this.#point.run(key, root)
      this.#cache.set(key, root)
    }
  }

  #isNews({ key, canonical }: WaitingLink): boolean {
    return this.#resolveOne(key) !== this.#resolveOne(canonical)
  }

  #resolveOne(key: string): string {
    return this.#resolve([key])[0] ?? key
  }
}

const isKnown = (keys: readonly (string | undefined)[]): keys is readonly string[] =>
  !keys.includes(undefined)

function rowsOf(find: StatementSync, keys: readonly string[]): ReadonlyMap<string, string> {
  return new Map(find.all(JSON.stringify(keys)).map(({ key, canonical }) => [String(key), String(canonical)]))
}
