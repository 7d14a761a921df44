/**
 * A record in the form of Kafka: the key is the person key, the value the JSON, the timestamp when Sluice received it. What
 * else a record has are headers; those of Sluice's own begin with `sluice-`, and every other is the application's.
 */
import { isUtf8 } from 'node:buffer'
import type { KafkaRecord, MessageToProduce, RecordsBatch } from '@platformatic/kafka'
import { type BusRecord, HEADER, type Received } from '../core/record.ts'

const ID = 'sluice-id'
const KIND = 'sluice-kind'

/** Where a record goes or lies: the topic as Sluice calls it, without the prefix. */
export interface Spot {
  readonly topic: string
  readonly lane: number
  readonly epoch: number
}

/** Names of headers are few: each is encoded once. Bounded, since an application may name them as it likes. */
const names = new Map<string, Buffer>()
const MAX_NAMES = 1_000

function nameOf(name: string): Buffer {
  const known = names.get(name)
  if (known) return known
  if (names.size >= MAX_NAMES) names.clear()
  const made = Buffer.from(name)
  names.set(name, made)
  return made
}

/** `topic` is the name on the cluster. */
export function encodeRecord(record: BusRecord, topic: string, partition: number): MessageToProduce {
  const headers = new Map([
    [nameOf(ID), Buffer.from(record.id)],
    [nameOf(KIND), Buffer.from(record.kind)],
  ])
  for (const name in record.headers) headers.set(nameOf(name), Buffer.from(record.headers[name] ?? ''))
  const [key, value] = [Buffer.from(record.key), Buffer.from(record.value)]
  return { topic, partition, key, value, headers, timestamp: BigInt(record.at) }
}

/** What the record takes of a batch, roughly: 60 bytes for lengths, offsets and the names of our own headers. */
export function sizeOfMessage({ key, value, headers }: MessageToProduce): number {
  let size = 60 + (key?.length ?? 0) + (value?.length ?? 0)
  if (headers instanceof Map) for (const [name, text] of headers) size += name.length + text.length + 4
  return size
}

/** Bit 3 of a batch: the broker's clock stamped it, and all its records have the time of the batch. */
const STAMPED_BY_BROKER = 0b1000

export function decodeRecord(record: KafkaRecord, batch: RecordsBatch, spot: Spot): Received {
  const { topic, lane, epoch } = spot
  const offset = Number(batch.firstOffset) + record.offsetDelta
  const at =
    batch.attributes & STAMPED_BY_BROKER
      ? Number(batch.maxTimestamp)
      : Number(batch.firstTimestamp) + Number(record.timestampDelta)
  const headers: Record<string, string> = {}
  let id = ''
  let kind = ''
  for (const [name, text] of record.headers) {
    const called = name?.toString() ?? ''
    const said = text?.toString() ?? ''
    if (called === ID) id = said
    else if (called === KIND) kind = said
    else headers[called] = said
  }
  const key = record.key?.toString() ?? ''
  const known = id !== '' && kind !== ''
  const own = known
    ? { id, kind, headers, value: record.value?.toString() ?? '' }
    : strange(headers, record.value)
  return { ...own, key, at, topic, lane, offset, epoch }
}

/** What a stranger wrote: no id and no kind, and a value that need not be text. */
function strange(given: Readonly<Record<string, string>>, bytes: Buffer | null) {
  const headers: Record<string, string> = {}
  for (const name in given) headers[name.toLowerCase()] = given[name] ?? ''
  delete headers[HEADER.encoding] // ours to say
  const isText = bytes === null || isUtf8(bytes)
  if (!isText) headers[HEADER.encoding] = 'base64'
  const value = bytes?.toString(isText ? 'utf8' : 'base64') ?? ''
  return { id: '', kind: '', headers, value }
}

/** The offset after the last of the batch: records may be missing at its end, where the topic is compacted. */
export const endOfBatch = ({ firstOffset, lastOffsetDelta }: RecordsBatch): number =>
  Number(firstOffset) + lastOffsetDelta + 1

/** Bit 5 of a batch: the mark of a transaction, no record of anyone. */
export const isControl = ({ attributes }: RecordsBatch): boolean => (attributes & (1 << 5)) !== 0
