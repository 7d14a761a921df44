/**
 * A batch: entries that ended together, none of them dead, in columns, as JSON. A row of thirteen values for each, with its
 * index, costs five times the time. What is asked for is single entries, by id, and the newest; both are rare. Pure.
 */
import type { Attempt, Outcome, Refusal } from '../core/outcome.ts'
import type { Headers } from '../core/record.ts'
import { type Column, ColumnReader, ColumnWriter, RunReader, type Runs, RunWriter } from '../core/runs.ts'
import type { Entry } from './ledger.ts'
import { attemptsText, toAttempts } from './sqlite-row.ts'

interface Columns {
  readonly ids: readonly string[]
  readonly keys: readonly string[]
  readonly lanes: readonly number[]
  readonly offsets: readonly number[]
  readonly received: Runs
  readonly ended: number
  readonly kind: Column<string>
  readonly headers: Column<Headers>
  readonly topic: Column<string>
  readonly outcome: Column<Outcome>
  /** As attemptsText has them. */
  readonly attempts: Column<string>
  /** What few have, by their places. */
  readonly more: readonly (readonly [place: number, more: More])[]
}

type More = Pick<Entry, 'into' | 'refusal'>

/** What is stored of it. Plain data: it crosses to another thread. */
export interface Batch {
  readonly count: number
  readonly endedAt: number
  /** The ids as JSON, as they stand in the body. */
  readonly ids: string
  readonly body: string
  /** How many ended how. */
  readonly outcomes: { readonly [outcome in Outcome]?: number }
}

/** Of entries with one `endedAt`, none of them dead. */
export function makeBatch(entries: readonly Entry[]): Batch {
  const outcomes: { [outcome in Outcome]?: number } = {}
  for (const { outcome } of entries) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const ids = JSON.stringify(entries.map(({ id }) => id))
  const body = `{"ids":${ids},${JSON.stringify(columnsOf(entries)).slice(1)}`
  return { count: entries.length, endedAt: entries[0]?.endedAt ?? 0, ids, body, outcomes }
}

function columnsOf(entries: readonly Entry[]): Omit<Columns, 'ids'> {
  const [kinds, topics] = [new ColumnWriter<string>(String), new ColumnWriter<string>(String)]
  const outcomes = new ColumnWriter<Outcome>(String)
  const headers = new ColumnWriter<Headers>(JSON.stringify)
  const attempts = new ColumnWriter<readonly Attempt[]>(attemptsText)
  const received = new RunWriter()
  const more: (readonly [number, More])[] = []
  for (const [place, entry] of entries.entries()) {
    kinds.add(entry.kind)
    topics.add(entry.topic)
    outcomes.add(entry.outcome)
    headers.add(entry.headers)
    attempts.add(entry.attempts)
    received.add(entry.receivedAt)
    const { into, refusal } = entry
    if (into !== undefined || refusal !== undefined) more.push([place, moreOf(into, refusal)])
  }
  const { values, runs } = attempts.column
  return {
    keys: entries.map(({ key }) => key),
    lanes: entries.map(({ lane }) => lane),
    offsets: entries.map(({ offset }) => offset),
    received: received.runs,
    ended: entries[0]?.endedAt ?? 0,
    kind: kinds.column,
    headers: headers.column,
    topic: topics.column,
    outcome: outcomes.column,
    attempts: { values: values.map(attemptsText), runs },
    more,
  }
}

/** In the order in which they ended. */
export function decodeBatch(body: string): Entry[] {
  const columns = JSON.parse(body) as Columns // makeBatch wrote it
  const received = new RunReader(columns.received)
  const [kinds, topics] = [new ColumnReader(columns.kind), new ColumnReader(columns.topic)]
  const outcomes = new ColumnReader(columns.outcome)
  const headers = new ColumnReader(columns.headers)
  const attempts = new ColumnReader(columns.attempts)
  const more = new Map(columns.more)
  return columns.ids.map((id, place) => ({
    id,
    key: columns.keys[place] ?? '',
    kind: kinds.next() ?? '',
    headers: headers.next() ?? {},
    receivedAt: received.next(),
    endedAt: columns.ended,
    topic: topics.next() ?? '',
    lane: columns.lanes[place] ?? 0,
    offset: columns.offsets[place] ?? 0,
    outcome: outcomes.next() ?? 'delivered',
    attempts: toAttempts(attempts.next() ?? '[]'),
    ...more.get(place),
  }))
}

const moreOf = (into: string | undefined, refusal: Refusal | undefined): More => ({
  ...(into === undefined ? {} : { into }),
  ...(refusal === undefined ? {} : { refusal }),
})
