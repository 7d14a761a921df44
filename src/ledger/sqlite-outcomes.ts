/** How operations ended: the table `entries`, and what it means to record one twice. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Entry } from './ledger.ts'
import { type Ended, meaningOf } from './repeat.ts'
import type { Change, CountsTable } from './sqlite-counts.ts'
import type { LettersTable } from './sqlite-letters.ts'
import { attemptsText, ENTRY_COLUMNS, type EntryRow, joinAttempts, toEntry } from './sqlite-row.ts'

const ENTRIES = `SELECT ${ENTRY_COLUMNS} FROM entries e LEFT JOIN letters l ON l.id = e.id`

/**
 * One prepared insert for each entry. Measured beside it in batches of 500: a single statement for the whole batch over
 * json_each has half the rate, and 50 rows in one VALUES the same rate.
 */
const INSERT = `INSERT INTO entries (id, key, kind, headers, received_at, ended_at, topic, lane, "offset",
    outcome, attempts, into_id, refusal)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

/** A replayed operation ends anew: it becomes the newest, and keeps the place at which it was first met. */
const END_AGAIN = `UPDATE entries SET seq = (SELECT max(seq) + 1 FROM entries), ended_at = ?, outcome = ?,
    attempts = ?, into_id = ?, refusal = ?, replays = replays + 1
  WHERE id = ?`

export class OutcomesTable {
  readonly #counts: CountsTable
  readonly #letters: LettersTable
  readonly #insert: StatementSync
  readonly #ended: StatementSync
  readonly #attempts: StatementSync
  readonly #endAgain: StatementSync
  readonly #duplicate: StatementSync
  readonly #find: StatementSync
  readonly #recent: StatementSync

  constructor(db: DatabaseSync, counts: CountsTable, letters: LettersTable) {
    this.#counts = counts
    this.#letters = letters
    this.#insert = db.prepare(INSERT)
    this.#ended = db.prepare(`SELECT e.topic, e.lane, e."offset", e.replays, l.state
      FROM entries e LEFT JOIN letters l ON l.id = e.id WHERE e.id = ?`)
    this.#attempts = db.prepare('SELECT attempts FROM entries WHERE id = ?')
    this.#endAgain = db.prepare(END_AGAIN)
    this.#duplicate = db.prepare('INSERT INTO duplicates VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
    this.#find = db.prepare(`${ENTRIES} WHERE e.id = ?`)
    this.#recent = db.prepare(`${ENTRIES} ORDER BY e.seq DESC LIMIT ?`)
  }

  find(id: string): Entry | undefined {
    const row = this.#find.get(id)
    return row && toEntry(row as unknown as EntryRow) // the columns of ENTRY_COLUMNS
  }

  recent(limit: number): Entry[] {
    const rows = this.#recent.all(limit)
    return rows.map((row) => toEntry(row as unknown as EntryRow)) // the columns of ENTRY_COLUMNS
  }

  /** Within a transaction. In the order given: of two recordings of one operation the first is its end. */
  record(entries: readonly Entry[]): void {
    const change: Change = {}
    for (const entry of entries) {
      if (this.#insertNew(entry)) {
        count(change, entry.outcome)
        if (entry.outcome === 'dead') this.#letters.insert(entry)
      } else this.#recordAgain(entry, change)
    }
    this.#counts.add(change)
  }

  #insertNew(entry: Entry): boolean {
    const { changes } = this.#insert.run(
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
    return changes === 1
  }

  #recordAgain(entry: Entry, change: Change): void {
    const ended = this.#ended.get(entry.id) as unknown as Ended // the columns selected are its fields
    const meaning = meaningOf(entry, ended)
    if (meaning === 'replayed') this.#endReplay(entry, change)
    if (meaning === 'duplicate') {
      const { id, topic, lane, offset, endedAt } = entry
      const { changes } = this.#duplicate.run(id, topic, lane, offset, endedAt)
      if (changes === 1) count(change, 'duplicate')
    }
  }

  #endReplay(entry: Entry, change: Change): void {
    const before = String(this.#attempts.get(entry.id)?.attempts)
    const attempts = joinAttempts(before, entry.attempts)
    const { endedAt, outcome, into, id } = entry
    this.#endAgain.run(endedAt, outcome, attempts, into ?? null, refusalText(entry), id)
    this.#letters.endReplay(entry)
    count(change, 'replaying', -1)
    count(change, outcome)
  }
}

function count(change: Change, name: keyof Change, by = 1): void {
  change[name] = (change[name] ?? 0) + by
}

const refusalText = ({ refusal }: Entry): string | null =>
  refusal === undefined ? null : JSON.stringify(refusal)
