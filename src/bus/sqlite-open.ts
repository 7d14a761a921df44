/**
 * Opens the file of the log, and finds its topics, also where the file or a row in it is damaged: the anchor knows what
 * must be there, and a topic's row can be made again from its chunks.
 */
import type { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import { openDatabase, toStorageError } from '../sqlite/database.ts'
import type { Disk } from '../sqlite/disk.ts'
import type { Anchor, Heads } from './sqlite-anchor.ts'
import { MIGRATIONS, Tables, type TopicRow } from './sqlite-tables.ts'

export interface LogFileOptions {
  readonly path: string
  readonly disk: Disk
  readonly maxPages?: number
  /** Looks through the whole file, however long that takes. */
  readonly whole: boolean
}

export interface LogFile {
  readonly db: DatabaseSync
  readonly tables: Tables
}

/** Throws what openDatabase throws, and SQLite's own errors; of both, `isUnreadable` tells which speak of the file. */
export function openLogFile({ path, disk, maxPages, whole }: LogFileOptions): LogFile {
  const limit = maxPages === undefined ? {} : { maxPages }
  const db = openDatabase({ path, disk, migrations: MIGRATIONS, shrinks: true, ...limit })
  try {
    const tables = new Tables(db)
    tables.probe()
    if (whole && !tables.isSound()) throw new SluiceError('log_damaged', `${path} is not sound.`)
    return { db, tables }
  } catch (thrown) {
    db.close()
    throw toStorageError(thrown, path)
  }
}

/** An error of the disk may pass; a full disk has; and a newer format is believed unless the anchor knows better. */
export function isUnreadable(thrown: unknown, { format }: Anchor): boolean {
  if (!(thrown instanceof SluiceError)) return thrown instanceof Error && 'errcode' in thrown
  if (thrown.code === 'newer_format') return format !== undefined && format <= MIGRATIONS.length
  return thrown.code === 'log_damaged' && !('topic' in thrown.details)
}

/**
 * The rows of all topics: those that are whole; those made again from their chunks, which the anchor recognises; and of
 * what else the anchor knows, one that has nothing.
 */
export function topicRows(tables: Tables, heads: Heads, lanes: number): TopicRow[] {
  const rows = tables.topics()
  const missing = new Map([...heads].filter(([name]) => !rows.some((row) => row.name === name)))
  const unowned = tables.numbers().filter((number) => !rows.some((row) => row.number === number))
  for (const number of unowned) {
    const row = remade(tables, { number, lanes }, missing)
    if (row === undefined) continue
    rows.push(row)
    missing.delete(row.name)
  }
  let number = Math.max(0, ...tables.numbers())
  for (const [name, { first }] of missing) {
    number += 1
    rows.push({ number, name, first, head: first, chain: 0, ends: new Array(lanes).fill(first) })
  }
  return rows
}

/** Its name is that of the topic whose head and chain are those of the last chunk. */
function remade(
  tables: Tables,
  { number, lanes }: { number: number; lanes: number },
  missing: Heads,
): TopicRow | undefined {
  const first = tables.startAfter(number, -1)
  const start = tables.startAt(number, Number.MAX_SAFE_INTEGER)
  const last = start === undefined ? undefined : tables.chunk(number, start)
  if (first === undefined || last === undefined) return undefined
  const head = last.first + last.count
  for (const [name, anchored] of missing)
    if (anchored.head === head && anchored.chain === last.chain)
      return { number, name, first, head, chain: last.chain, ends: new Array(lanes).fill(head) }
  return undefined
}
