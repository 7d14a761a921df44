/** Entries and dead letters as rows, and back. Pure. */
import type { Attempt, Outcome, Refusal } from '../core/outcome.ts'
import type { Headers } from '../core/record.ts'
import type { DeadLetter, Entry, LetterState } from './ledger.ts'

/** A row of `entries` with the `value` of its letter, as SQLite returns it for ENTRY_COLUMNS. */
export interface EntryRow {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly headers: string
  readonly received_at: number
  readonly ended_at: number
  readonly topic: string
  readonly lane: number
  readonly offset: number
  readonly outcome: Outcome
  readonly attempts: string
  readonly into_id: string | null
  readonly refusal: string | null
  readonly value: string | null
}

export interface LetterRow extends EntryRow {
  readonly state: LetterState
  readonly replays: number
  readonly refusal: string
  readonly value: string
}

/** Of `entries e` joined with `letters l`. */
export const ENTRY_COLUMNS = `e.id, e.key, e.kind, e.headers, e.received_at, e.ended_at, e.topic, e.lane, e."offset",
  e.outcome, e.attempts, e.into_id, e.refusal, l.value`

export const LETTER_COLUMNS = `${ENTRY_COLUMNS}, l.state, e.replays`

export function toEntry(row: EntryRow): Entry {
  return {
    id: row.id,
    key: row.key,
    kind: row.kind,
    headers: JSON.parse(row.headers) as Headers, // our own text, written by insert
    receivedAt: row.received_at,
    endedAt: row.ended_at,
    topic: row.topic,
    lane: row.lane,
    offset: row.offset,
    outcome: row.outcome,
    attempts: toAttempts(row.attempts),
    ...(row.into_id === null ? {} : { into: row.into_id }),
    ...(row.refusal === null ? {} : { refusal: JSON.parse(row.refusal) as Refusal }), // our own text
    ...(row.value === null ? {} : { value: row.value }),
  }
}

export function toLetter(row: LetterRow): DeadLetter {
  const refusal = JSON.parse(row.refusal) as Refusal // our own text
  return { ...toEntry(row), state: row.state, replays: row.replays, refusal, value: row.value }
}

type AttemptRow = readonly [at: number, ms: number, status: number | null, code: string, detail?: string]

/** `[[at,ms,status,code,detail?],…]`: half the bytes of objects, and the usual single success is one template. */
export function attemptsText(attempts: readonly Attempt[]): string {
  const [first] = attempts
  if (attempts.length === 1 && first?.code === 'ok' && first.detail === undefined)
    return `[[${first.at},${first.ms},${first.status},"ok"]]`
  return JSON.stringify(
    attempts.map(({ at, ms, status, code, detail }) =>
      detail === undefined ? [at, ms, status, code] : [at, ms, status, code, detail],
    ),
  )
}

export function toAttempts(text: string): Attempt[] {
  const rows = JSON.parse(text) as readonly AttemptRow[] // our own text, written by attemptsText
  return rows.map(([at, ms, status, code, detail]) =>
    detail === undefined ? { at, ms, status, code } : { at, ms, status, code, detail },
  )
}

/** The old attempts and the new ones, in one text. */
export function joinAttempts(before: string, added: readonly Attempt[]): string {
  return attemptsText([...toAttempts(before), ...added])
}
