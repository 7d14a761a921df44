/** The tables of the log, and every statement that touches them. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { GroupState } from './group.ts'
import { packSaved, type Range, unpackSaved } from './progress.ts'
import type { Chunk } from './sqlite-chunk.ts'
import { pack, type Text, unpack } from './sqlite-pack.ts'

/**
 * `chunk` is found by its unique index, which also tells where a chunk begins when the chunk itself cannot be read.
 * `lanes` of a group is one array of numbers for each lane (progress.ts, packSaved). Every row has a checksum over all
 * of it, in `seal`: SQLite has none of its own, and a position with one bit flipped would skip records in silence. NULL
 * stands in what was written before there were seals.
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
  `ALTER TABLE topic ADD COLUMN seal INTEGER;
   ALTER TABLE chunk ADD COLUMN seal INTEGER;
   ALTER TABLE gap ADD COLUMN seal INTEGER;
   ALTER TABLE progress ADD COLUMN seal INTEGER;`,
  // From here on the meta of a chunk has columns, where it had rows (sqlite-columns.ts).
  'SELECT 1',
  // From here on a long meta or body of a chunk is compressed (sqlite-pack.ts), and lies there as bytes.
  'SELECT 1',
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
type Value = string | number

/** Over the values of a row, as they are stored. A chunk is sealed by its own sum: its content is checked by that. */
const sealOf = (...values: readonly Value[]): number => crc32(values.join(' '))

const isSealed = (row: Columns, ...values: readonly Value[]): boolean =>
  row.seal === null || row.seal === undefined || row.seal === sealOf(...values)

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
    this.#insertChunk = db.prepare('INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#saveTopic = db.prepare('INSERT OR REPLACE INTO topic VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#saveProgress = db.prepare('INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)')
  }

  /** The value stored first, by this call or an earlier one. */
  setting(name: string, value: number): number {
    this.#db.prepare('INSERT OR IGNORE INTO setting VALUES (?, ?)').run(name, value)
    return Number(this.#db.prepare('SELECT value FROM setting WHERE name = ?').get(name)?.value)
  }

  /** Those whose seal is whole. The row of another can be made again from its chunks (`chunkless`). */
  topics(): TopicRow[] {
    return this.#db.prepare('SELECT * FROM topic ORDER BY number').all().filter(isTopic).map(topicRow)
  }

  /** The numbers under which chunks lie or topics are kept. */
  numbers(): number[] {
    const rows = this.#db
      .prepare('SELECT number FROM topic UNION SELECT DISTINCT topic FROM chunk ORDER BY number')
      .all()
    return rows.map(({ number }) => Number(number))
  }

  /** The numbers under which chunks lie, found without the other tables. */
  chunkTopics(): number[] {
    const rows = this.#db.prepare('SELECT DISTINCT topic FROM chunk').all()
    return [...new Set(rows.map(({ topic }) => Number(topic)))] // of a damaged index, SQLite may give one twice
  }

  /** Reads all that is small. Throws what reading throws. */
  probe(): void {
    for (const number of [...this.numbers(), ...this.topics().map((row) => row.number)]) {
      this.groups(number)
      this.gaps(number)
    }
  }

  /** Whether the structure of the whole file is as it must be; as slow as reading it. */
  isSound(): boolean {
    return this.#db.prepare('PRAGMA quick_check(1)').get()?.quick_check === 'ok'
  }

  /** How far groups are. Those of which it is not known any more begin again. */
  groups(topic: number): GroupState[] {
    return this.#db
      .prepare('SELECT * FROM progress WHERE topic = ?')
      .all(topic)
      .filter(isGroup)
      .map(groupState)
  }

  /** Whether there are groups of which it is not known any more. */
  hasRewound(topic: number): boolean {
    return !this.#db.prepare('SELECT * FROM progress WHERE topic = ?').all(topic).every(isGroup)
  }

  /** What was lost and given up, ascending. */
  gaps(topic: number): Range[] {
    const rows = this.#db.prepare('SELECT * FROM gap WHERE topic = ? ORDER BY first').all(topic)
    return rows.filter(isGap).map(({ first, last }) => ({ from: Number(first), to: Number(last) }))
  }

  /** In place of those that were there. */
  saveGaps(topic: number, gaps: readonly Range[]): void {
    this.#db.prepare('DELETE FROM gap WHERE topic = ?').run(topic)
    const insert = this.#db.prepare('INSERT INTO gap VALUES (?, ?, ?, ?)')
    for (const { from, to } of gaps) insert.run(topic, from, to, sealOf(topic, from, to))
  }

  /** The chunk that begins at this offset; undefined also when it was sealed as another one. */
  chunk(topic: number, first: number): Chunk | undefined {
    const row = this.#chunk.get(topic, first)
    return row && isSealed(row, topic, Number(row.sum), Number(row.chain)) ? chunkOf(row) : undefined
  }

  /** Where the last chunk that begins at or below the offset begins. */
  startAt(topic: number, offset: number): number | undefined {
    return optional(this.#start.get(topic, offset)?.first)
  }

  /** Where the first chunk that begins above the offset begins. */
  startAfter(topic: number, offset: number): number | undefined {
    return optional(this.#startAfter.get(topic, offset)?.first)
  }

  /** Returns roughly how many bytes it has in the file. */
  addChunk(topic: number, chunk: Chunk): number {
    const { first, count, at, sum, chain } = chunk
    const [meta, body] = [pack(chunk.meta), pack(chunk.body)]
    this.#insertChunk.run(topic, first, count, at, sum, chain, meta, body, sealOf(topic, sum, chain))
    return meta.length + body.length
  }

  saveTopic(row: TopicRow): void {
    const { number, name, first, head, chain } = row
    const ends = JSON.stringify(row.ends)
    const seal = sealOf(number, name, first, head, chain, ends)
    this.#saveTopic.run(number, name, first, head, chain, ends, seal)
  }

  saveGroup(topic: number, { name, done, lanes }: GroupState): void {
    const text = JSON.stringify(lanes.map(packSaved))
    this.#saveProgress.run(topic, name, done, text, sealOf(topic, name, done, text))
  }

  /**
   * The first chunks of a topic from an offset on, without their content, whose checksum is therefore not looked at: so the end of one is
   * where the next begins, as the index has it (of the newest: the head), and not what its own row claims.
   */
  chunksFrom({ number, head }: TopicRow, offset: number, limit: number): { end: number; at: number }[] {
    const rows = this.#db
      .prepare('SELECT first, at FROM chunk WHERE topic = ? AND first >= ? ORDER BY first LIMIT ?')
      .all(number, offset, limit + 1)
    return rows
      .slice(0, limit)
      .map(({ at }, index) => ({ end: Number(rows[index + 1]?.first ?? head), at: Number(at) }))
  }

  /** Removes what lies wholly below the offset, which is where a chunk begins. */
  removeBelow(topic: number, offset: number): void {
    this.#db.prepare('DELETE FROM chunk WHERE topic = ? AND first < ?').run(topic, offset)
    this.#db.prepare('DELETE FROM gap WHERE topic = ? AND last < ?').run(topic, offset)
  }
}

const optional = (value: SQLOutputValue | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value)

const isTopic = (row: Columns): boolean => {
  const { number, name, first, head, chain, ends } = row
  return isSealed(row, Number(number), String(name), Number(first), Number(head), Number(chain), String(ends))
}

const topicRow = (row: Columns): TopicRow => ({
  number: Number(row.number),
  name: String(row.name),
  first: Number(row.first),
  head: Number(row.head),
  chain: Number(row.chain),
  ends: JSON.parse(String(row.ends)) as number[], // saveTopic wrote it
})

const isGroup = (row: Columns): boolean =>
  isSealed(row, Number(row.topic), String(row.name), Number(row.done), String(row.lanes))

const groupState = (row: Columns): GroupState => ({
  name: String(row.name),
  done: Number(row.done),
  lanes: (JSON.parse(String(row.lanes)) as number[][]).map(unpackSaved), // saveGroup wrote it
})

const isGap = (row: Columns): boolean => isSealed(row, Number(row.topic), Number(row.first), Number(row.last))

const chunkOf = (row: Columns): Chunk => ({
  first: Number(row.first),
  count: Number(row.count),
  at: Number(row.at),
  sum: Number(row.sum),
  chain: Number(row.chain),
  meta: textOf(row.meta),
  body: textOf(row.body),
})

/** What cannot be unpacked is not the text whose checksum the chunk has: the check finds that out, and names it. */
function textOf(stored: unknown): Text {
  try {
    return unpack(stored)
  } catch {
    return ''
  }
}
