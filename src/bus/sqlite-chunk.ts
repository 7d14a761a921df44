/**
 * Chunks: how records lie in SQLite. One row holds all that one commit brought to a topic (one row per record would be
 * several times slower to write and to read), with two checksums: `sum` over the chunk itself, and `chain` over the
 * sums of all chunks up to it, by which the log is compared with its anchor. Both are CRC-32: they find faults of
 * disks and software, not forgery.
 */
import { crc32 } from 'node:zlib'
import type { BusRecord } from '../core/record.ts'
import { decodeStretch, encodeMeta } from './sqlite-columns.ts'
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
  /** What is said beside the values (sqlite-columns.ts). */
  readonly meta: string
  /** The values, one after the other. */
  readonly body: string
}

/** Divides records into the stretches that become chunks. */
export function* divide(first: number, records: readonly BusRecord[], lanes: number): Generator<Stretch> {
  let start = 0
  let size = 0
  for (const [index, { value }] of records.entries()) {
    const full = index - start === CHUNK_RECORDS || size + value.length > CHUNK_SIZE
    if (full && index > start) {
      yield stretchOf(first + start, records.slice(start, index), lanes)
      start = index
      size = 0
    }
    size += value.length
  }
  yield stretchOf(first + start, start === 0 ? records : records.slice(start), lanes)
}

/** When it is written, and the chain of the chunk before. */
export interface Context {
  readonly at: number
  readonly chain: number
}

/** A chunk, with the stretch as it will be read from it. */
export interface Encoded {
  readonly chunk: Chunk
  readonly stretch: Stretch
}

export function encodeChunk(stretch: Stretch, { at, chain }: Context): Encoded {
  const { first, records } = stretch
  const body = records.map(({ value }) => value).join('')
  if (!body.isWellFormed()) return encodeChunk({ ...stretch, records: records.map(storable) }, { at, chain })
  const summed = { first, count: records.length, at, meta: encodeMeta(stretch), body }
  const sum = sumOf(summed)
  return { chunk: { ...summed, sum, chain: chainOf(chain, sum) }, stretch }
}

/** UTF-8 has no lone surrogates. In JSON they can only stand in strings, where their escapes mean the same. */
function storable(record: BusRecord): BusRecord {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16)}`
  return { ...record, value: record.value.replace(/\p{Surrogate}/gu, escaped) }
}

export const decodeChunk = ({ first, meta, body }: Chunk): Stretch => decodeStretch(first, meta, body)

type Summed = Omit<Chunk, 'sum' | 'chain'>

const sumOf = ({ first, count, at, meta, body }: Summed): number =>
  crc32(body, crc32(meta, crc32(`${first} ${count} ${at}`)))

export const isIntact = (chunk: Chunk): boolean => chunk.sum === sumOf(chunk)

export const chainOf = (before: number, sum: number): number => crc32(`${before} ${sum}`)
