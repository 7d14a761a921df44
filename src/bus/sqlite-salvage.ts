/**
 * Makes a new file of all that can still be read of a damaged one. SQLite has no repair: one bad page among the positions
 * makes a whole log unreadable, and one in the tree of the chunks can be met by any later commit.
 */
import { type OpenOptions, openDatabase, transaction } from '../sqlite/database.ts'
import type { Disk } from '../sqlite/disk.ts'
import { isIntact } from './sqlite-chunk.ts'
import { MIGRATIONS, Tables } from './sqlite-tables.ts'

export interface SalvageOptions {
  readonly from: string
  /** Replaced when it is there. */
  readonly to: string
  readonly disk: Disk
}

/** What cannot be read is left out: the check of the new file names it. Errors of the disk are thrown. */
export function salvage({ from, to, disk }: SalvageOptions): void {
  for (const end of ENDS) disk.remove(`${to}${end}`)
  const made: OpenOptions = { path: to, disk, migrations: MIGRATIONS, shrinks: true }
  using fresh = openDatabase(made)
  const old = attempt(() => {
    const db = disk.database(from)
    return { db, tables: new Tables(db) }
  })
  if (old === undefined) return
  using _ = old.db
  const into = new Tables(fresh)
  transaction(fresh, () => {
    for (const row of attempt(() => old.tables.topics()) ?? []) into.saveTopic(row)
    for (const number of attempt(() => old.tables.numbers()) ?? chunkTopics(old.tables)) {
      for (const group of attempt(() => old.tables.groups(number)) ?? []) into.saveGroup(number, group)
      into.saveGaps(number, attempt(() => old.tables.gaps(number)) ?? [])
    }
  })
  for (const number of chunkTopics(old.tables)) copyChunks(old.tables, into, { number, db: fresh })
}

/** The files that SQLite keeps for one database. */
export const ENDS = ['', '-wal', '-shm'] as const

const chunkTopics = (tables: Tables): number[] => attempt(() => tables.chunkTopics()) ?? []

interface Copying {
  readonly number: number
  readonly db: ReturnType<typeof openDatabase>
}

/** From below and from above, each as far as the index can be followed. */
function copyChunks(old: Tables, into: Tables, { number, db }: Copying): void {
  const copied = new Set<number>()
  const copy = (first: number): void => {
    copied.add(first)
    const chunk = attempt(() => old.chunk(number, first))
    if (chunk && isIntact(chunk)) into.addChunk(number, chunk)
  }
  const follow = (next: (at: number) => number | undefined, from: number) => {
    let at = attempt(() => next(from))
    for (; at !== undefined && !copied.has(at); at = attempt(() => next(at ?? from))) copy(at)
  }
  transaction(db, () => {
    follow((at) => old.startAfter(number, at), -1)
    follow((at) => old.startAt(number, at - 1), Number.MAX_SAFE_INTEGER)
  })
}

/** What a read gives; undefined when it cannot be read, for whatever reason: the reader has no other way to it. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
