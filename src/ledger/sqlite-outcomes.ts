/**
 * How operations ended, and what it means to record one twice. Those that end together lie in batches (sqlite-batches.ts);
 * the dead, and what becomes of them, have rows of their own in `entries`, since they are looked through and change.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import { OUTCOMES } from '../core/outcome.ts'
import type { Entry, Occurrence } from './ledger.ts'
import { type Ended, meaningOf } from './repeat.ts'
import { type Batch, batchOf, decodeBatch } from './sqlite-batch.ts'
import { type BatchesTable, NO_BATCH } from './sqlite-batches.ts'
import type { Change, CountsTable } from './sqlite-counts.ts'
import type { Group } from './sqlite-groups.ts'
import type { LettersTable } from './sqlite-letters.ts'
import { attemptsText, ENTRY_COLUMNS, type EntryRow, joinAttempts, toEntry } from './sqlite-row.ts'

const FROM = 'FROM entries e LEFT JOIN letters l ON l.id = e.id'
const ENTRIES = `SELECT ${ENTRY_COLUMNS} ${FROM}`

const INSERT = `INSERT INTO entries (seq, id, key, kind, headers, received_at, ended_at, topic, lane, "offset",
    outcome, attempts, into_id, refusal)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** A replayed operation ends anew: it becomes the newest, and keeps the place at which it was first met. */
const END_AGAIN = `UPDATE entries SET seq = ?, headers = ?, ended_at = ?, outcome = ?,
    attempts = ?, into_id = ?, refusal = ?, replays = replays + 1
  WHERE id = ?`

export interface OutcomeTables {
  readonly counts: CountsTable
  readonly letters: LettersTable
  readonly batches: BatchesTable
}

export class OutcomesTable {
  readonly #counts: CountsTable
  readonly #letters: LettersTable
  readonly #batches: BatchesTable
  readonly #insert: StatementSync
  readonly #ended: StatementSync
  readonly #attempts: StatementSync
  readonly #endAgain: StatementSync
  readonly #duplicate: StatementSync
  readonly #findDuplicate: StatementSync
  readonly #find: StatementSync
  readonly #recent: StatementSync

  constructor(db: DatabaseSync, { counts, letters, batches }: OutcomeTables) {
    this.#counts = counts
    this.#letters = letters
    this.#batches = batches
    this.#insert = db.prepare(INSERT)
    this.#ended = db.prepare(`SELECT e.topic, e.lane, e."offset", e.replays, l.state
      FROM entries e LEFT JOIN letters l ON l.id = e.id WHERE e.id = ?`)
    this.#attempts = db.prepare('SELECT attempts FROM entries WHERE id = ?')
    this.#endAgain = db.prepare(END_AGAIN)
    this.#duplicate = db.prepare('INSERT INTO duplicates VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
    this.#findDuplicate = db.prepare(
      'SELECT 1 FROM duplicates WHERE id = ? AND topic = ? AND lane = ? AND "offset" = ?',
    )
    this.#find = db.prepare(`${ENTRIES} WHERE e.id = ?`)
    this.#recent = db.prepare(`SELECT e.seq, ${ENTRY_COLUMNS} ${FROM} ORDER BY e.seq DESC LIMIT ?`)
  }

  find(id: string): Entry | undefined {
    const batch = this.#batches.of(id)
    if (batch === undefined) return undefined
    if (batch !== NO_BATCH) return this.#batches.find(id, batch)
    const row = this.#find.get(id)
    return row && toEntry(row as unknown as EntryRow) // the columns of ENTRY_COLUMNS
  }

  recorded<T extends Occurrence>(of: readonly T[]): ReadonlySet<T> {
    const ended = this.#batches.ofAll(of.map(({ id }) => id))
    if (ended.size === 0) return new Set()
    const batched = this.#batches.entriesOf(new Set(ended.values()).difference(new Set([NO_BATCH])))
    const isRecorded = (one: T): boolean => {
      if (!ended.has(one.id)) return false
      const end = batched.get(one.id) ?? this.#ended.get(one.id)
      return end !== undefined && (isAt(end, one) || this.#isDuplicate(one))
    }
    return new Set(of.filter(isRecorded))
  }

  #isDuplicate({ id, topic, lane, offset }: Occurrence): boolean {
    return this.#findDuplicate.get(id, topic, lane, offset) !== undefined
  }

  recent(limit: number): Entry[] {
    const rows = this.#recent.all(limit) as unknown as NumberedRow[] // the columns selected are its fields
    return [...rows.map((row) => ({ seq: row.seq, entry: toEntry(row) })), ...this.#batches.recent(limit)]
      .sort((a, b) => b.seq - a.seq)
      .slice(0, limit)
      .map(({ entry }) => entry)
  }

  /** Within a transaction. In the order given: of two recordings of one operation the first is its end. */
  record(groups: readonly Group[]): void {
    const change: Change = {}
    for (const group of groups)
      if ('body' in group) this.#recordBatch(group, change)
      else if (this.#insertDead(group)) count(change, 'dead')
      else this.#recordAgain(group, change)
    this.#counts.add(change)
  }

  /** All at once where all are new, else one by one. */
  #recordBatch(batch: Batch, change: Change): void {
    if (this.#batches.insert(batch)) {
      for (const outcome of OUTCOMES) count(change, outcome, batch.outcomes[outcome] ?? 0)
      return
    }
    for (const entry of decodeBatch(batch.body))
      if (batch.count > 1 && this.#batches.insert(batchOf([entry]))) count(change, entry.outcome)
      else this.#recordAgain(entry, change)
  }

  #insertDead(entry: Entry): boolean {
    if (!this.#batches.claim([entry.id])) return false
    this.#insert.run(
      this.#batches.next(),
      entry.id,
      entry.key,
      entry.kind,
      JSON.stringify(entry.headers),
      entry.receivedAt,
      entry.endedAt,
      entry.topic,
      entry.lane,
      entry.offset,
      entry.outcome,
      attemptsText(entry.attempts),
      entry.into ?? null,
      refusalText(entry),
    )
    this.#letters.insert(entry)
    return true
  }

  #recordAgain(entry: Entry, change: Change): void {
    const meaning = meaningOf(entry, this.#endedBefore(entry.id))
    if (meaning === 'replayed') this.#endReplay(entry, change)
    if (meaning === 'duplicate') {
      const { id, topic, lane, offset, endedAt } = entry
      const { changes } = this.#duplicate.run(id, topic, lane, offset, endedAt)
      if (changes === 1) count(change, 'duplicate')
    }
  }

  #endedBefore(id: string): Ended {
    const row = this.#ended.get(id)
    if (row !== undefined) return row as unknown as Ended // the columns selected are its fields
    const found = this.find(id)
    if (found === undefined) throw new SluiceError('internal', `The ledger knows ${id} and has no end of it.`)
    return { ...found, replays: 0, state: null }
  }

  #endReplay(entry: Entry, change: Change): void {
    const before = String(this.#attempts.get(entry.id)?.attempts)
    const attempts = joinAttempts(before, entry.attempts)
    const { headers, endedAt, outcome, into, id } = entry
    this.#endAgain.run(
      this.#batches.next(),
      JSON.stringify(headers),
      endedAt,
      outcome,
      attempts,
      into ?? null,
      refusalText(entry),
      id,
    )
    this.#letters.endReplay(entry)
    count(change, 'replaying', -1)
    count(change, outcome)
  }
}

/** `end`: an entry, or a row of one. */
const isAt = (end: object, { topic, lane, offset }: Occurrence): boolean =>
  'topic' in end &&
  end.topic === topic &&
  'lane' in end &&
  end.lane === lane &&
  'offset' in end &&
  end.offset === offset

type NumberedRow = EntryRow & { readonly seq: number }

function count(change: Change, name: keyof Change, by = 1): void {
  change[name] = (change[name] ?? 0) + by
}

const refusalText = ({ refusal }: Entry): string | null =>
  refusal === undefined ? null : JSON.stringify(refusal)
