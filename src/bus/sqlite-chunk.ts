/**
 * Chunks: how records lie in SQLite. One row holds all that one commit brought to a topic (one row per record would be
 * several times slower to write and to read), with two checksums: `sum` over the chunk itself, and `chain` over the
 * sums of all chunks up to it, by which the log is compared with its anchor. Both are CRC-32: they find faults of
 * disks and software, not forgery.
 */
import { crc32 } from 'node:zlib'
import type { BusRecord, Headers } from '../core/record.ts'
import { type Stretch, stretchOf } from './stretch.ts'

/** Limits of one chunk: a reader holds a whole one in memory. A single larger record is a chunk of its own. */
const CHUNK_RECORDS = 1000
const CHUNK_SIZE = 1024 * 1024

export interface Chunk {
  readonly first: number
  readonly count: number
  /** When it was written, milliseconds since 1970. */
  readonly at: number
  readonly sum: number
  readonly chain: number
  /** JSON: the distinct headers, and a row for each record. */
  readonly meta: string
  /** The values, one after the other. */
  readonly body: string
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

interface Meta {
  readonly headers: readonly Headers[]
  readonly rows: readonly Row[]
}

/** Divides records into the stretches that become chunks. */
export function* divide(first: number, records: readonly BusRecord[], lanes: number): Generator<Stretch> {
  let start = 0
  let size = 0
  for (const [index, record] of records.entries()) {
    const full = index - start === CHUNK_RECORDS || size + record.value.length > CHUNK_SIZE
    if (full && index > start) {
      yield stretchOf(first + start, records.slice(start, index).map(storable), lanes)
      start = index
      size = 0
    }
    size += record.value.length
  }
  yield stretchOf(first + start, records.slice(start).map(storable), lanes)
}

/** UTF-8 has no lone surrogates. In JSON they can only stand in strings, where their escapes mean the same. */
function storable(record: BusRecord): BusRecord {
  if (record.value.isWellFormed()) return record
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16)}`
  return { ...record, value: record.value.replace(/\p{Surrogate}/gu, escaped) }
}

export function encodeChunk(stretch: Stretch, at: number, chainBefore: number): Chunk {
  const { first, records } = stretch
  const meta = encodeMeta(stretch)
  const body = records.map((record) => record.value).join('')
  const chunk = { first, count: records.length, at, meta, body }
  const sum = sumOf(chunk)
  return { ...chunk, sum, chain: chainOf(chainBefore, sum) }
}

function encodeMeta({ records, lanes }: Stretch): string {
  const headers = new Map<string, number>()
  let last: Headers | undefined
  let index = 0
  const rows = records.map((record, i): Row => {
    if (record.headers !== last) {
      last = record.headers
      const text = JSON.stringify(last)
      index = headers.get(text) ?? headers.size
      headers.set(text, index)
    }
    return [lanes[i] ?? 0, record.id, record.key, record.kind, record.at, index, record.value.length]
  })
  return `{"headers":[${[...headers.keys()].join(',')}],"rows":${JSON.stringify(rows)}}`
}

export function decodeChunk({ first, meta, body }: Chunk): Stretch {
  // The checksum has shown that this is what encodeMeta wrote.
  const { headers, rows } = JSON.parse(meta) as Meta
  let end = 0
  const records = rows.map(([, id, key, kind, at, header, length]): BusRecord => {
    const start = end
    end += length
    return { id, key, kind, at, headers: headers[header] ?? {}, value: body.slice(start, end) }
  })
  return { first, records, lanes: rows.map(([lane]) => lane) }
}

type Summed = Omit<Chunk, 'sum' | 'chain'>

const sumOf = ({ first, count, at, meta, body }: Summed): number =>
  crc32(body, crc32(meta, crc32(`${first} ${count} ${at}`)))

export const isIntact = (chunk: Chunk): boolean => chunk.sum === sumOf(chunk)

export const chainOf = (before: number, sum: number): number => crc32(`${before} ${sum}`)
