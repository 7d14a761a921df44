/**
 * A record in the form of Kafka: the key is the person key, the value the JSON, the timestamp when Sluice received it. What
 * else a record has are headers; those of Sluice's own begin with `sluice-`, and every other is the application's.
 */
import { isUtf8 } from 'node:buffer'
import { HEADER, type Headers, type Received } from '../core/record.ts'
import { isStampedByBroker, plainBytes, type RecordBatch } from './kafka-batch.ts'

export const ID = 'sluice-id'
export const KIND = 'sluice-kind'

/** Where a record goes or lies: the topic as Sluice calls it, without the prefix. */
export interface Spot {
  readonly topic: string
  readonly lane: number
  readonly epoch: number
}

/** What the headers of a record say. */
interface Said {
  readonly id: string
  readonly kind: string
  readonly headers: Headers
}

const ID_BYTES = Buffer.from(ID)

/** Reads the records of a batch, in order, where they lie: what nobody wants is passed over without a look. */
export class RecordReader {
  readonly #batch: RecordBatch
  readonly #bytes: Buffer
  readonly #spot: Spot
  readonly #stamped: boolean
  #left: number
  #at = 0
  #end = 0
  #time = 0
  #offset = -1
  /** The headers after the id, as they came with the record before, and what they say: one request's are all alike. */
  #tail = { from: 0, to: 0, count: 0, kind: '', headers: {} as Headers }

  constructor(batch: RecordBatch, spot: Spot) {
    this.#batch = batch
    this.#bytes = plainBytes(batch)
    this.#spot = spot
    this.#stamped = isStampedByBroker(batch)
    this.#left = batch.count
  }

  /** Of the record that `next` came to. */
  get offset(): number {
    return this.#offset
  }

  /** Goes to the next record; false when there is none. */
  next(): boolean {
    if (this.#left === 0) return false
    this.#left -= 1
    this.#at = this.#end
    const length = this.#int()
    this.#end = this.#at + length
    this.#at += 1 // its attributes, which mean nothing yet
    const delta = this.#int()
    this.#time = this.#stamped ? this.#batch.lastAt : this.#batch.firstAt + delta
    this.#offset = this.#batch.first + this.#int()
    return true
  }

  /** The record that `next` came to; once. */
  take(): Received {
    const { topic, lane, epoch } = this.#spot
    const [at, offset] = [this.#time, this.#offset]
    const keyLength = this.#int()
    const key = keyLength > 0 ? this.#text(keyLength) : ''
    const length = Math.max(-1, this.#int())
    const from = this.#at
    this.#at += Math.max(0, length)
    const said = this.#headers()
    if (said.id === '' || said.kind === '') {
      const bytes = length < 0 ? null : this.#bytes.subarray(from, from + length)
      const { headers, value } = strange(said.headers, bytes)
      return { id: '', key, kind: '', at, headers, value, topic, lane, offset, epoch }
    }
    const value = length > 0 ? this.#bytes.toString('utf8', from, from + length) : ''
    return { id: said.id, key, kind: said.kind, at, headers: said.headers, value, topic, lane, offset, epoch }
  }

  /** Sluice's own id comes first in what Sluice writes; the rest of it is then looked up before it is read. */
  #headers(): Said {
    const count = this.#int()
    if (count === 0 || !this.#startsWithId()) return this.#readHeaders(count, '')
    this.#at += 1 + ID_BYTES.length
    const id = this.#string()
    if (!this.#isTail(count)) {
      const from = this.#at
      const { kind, headers } = this.#readHeaders(count - 1, id)
      this.#tail = { from, to: this.#end, count, kind, headers }
    }
    const { kind, headers } = this.#tail
    return { id, kind, headers }
  }

  #startsWithId(): boolean {
    const [bytes, at] = [this.#bytes, this.#at]
    if (bytes[at] !== ID_BYTES.length * 2) return false
    for (let i = 0; i < ID_BYTES.length; i += 1) if (bytes[at + 1 + i] !== ID_BYTES[i]) return false
    return true
  }

  #isTail(count: number): boolean {
    const { from, to, count: before } = this.#tail
    const [bytes, at] = [this.#bytes, this.#at]
    const length = to - from
    if (count !== before || this.#end - at !== length) return false
    for (let i = 0; i < length; i += 1) if (bytes[at + i] !== bytes[from + i]) return false
    return true
  }

  #readHeaders(count: number, given: string): Said {
    const headers: Record<string, string> = {}
    let id = given
    let kind = ''
    for (let left = count; left > 0; left -= 1) {
      const name = this.#string()
      const text = this.#string()
      if (name === ID) id = text
      else if (name === KIND) kind = text
      else headers[name] = text
    }
    return { id, kind, headers }
  }

  #string(): string {
    const length = this.#int()
    return length > 0 ? this.#text(length) : ''
  }

  #text(length: number): string {
    const from = this.#at
    this.#at += length
    return this.#bytes.toString('utf8', from, this.#at)
  }

  /** A number in zigzag form, seven bits to a byte, the lowest first. Exact to 2^53. */
  #int(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#at] ?? 0
    this.#at += 1
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1)
    let number = byte & 127
    for (let unit = 128; byte >= 128; unit *= 128) {
      byte = bytes[this.#at] ?? 0
      this.#at += 1
      number += (byte & 127) * unit
    }
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2
  }
}

/** What a stranger wrote: no id and no kind, and a value that need not be text. */
function strange(given: Headers, bytes: Buffer | null): { headers: Headers; value: string } {
  const headers: Record<string, string> = {}
  for (const name in given) headers[name.toLowerCase()] = given[name] ?? ''
  delete headers[HEADER.encoding] // ours to say
  const isText = bytes === null || isUtf8(bytes)
  if (!isText) headers[HEADER.encoding] = 'base64'
  const value = bytes?.toString(isText ? 'utf8' : 'base64') ?? ''
  return { headers, value }
}
