/** The dead letters: the table `letters`, and the figures that change when a letter changes its state. */
import { createHash } from 'node:crypto'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import type { Refusal } from '../core/outcome.ts'
import type { DeadGroup, DeadLetter, DeadQuery, DeadSelection, Entry, LetterState } from './ledger.ts'
import type { CountsTable } from './sqlite-counts.ts'
import { LETTER_COLUMNS, type LetterRow, toLetter } from './sqlite-row.ts'

const FROM = 'FROM letters l JOIN entries e ON e.id = l.id'
const LETTERS = `SELECT ${LETTER_COLUMNS} ${FROM}`

const GROUPS = `SELECT group_id AS "group", code, kind, reason, count(*) AS count, count(DISTINCT key) AS people,
    min(ended_at) AS firstAt, max(ended_at) AS lastAt
  FROM letters WHERE state = 'waiting' GROUP BY group_id ORDER BY count DESC, group_id`

/** `after` works on the id, since lists go from the newest id to the oldest: a letter that leaves shifts no page. */
const FILTERS = {
  ids: 'l.id IN (SELECT value FROM json_each(?))',
  state: 'l.state = ?',
  code: 'l.code = ?',
  kind: 'l.kind = ?',
  keys: 'l.key IN (SELECT value FROM json_each(?))',
  since: 'l.ended_at >= ?',
  group: 'l.group_id = ?',
  replays: 'e.replays = ?',
  after: 'l.id < ?',
} as const satisfies { [name in Exclude<keyof DeadQuery, 'limit'>]: string }

/** Of whatever was refused with one code for one reason; the same on every machine. 48 bits: short, to be typed. */
function groupOf(kind: string, { code, reason }: Refusal): string {
  return createHash('sha256')
    .update(JSON.stringify([code, kind, reason]))
    .digest('hex')
    .slice(0, 12)
}

export class LettersTable {
  readonly #db: DatabaseSync
  readonly #counts: CountsTable
  readonly #insert: StatementSync
  readonly #wait: StatementSync
  readonly #move: StatementSync
  readonly #delete: StatementSync
  readonly #find: StatementSync
  readonly #groups: StatementSync
  readonly #dropped: StatementSync

  constructor(db: DatabaseSync, counts: CountsTable) {
    this.#db = db
    this.#counts = counts
    this.#insert =
      db.prepare(`INSERT INTO letters (id, state, key, kind, code, reason, group_id, ended_at, value)
      VALUES (?, 'waiting', ?, ?, ?, ?, ?, ?, ?)`)
    this.#wait = db.prepare(`UPDATE letters
      SET state = 'waiting', code = ?, reason = ?, group_id = ?, ended_at = ?, value = ? WHERE id = ?`)
    this.#move = db.prepare(`UPDATE letters SET state = ? WHERE id = ? AND state = 'waiting'`)
    this.#delete = db.prepare('DELETE FROM letters WHERE id = ?')
    this.#find = db.prepare(`${LETTERS} WHERE l.id = ?`)
    this.#groups = db.prepare(GROUPS)
    this.#dropped = db.prepare(`SELECT count(*) AS letters FROM letters WHERE state = 'dropped'`)
  }

  /** Within a transaction; the caller counts. */
  insert(entry: Entry): void {
    const { refusal, value } = wholeLetter(entry)
    const group = groupOf(entry.kind, refusal)
    const { id, key, kind, endedAt } = entry
    this.#insert.run(id, key, kind, refusal.code, refusal.reason, group, endedAt, value)
  }

  /** Within a transaction; the caller counts. Dead again: the letter waits again. Else it is a dead letter no more. */
  endReplay(entry: Entry): void {
    if (entry.outcome !== 'dead') {
      this.#delete.run(entry.id)
      return
    }
    const { refusal, value } = wholeLetter(entry)
    const { code, reason } = refusal
    this.#wait.run(code, reason, groupOf(entry.kind, refusal), entry.endedAt, value, entry.id)
  }

  find(id: string): DeadLetter | undefined {
    const row = this.#find.get(id)
    return row && asLetter(row)
  }

  /** Newest id first. */
  list(query: DeadQuery): DeadLetter[] {
    const { where, values } = conditionsOf(query)
    const sql = `${LETTERS} WHERE ${where} ORDER BY l.id DESC LIMIT ?`
    return this.#db
      .prepare(sql)
      .all(...values, query.limit)
      .map(asLetter)
  }

  /** In the order of the log. */
  ids(selection: DeadSelection): string[] {
    const { where, values } = conditionsOf(selection)
    const sql = `SELECT l.id ${FROM} WHERE ${where} ORDER BY e.received_at, e.lane, e."offset"`
    return this.#db
      .prepare(sql)
      .all(...values)
      .map(({ id }) => String(id))
  }

  groups(): DeadGroup[] {
    return this.#groups.all().map((row) => ({ ...row }) as unknown as DeadGroup) // the columns of GROUPS are its fields
  }

  /** Few, as a rule: who has decided upon a letter replays it. Counted in the index, 0.3 us each. */
  dropped(): number {
    return Number(this.#dropped.get()?.letters)
  }

  /** Within a transaction. */
  startReplay(ids: readonly string[]): DeadLetter[] {
    const moved = this.#moveWaiting(ids, 'replaying')
    this.#counts.add({ dead: -moved.length, replaying: moved.length })
    return moved.flatMap((id) => this.find(id) ?? []).sort(byReceipt)
  }

  /** Within a transaction. Changes no figure: what a person has dropped stays counted as dead. */
  drop(ids: readonly string[]): number {
    return this.#moveWaiting(ids, 'dropped').length
  }

  #moveWaiting(ids: readonly string[], state: LetterState): string[] {
    return ids.filter((id) => this.#move.run(state, id).changes === 1)
  }
}

function conditionsOf(query: Partial<DeadQuery>): { where: string; values: SQLInputValue[] } {
  const conditions = ['true']
  const values: SQLInputValue[] = []
  for (const [name, condition] of Object.entries(FILTERS)) {
    const value = query[name as keyof typeof FILTERS] // Object.entries forgets that these are its own keys
    if (value === undefined) continue
    conditions.push(condition)
    values.push(typeof value === 'object' ? JSON.stringify(value) : value)
  }
  return { where: conditions.join(' AND '), values }
}

const byReceipt = (a: DeadLetter, b: DeadLetter): number =>
  a.receivedAt - b.receivedAt || a.lane - b.lane || a.offset - b.offset

const asLetter = (row: object): DeadLetter => toLetter(row as LetterRow) // the columns of LETTER_COLUMNS

/** A letter without its value could never be replayed, so an entry that lacks it is refused as a defect of the caller. */
function wholeLetter(entry: Entry): { refusal: Refusal; value: string } {
  const { refusal, value } = entry
  if (refusal === undefined || value === undefined)
    throw new SluiceError('internal', `The dead operation ${entry.id} came without its value or refusal.`)
  return { refusal, value }
}
