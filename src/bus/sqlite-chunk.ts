/**
 * Chunks: how records lie in SQLite. One row holds all that one commit brought to a topic (one row per record would be
 * several times slower to write and to read), with two checksums: `sum` over the chunk itself, and `chain` over the
 * sums of all chunks up to it, by which the log is compared with its anchor. Both are CRC-32: they find faults of
 * disks and software, not forgery.
 */
import { crc32 } from 'node:zlib'
import type { BusRecord } from '../core/record.ts'
import { decodeStretch, encodeMeta } from './sqlite-columns.ts'
import { discard, packableOf, stringOf, type Text } from './sqlite-pack.ts'
import { lanesOf, type Stretch } from './stretch.ts'

/** Limits of one chunk: a reader holds a whole one in memory. A single larger record is a chunk of its own. */
const CHUNK_RECORDS = 1000
const CHUNK_SIZE = 1024 * 1024

/** What a chunk holds. */
export interface Content<Form = Text> {
  readonly first: number
  readonly count: number
  /** When it was written, milliseconds since 1970. */
  readonly at: number
  /** What is said beside the values (sqlite-columns.ts). */
  readonly meta: Form
  /** The values, one after the other. */
  readonly body: Form
}

export interface Chunk extends Content {
  readonly sum: number
  readonly chain: number
}

/** Records as they lie in a chunk, wherever in the topic that will be. */
export interface Part {
  readonly lanes: readonly number[]
  readonly meta: string
  readonly body: string
  /** As they will be read, where somebody reads the log as it grows. */
  readonly records: readonly BusRecord[] | undefined
}

export interface Encoding {
  /** Of the topic. */
  readonly lanes: number
  /** Whether the records themselves are kept. */
  readonly keep: boolean
}

export function encodeParts(records: readonly BusRecord[], encoding: Encoding): Part[] {
  return [...divide(records)].map((some) => encodePart(some, encoding))
}

/** Divides records into those of one chunk each. */
function* divide(records: readonly BusRecord[]): Generator<readonly BusRecord[]> {
  let start = 0
  let index = 0
  let size = 0
  for (const { value } of records) {
    const full = index - start === CHUNK_RECORDS || size + value.length > CHUNK_SIZE
    if (full && index > start) {
      yield records.slice(start, index)
      start = index
      size = 0
    }
    size += value.length
    index += 1
  }
  yield start === 0 ? records : records.slice(start)
}

function encodePart(records: readonly BusRecord[], encoding: Encoding): Part {
  const body = records.map(({ value }) => value).join('')
  if (!body.isWellFormed()) return encodePart(records.map(storable), encoding)
  const lanes = lanesOf(records, encoding.lanes)
  return { lanes, meta: encodeMeta(records, lanes), body, records: encoding.keep ? records : undefined }
}

/** `chain`: that of the chunk before. */
export function sealChunk(content: Content, chain: number): Chunk {
  const packable = { ...content, meta: packableOf(content.meta), body: packableOf(content.body) }
  const sum = sumOf(packable)
  return { ...packable, sum, chain: chainOf(chain, sum) }
}

/** UTF-8 has no lone surrogates. In JSON they can only stand in strings, where their escapes mean the same. */
function storable(record: BusRecord): BusRecord {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16)}`
  return { ...record, value: record.value.replace(/\p{Surrogate}/gu, escaped) }
}

/** The chunk cannot be read a second time. */
export function decodeChunk(chunk: Chunk): Stretch {
  const [meta, body] = [stringOf(chunk.meta), stringOf(chunk.body)]
  discardChunk(chunk)
  return decodeStretch(chunk.first, meta, body)
}

/** Its texts are not needed any more. */
export function discardChunk({ meta, body }: Chunk): void {
  discard(meta)
  discard(body)
}

const sumOf = ({ first, count, at, meta, body }: Content): number =>
  crc32(body, crc32(meta, crc32(`${first} ${count} ${at}`)))

export const isIntact = (chunk: Chunk): boolean => chunk.sum === sumOf(chunk)

export const chainOf = (before: number, sum: number): number => crc32(`${before} ${sum}`)
