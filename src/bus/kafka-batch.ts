/**
 * Batches of records as Kafka stores and sends them (message format 2): what stands at their head, and which of them count.
 * The records stay the bytes that they are until somebody takes them; an object for every header of every record, as the
 * client makes them, cost more than all the rest of a delivery.
 */
import { compressionsAlgorithmsByBitmask, crc32c, Reader } from '@platformatic/kafka'
import { SluiceError } from '../core/errors.ts'

export interface RecordBatch {
  /** The offset of its first record, and the one after its last: some may be missing, where the topic is compacted. */
  readonly first: number
  readonly end: number
  /** How many records it holds. */
  readonly count: number
  readonly attributes: number
  /** Of its first record, and the latest; milliseconds since 1970. */
  readonly firstAt: number
  readonly lastAt: number
  readonly producer: bigint
  /** The records, compressed or not. */
  readonly bytes: Buffer
}

/** Where the members of the head stand, in bytes from its beginning (kafka.apache.org, "Record Batch"). */
export const HEAD = {
  firstOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  firstAt: 27,
  lastAt: 35,
  producer: 43,
  producerEpoch: 51,
  sequence: 53,
  count: 57,
  records: 61,
} as const
export const FORMAT = 2

/** No broker takes more at once (socket.request.max.bytes, 100 MB): what claims it is damaged, and not cut short. */
const MOST_BYTES = 256 * 1024 * 1024

const COMPRESSION = 0b111
/** Bit 3 of a batch: the broker's clock stamped it, and all its records have the time of the batch. */
const STAMPED_BY_BROKER = 1 << 3
const TRANSACTIONAL = 1 << 4
/** Bit 5 of a batch: the mark of a transaction, no record of anyone. */
const CONTROL = 1 << 5

export const isStampedByBroker = ({ attributes }: RecordBatch): boolean =>
  (attributes & STAMPED_BY_BROKER) !== 0

/**
 * All that are whole, up to the first that is not what was written: a fetch may cut the last one short. Throws
 * `bus_unavailable` when it is the very first.
 */
export function readBatches(bytes: Buffer): RecordBatch[] {
  const batches: RecordBatch[] = []
  let at = 0
  while (at + HEAD.records <= bytes.length) {
    const length = HEAD.leaderEpoch + bytes.readInt32BE(at + HEAD.length)
    const end = at + length
    if (end > bytes.length && length <= MOST_BYTES) break
    const batch = bytes.subarray(at, Math.max(end, at + HEAD.records))
    const damage = damageOf(batch, length)
    if (damage !== undefined) {
      if (batches.length > 0) break
      throw new SluiceError('bus_unavailable', damage)
    }
    batches.push(readBatch(batch))
    at = end
  }
  return batches
}

function damageOf(batch: Buffer, length: number): string | undefined {
  const where = `The batch of records at offset ${firstOf(batch)}`
  if (length < HEAD.records || length > MOST_BYTES) return `${where} has a length of ${length} bytes.`
  if (batch[HEAD.magic] !== FORMAT) return `${where} has the format ${batch[HEAD.magic]}.`
  if (checksumOf(batch) !== batch.readUInt32BE(HEAD.checksum)) return `${where} does not have its checksum.`
  return undefined
}

const firstOf = (batch: Buffer): number => Number(batch.readBigInt64BE(HEAD.firstOffset))

function readBatch(bytes: Buffer): RecordBatch {
  const first = firstOf(bytes)
  return {
    first,
    end: first + bytes.readInt32BE(HEAD.lastOffsetDelta) + 1,
    count: bytes.readInt32BE(HEAD.count),
    attributes: bytes.readInt16BE(HEAD.attributes),
    firstAt: Number(bytes.readBigInt64BE(HEAD.firstAt)),
    lastAt: Number(bytes.readBigInt64BE(HEAD.lastAt)),
    producer: bytes.readBigInt64BE(HEAD.producer),
    bytes: bytes.subarray(HEAD.records),
  }
}

/** Of all that stands behind it. The client would copy a plain buffer first, but not one in the wrapping of its reader. */
export const checksumOf = (batch: Buffer): number =>
  crc32c(Reader.from(batch.subarray(HEAD.attributes)).buffer)

/** The records as written. */
export function plainBytes({ attributes, bytes }: RecordBatch): Buffer {
  const algorithm = compressionsAlgorithmsByBitmask[attributes & COMPRESSION]
  return attributes & COMPRESSION && algorithm ? algorithm.decompressSync(bytes) : bytes
}

/** A transaction that was given up, and where it began. */
export interface Aborted {
  readonly producer: bigint
  readonly from: number
}

/**
 * The batches with nothing left in those that nobody is to see: the marks of transactions, and what belongs to one that was
 * given up. One of a producer ends with its mark, so that whatever comes later of it counts again.
 */
export function committedOf(batches: readonly RecordBatch[], aborted: readonly Aborted[]): RecordBatch[] {
  const waiting = aborted.toSorted((a, b) => a.from - b.from)
  const open = new Set<bigint>()
  return batches.map((batch) => {
    while (waiting[0] !== undefined && waiting[0].from < batch.end) open.add(waiting.shift()?.producer ?? -1n)
    const isHidden = batch.attributes & TRANSACTIONAL && open.has(batch.producer)
    if (batch.attributes & CONTROL) open.delete(batch.producer)
    else if (!isHidden) return batch
    return { ...batch, attributes: 0, count: 0, bytes: NOTHING } // nothing is not to be unpacked
  })
}

const NOTHING = Buffer.alloc(0)
