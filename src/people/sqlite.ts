/**
 * People in one SQLite file, `people.db`, of which this process is the only writer (the data directory is locked): the
 * cache in front of it therefore never goes stale.
 */
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { openDatabase, toStorageError, transaction } from '../sqlite/database.ts'
import { KeyCache } from './cache.ts'
import type { People } from './people.ts'

const MIGRATIONS = [
  `CREATE TABLE links (key TEXT PRIMARY KEY, canonical TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX links_by_canonical ON links (canonical)`,
]

/** Two keys of 30 characters, an entry of a Map and two string headers are about 200 bytes: 20 MB when it is full. */
const CACHED_KEYS = 100_000

export interface SqlitePeopleOptions {
  readonly directory: string
  /** How many keys are kept in memory. Default 100,000. */
  readonly cachedKeys?: number
  /** The largest size of the file in pages of 4096 bytes: beyond it `link` throws `storage_full`. */
  readonly maxPages?: number
}

/** Throws `newer_format`, `log_damaged`, `storage_full` or `storage_failed`, as openDatabase does. */
export function openSqlitePeople(options: SqlitePeopleOptions): People {
  const path = join(options.directory, 'people.db')
  const { maxPages } = options
  const db = openDatabase({ path, migrations: MIGRATIONS, ...(maxPages === undefined ? {} : { maxPages }) })
  return new SqlitePeople(db, path, options.cachedKeys ?? CACHED_KEYS)
}

interface WaitingLink {
  readonly key: string
  readonly canonical: string
  readonly done: PromiseWithResolvers<void>
}

class SqlitePeople implements People {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #cache: KeyCache
  readonly #find: StatementSync
  readonly #insert: StatementSync
  readonly #move: StatementSync
  #waiting: WaitingLink[] = []

  constructor(db: DatabaseSync, path: string, cachedKeys: number) {
    this.#db = db
    this.#path = path
    this.#cache = new KeyCache(cachedKeys)
    this.#find = db.prepare('SELECT key, canonical FROM links WHERE key IN (SELECT value FROM json_each(?))')
    this.#insert = db.prepare(
      'INSERT INTO links (key, canonical) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET canonical = excluded.canonical',
    )
    this.#move = db.prepare('UPDATE links SET canonical = ? WHERE canonical = ? RETURNING key')
  }

  async resolve(keys: readonly string[]): Promise<readonly string[]> {
    return this.#resolve(keys)
  }

  /** Links asked for in one turn of the event loop share a transaction, and with it one fsync. */
  link(key: string, canonical: string): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#waiting.push({ key, canonical, done })
    if (this.#waiting.length === 1) queueMicrotask(() => this.#flush())
    return done.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush()
    this.#db.close()
  }

  #resolve(keys: readonly string[]): readonly string[] {
    const found = new Map<string, string>()
    const unknown: string[] = []
    for (const key of keys) {
      const cached = this.#cache.get(key)
      if (cached === undefined) unknown.push(key)
      else found.set(key, cached)
    }
    if (unknown.length > 0) this.#lookUp(unknown, found)
    return keys.map((key) => found.get(key) ?? key)
  }

  #lookUp(keys: readonly string[], found: Map<string, string>): void {
    for (const row of this.#find.all(JSON.stringify(keys))) found.set(String(row.key), String(row.canonical))
    for (const key of keys) this.#cache.set(key, found.get(key) ?? key)
  }

  #flush(): void {
    const links = this.#waiting
    this.#waiting = []
    if (links.length === 0) return
    try {
      const written = this.#write(links)
      for (const [key, canonical] of written) this.#cache.set(key, canonical)
      for (const { done } of links) done.resolve()
    } catch (thrown) {
      const error = toStorageError(thrown, this.#path)
      for (const { done } of links) done.reject(error)
    }
  }

  /** Returns what has changed, for the cache: only a committed link may be answered with. */
  #write(links: readonly WaitingLink[]): ReadonlyMap<string, string> {
    const changed = new Map<string, string>()
    const current = (key: string) => changed.get(key) ?? this.#resolve([key])[0] ?? key
    const isNews = ({ key, canonical }: WaitingLink) => current(key) !== current(canonical)
    if (!links.some(isNews)) return changed
    transaction(this.#db, () => {
      for (const link of links) if (isNews(link)) this.#point(link.key, current(link.canonical), changed)
    })
    return changed
  }

  /** Points a key, and all that pointed to it, at a root. */
  #point(key: string, root: string, changed: Map<string, string>): void {
    this.#insert.run(key, root)
    changed.set(key, root)
    for (const row of this.#move.all(root, key)) changed.set(String(row.key), root)
  }
}
