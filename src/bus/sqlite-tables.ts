/** The tables of the log, and every statement that touches them. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { GroupState } from './group.ts'
import { packSaved, type Range, unpackSaved } from './progress.ts'
import type { Chunk } from './sqlite-chunk.ts'

/**
 * `chunk` is found by its unique index, which also tells where a chunk begins when the chunk itself cannot be read.
 * `lanes` of a group is one array of numbers for each lane (progress.ts, packSaved).
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE topic (
     number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
     first INTEGER NOT NULL, head INTEGER NOT NULL, chain INTEGER NOT NULL, ends TEXT NOT NULL);
   CREATE TABLE chunk (
     topic INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, at INTEGER NOT NULL,
     sum INTEGER NOT NULL, chain INTEGER NOT NULL, meta TEXT NOT NULL, body TEXT NOT NULL,
     UNIQUE (topic, first));
   CREATE TABLE gap (
     topic INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
     PRIMARY KEY (topic, first)) WITHOUT ROWID;
   CREATE TABLE progress (
     topic INTEGER NOT NULL, name TEXT NOT NULL, done INTEGER NOT NULL, lanes TEXT NOT NULL,
     PRIMARY KEY (topic, name)) WITHOUT ROWID;`,
]

export interface TopicRow {
  readonly number: number
  readonly name: string
  readonly first: number
  readonly head: number
  readonly chain: number
  readonly ends: readonly number[]
}

type Columns = Record<string, SQLOutputValue>

export class Tables {
  readonly #db: DatabaseSync
  readonly #chunk: StatementSync
  readonly #start: StatementSync
  readonly #startAfter: StatementSync
  readonly #insertChunk: StatementSync
  readonly #saveTopic: StatementSync
  readonly #saveProgress: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#chunk = db.prepare('SELECT * FROM chunk WHERE topic = ? AND first = ?')
    this.#start = db.prepare('SELECT max(first) AS first FROM chunk WHERE topic = ? AND first <= ?')
    this.#startAfter = db.prepare('SELECT min(first) AS first FROM chunk WHERE topic = ? AND first > ?')
    this.#insertChunk = db.prepare(
      'INSERT INTO chunk (topic, first, count, at, sum, chain, meta, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.#saveTopic = db.prepare('INSERT OR REPLACE INTO topic VALUES (?, ?, ?, ?, ?, ?)')
    this.#saveProgress = db.prepare('INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)')
  }

  /** The value stored first, by this call or an earlier one. */
  setting(name: string, value: number): number {
    this.#db.prepare('INSERT OR IGNORE INTO setting VALUES (?, ?)').run(name, value)
    return Number(this.#db.prepare('SELECT value FROM setting WHERE name = ?').get(name)?.value)
  }

  topics(): TopicRow[] {
    return this.#db.prepare('SELECT * FROM topic ORDER BY number').all().map(topicRow)
  }

  groups(topic: number): GroupState[] {
    return this.#db.prepare('SELECT * FROM progress WHERE topic = ?').all(topic).map(groupState)
  }

  /** What was lost and given up, ascending. */
  gaps(topic: number): Range[] {
    const rows = this.#db.prepare('SELECT first, last FROM gap WHERE topic = ? ORDER BY first').all(topic)
    return rows.map(({ first, last }) => ({ from: Number(first), to: Number(last) }))
  }

  addGap(topic: number, { from, to }: Range): void {
    this.#db.prepare('INSERT OR REPLACE INTO gap VALUES (?, ?, ?)').run(topic, from, to)
  }

  /** The chunk that begins at this offset. */
  chunk(topic: number, first: number): Chunk | undefined {
    const row = this.#chunk.get(topic, first)
    return row && chunkOf(row)
  }

  /** Where the last chunk that begins at or below the offset begins. */
  startAt(topic: number, offset: number): number | undefined {
    return optional(this.#start.get(topic, offset)?.first)
  }

  /** Where the first chunk that begins above the offset begins. */
  startAfter(topic: number, offset: number): number | undefined {
    return optional(this.#startAfter.get(topic, offset)?.first)
  }

  addChunk(topic: number, { first, count, at, sum, chain, meta, body }: Chunk): void {
    this.#insertChunk.run(topic, first, count, at, sum, chain, meta, body)
  }

  saveTopic({ number, name, first, head, chain, ends }: TopicRow): void {
    this.#saveTopic.run(number, name, first, head, chain, JSON.stringify(ends))
  }

  saveGroup(topic: number, { name, done, lanes }: GroupState): void {
    this.#saveProgress.run(topic, name, done, JSON.stringify(lanes.map(packSaved)))
  }

  /** The oldest chunks of a topic, without their content. */
  oldest(topic: number, limit: number): { first: number; count: number; at: number }[] {
    const rows = this.#db
      .prepare('SELECT first, count, at FROM chunk WHERE topic = ? ORDER BY first LIMIT ?')
      .all(topic, limit)
    return rows.map(({ first, count, at }) => ({
      first: Number(first),
      count: Number(count),
      at: Number(at),
    }))
  }

  /** Removes what lies wholly below the offset, which is where a chunk begins. */
  removeBelow(topic: number, offset: number): void {
    this.#db.prepare('DELETE FROM chunk WHERE topic = ? AND first < ?').run(topic, offset)
    this.#db.prepare('DELETE FROM gap WHERE topic = ? AND last < ?').run(topic, offset)
  }
}

const optional = (value: SQLOutputValue | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value)

const topicRow = (row: Columns): TopicRow => ({
  number: Number(row.number),
  name: String(row.name),
  first: Number(row.first),
  head: Number(row.head),
  chain: Number(row.chain),
  ends: JSON.parse(String(row.ends)) as number[], // saveTopic wrote it
})

const groupState = (row: Columns): GroupState => ({
  name: String(row.name),
  done: Number(row.done),
  lanes: (JSON.parse(String(row.lanes)) as number[][]).map(unpackSaved), // saveGroup wrote it
})

const chunkOf = (row: Columns): Chunk => ({
  first: Number(row.first),
  count: Number(row.count),
  at: Number(row.at),
  sum: Number(row.sum),
  chain: Number(row.chain),
  meta: String(row.meta),
  body: String(row.body),
})
