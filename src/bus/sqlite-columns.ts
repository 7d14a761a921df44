/**
 * What lies beside the values of a chunk, in columns, as JSON. A row for each record costs three times the time to write
 * and four times the time to read. Chunks of the formats 1 and 2 have rows, and are read as they are. Pure.
 */
import type { BusRecord, Headers } from '../core/record.ts'
import type { Stretch } from './stretch.ts'

/** Values that mostly are the same as the one before, as runs: a value, how often, the next value, how often, … */
type Runs = readonly number[]

interface Columns {
  readonly ids: readonly string[]
  readonly keys: readonly string[]
  readonly lanes: readonly number[]
  /** Of the values, in characters. */
  readonly lengths: readonly number[]
  readonly at: Runs
  /** Places in `kinds` and in `headers`. */
  readonly kind: Runs
  readonly header: Runs
  readonly kinds: readonly string[]
  readonly headers: readonly Headers[]
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

export function encodeMeta({ records, lanes }: Stretch): string {
  const ids: string[] = []
  const keys: string[] = []
  const lengths: number[] = []
  const [at, kind, header] = [new RunWriter(), new RunWriter(), new RunWriter()]
  const [kinds, headers] = [new Index<string>(String), new Index<Headers>(JSON.stringify)]
  for (const record of records) {
    ids.push(record.id)
    keys.push(record.key)
    lengths.push(record.value.length)
    at.add(record.at)
    kind.add(kinds.placeOf(record.kind))
    header.add(headers.placeOf(record.headers))
  }
  const columns: Columns = {
    ids,
    keys,
    lanes,
    lengths,
    at: at.runs,
    kind: kind.runs,
    header: header.runs,
    kinds: kinds.values,
    headers: headers.values,
  }
  return JSON.stringify(columns)
}

/** Of a chunk whose checksum has shown that this is what was written. */
export function decodeStretch(first: number, meta: string, body: string): Stretch {
  const parsed = JSON.parse(meta) as Columns | Rows
  return 'rows' in parsed ? fromRows(first, parsed, body) : fromColumns(first, parsed, body)
}

function fromColumns(first: number, columns: Columns, body: string): Stretch {
  const { ids, keys, lanes, lengths, kinds, headers } = columns
  const [at, kind, header] = [
    new RunReader(columns.at),
    new RunReader(columns.kind),
    new RunReader(columns.header),
  ]
  const records: BusRecord[] = []
  let start = 0
  for (let i = 0; i < ids.length; i += 1) {
    const end = start + (lengths[i] ?? 0)
    records.push({
      id: ids[i] ?? '',
      key: keys[i] ?? '',
      kind: kinds[kind.next()] ?? '',
      at: at.next(),
      headers: headers[header.next()] ?? {},
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

/** Distinct values, each with its place. Mostly the same object comes again, which is then not made into text. */
class Index<T> {
  readonly values: T[] = []
  readonly #places = new Map<string, number>()
  readonly #textOf: (value: T) => string
  #last: T | undefined
  #place = -1

  constructor(textOf: (value: T) => string) {
    this.#textOf = textOf
  }

  placeOf(value: T): number {
    if (value === this.#last) return this.#place
    const text = this.#textOf(value)
    const place = this.#places.get(text) ?? this.values.push(value) - 1
    this.#places.set(text, place)
    this.#last = value
    this.#place = place
    return place
  }
}

class RunWriter {
  readonly runs: number[] = []
  #last: number | undefined

  add(value: number): void {
    const { runs } = this
    if (value === this.#last) runs[runs.length - 1] = (runs[runs.length - 1] ?? 0) + 1
    else runs.push(value, 1)
    this.#last = value
  }
}

class RunReader {
  readonly #runs: Runs
  #at = -2
  #left = 0

  constructor(runs: Runs) {
    this.#runs = runs
  }

  next(): number {
    if (this.#left === 0) {
      this.#at += 2
      this.#left = this.#runs[this.#at + 1] ?? 0
    }
    this.#left -= 1
    return this.#runs[this.#at] ?? 0
  }
}
