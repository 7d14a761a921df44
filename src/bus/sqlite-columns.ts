/**
 * What lies beside the values of a chunk, in columns, as JSON. A row for each record costs three times the time to write
 * and four times the time to read. Chunks of the formats 1 and 2 have rows, and are read as they are. Pure.
 */
import type { BusRecord, Headers } from '../core/record.ts'
import { type Column, ColumnReader, ColumnWriter, RunReader, type Runs, RunWriter } from '../core/runs.ts'
import type { Stretch } from './stretch.ts'

interface Columns {
  readonly ids: readonly string[]
  readonly keys: readonly string[]
  readonly lanes: readonly number[]
  /** Of the values, in characters. */
  readonly lengths: readonly number[]
  readonly at: Runs
  readonly kind: Column<string>
  readonly headers: Column<Headers>
}

type Row = readonly [
  lane: number,
  id: string,
  key: string,
  kind: string,
  at: number,
  headers: number,
  length: number,
]

interface Rows {
  readonly headers: readonly Headers[]
  readonly rows: readonly Row[]
}

export function encodeMeta(records: readonly BusRecord[], lanes: readonly number[]): string {
  const ids = records.map(({ id }) => id)
  const keys = records.map(({ key }) => key)
  const lengths = records.map(({ value }) => value.length)
  const at = new RunWriter()
  const kinds = new ColumnWriter<string>(String)
  const headers = new ColumnWriter<Headers>(JSON.stringify)
  for (const record of records) {
    at.add(record.at)
    kinds.add(record.kind)
    headers.add(record.headers)
  }
  const { runs } = at
  const columns = { ids, keys, lanes, lengths, at: runs, kind: kinds.column, headers: headers.column }
  return JSON.stringify(columns satisfies Columns)
}

/** Of a chunk whose checksum has shown that this is what was written. */
export function decodeStretch(first: number, meta: string, body: string): Stretch {
  const parsed = JSON.parse(meta) as Columns | Rows
  return 'rows' in parsed ? fromRows(first, parsed, body) : fromColumns(first, parsed, body)
}

function fromColumns(first: number, columns: Columns, body: string): Stretch {
  const { ids, keys, lanes, lengths } = columns
  const at = new RunReader(columns.at)
  const kinds = new ColumnReader(columns.kind)
  const headers = new ColumnReader(columns.headers)
  const records: BusRecord[] = []
  let start = 0
  for (let i = 0; i < ids.length; i += 1) {
    const end = start + (lengths[i] ?? 0)
    records.push({
      id: ids[i] ?? '',
      key: keys[i] ?? '',
      kind: kinds.next() ?? '',
      at: at.next(),
      headers: headers.next() ?? {},
      value: body.slice(start, end),
    })
    start = end
  }
  return { first, records, lanes }
}

function fromRows(first: number, { headers, rows }: Rows, body: string): Stretch {
  let end = 0
  const records = rows.map(([, id, key, kind, at, header, length]): BusRecord => {
    const start = end
    end += length
    return { id, key, kind, at, headers: headers[header] ?? {}, value: body.slice(start, end) }
  })
  return { first, records, lanes: rows.map(([lane]) => lane) }
}
