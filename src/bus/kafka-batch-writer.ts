/** Puts a batch of records together in one stretch of memory, each record written once, right where it is sent from. */
import type { BusRecord, Headers } from '../core/record.ts'
import { checksumOf, FORMAT, HEAD } from './kafka-batch.ts'
import { ID, KIND } from './kafka-record.ts'

/** Who sends the batch, so that the broker takes it once. */
export interface Sender {
  readonly producer: bigint
  readonly epoch: number
}

const START_BYTES = 16 * 1024
/** A character of JavaScript takes at most three bytes of UTF-8; lengths, time and offset of a record at most 40. */
const BYTES_OF_CHARACTER = 3
const ROOM = 64

/** The headers after the id, written out, of all that goes in one flight: the records of one request have one object of them. */
export class Tails {
  readonly #known = new Map<Headers, { readonly kind: string; readonly bytes: Buffer }>()

  of(kind: string, headers: Headers): Buffer {
    const known = this.#known.get(headers)
    if (known?.kind === kind) return known.bytes
    const bytes = tailBytes(kind, headers)
    this.#known.set(headers, { kind, bytes })
    return bytes
  }
}

export class BatchWriter {
  readonly #tails: Tails
  #bytes = Buffer.allocUnsafe(START_BYTES)
  #at: number = HEAD.records
  #count = 0
  #firstAt = 0
  #lastAt = 0

  constructor(tails = new Tails()) {
    this.#tails = tails
  }

  get count(): number {
    return this.#count
  }

  get size(): number {
    return this.#at
  }

  /** False, and nothing is changed, when the batch would be larger than `most`. A first record is always taken. */
  add(record: BusRecord, most: number): boolean {
    const before = this.#at
    if (this.#count === 0) this.#firstAt = record.at
    this.#write(record)
    if (this.#count > 0 && this.#at > most) {
      this.#at = before
      return false
    }
    this.#count += 1
    this.#lastAt = Math.max(this.#lastAt, record.at)
    return true
  }

  /** The batch as it is sent. `sequence` is the number of its first record, of all that the sender wrote to the partition. */
  finish({ producer, epoch }: Sender, sequence: number): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at)
    bytes.writeBigInt64BE(0n, HEAD.firstOffset)
    bytes.writeInt32BE(this.#at - HEAD.leaderEpoch, HEAD.length)
    bytes.writeInt32BE(-1, HEAD.leaderEpoch)
    bytes.writeInt8(FORMAT, HEAD.magic)
    bytes.writeInt16BE(0, HEAD.attributes)
    bytes.writeInt32BE(this.#count - 1, HEAD.lastOffsetDelta)
    bytes.writeBigInt64BE(BigInt(this.#firstAt), HEAD.firstAt)
    bytes.writeBigInt64BE(BigInt(this.#lastAt), HEAD.lastAt)
    bytes.writeBigInt64BE(producer, HEAD.producer)
    bytes.writeInt16BE(epoch, HEAD.producerEpoch)
    bytes.writeInt32BE(sequence, HEAD.sequence)
    bytes.writeInt32BE(this.#count, HEAD.count)
    bytes.writeUInt32BE(checksumOf(bytes), HEAD.checksum)
    return bytes
  }

  /** The length comes first and is known last: two bytes are left for it, and what follows moves where that was wrong. */
  #write(record: BusRecord): void {
    const { id, key, kind, at, headers, value } = record
    const tail = this.#tails.of(kind, headers)
    this.#makeRoom((id.length + key.length + value.length) * BYTES_OF_CHARACTER + tail.length + ROOM)
    const start = this.#at
    this.#at += 2
    this.#bytes[this.#at] = 0 // its attributes, which mean nothing yet
    this.#at += 1
    this.#int(at - this.#firstAt)
    this.#int(this.#count)
    this.#text(key)
    this.#text(value)
    this.#int(2 + Object.keys(headers).length)
    this.#text(ID)
    this.#text(id)
    tail.copy(this.#bytes, this.#at)
    this.#at += tail.length
    this.#insertLength(start, 2)
  }

  #text(text: string): void {
    const start = this.#at
    const left = text.length < 64 ? 1 : 2
    this.#at += left + this.#bytes.write(text, start + left)
    this.#insertLength(start, left)
  }

  /** Of what was written `left` bytes after `start`. */
  #insertLength(start: number, left: number): void {
    const end = this.#at
    const length = end - start - left
    const width = widthOf(length)
    if (width !== left) this.#bytes.copyWithin(start + width, start + left, end)
    this.#at = start
    this.#int(length)
    this.#at = end + width - left
  }

  #int(number: number): void {
    this.#at = writeInt(this.#bytes, this.#at, number)
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** The headers of Sluice come first: a reader then finds the id without a search. */
function tailBytes(kind: string, headers: Headers): Buffer {
  const texts = [KIND, kind, ...Object.entries(headers).flat()]
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text)
    const length = Buffer.allocUnsafe(widthOf(bytes.length))
    writeInt(length, 0, bytes.length)
    return [length, bytes]
  })
  return Buffer.concat(parts)
}

/** A number in zigzag form, seven bits to a byte, the lowest first; exact to 2^52. Returns where it ends. */
function writeInt(bytes: Buffer, start: number, number: number): number {
  let at = start
  let rest = number < 0 ? -2 * number - 1 : 2 * number
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes[at] = (rest % 128) + 128
    at += 1
  }
  bytes[at] = rest
  return at + 1
}

function widthOf(number: number): number {
  let width = 1
  for (let rest = number * 2; rest >= 128; rest = Math.floor(rest / 128)) width += 1
  return width
}
