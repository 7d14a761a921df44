/** A lane while this process holds it: what was fetched and not handed out, and what was handed out and not settled. */
import type { Received } from '../core/record.ts'
import type { RecordBatch } from './kafka-batch.ts'
import { RecordReader } from './kafka-record.ts'
import { Progress, type Saved } from './progress.ts'

export interface LaneOptions {
  readonly topic: string
  readonly lane: number
  readonly epoch: number
  readonly saved: Saved
}

export class HeldLane {
  readonly topic: string
  readonly lane: number
  /** The generation of the group in which this process came to hold it: any later owner has a higher one. */
  readonly epoch: number
  readonly progress: Progress
  /** Nothing more of it is handed out: it is about to go. */
  draining = false
  /** It is gone: what is settled of it counts no more. */
  fenced = false
  /** It is not asked for before this, monotonic milliseconds: something is wrong with it. */
  restsUntil = 0
  /** How often it was asked for in vain since it was last read. */
  failures = 0
  readonly #batches: RecordBatch[] = []
  /** Stands in the first batch, once something was taken of it. */
  #reader: RecordReader | undefined
  #bytes = 0
  #fetchNext: number

  constructor({ topic, lane, epoch, saved }: LaneOptions) {
    this.topic = topic
    this.lane = lane
    this.epoch = epoch
    this.progress = new Progress(saved)
    this.#fetchNext = this.progress.next
  }

  /** The offset that the next fetch begins with; an answer that begins elsewhere is stale. */
  get fetchNext(): number {
    return this.#fetchNext
  }

  /** Bytes that wait to be handed out, as they came. */
  get bytes(): number {
    return this.#bytes
  }

  get hasRecords(): boolean {
    return this.#batches.length > 0
  }

  /** Takes what a fetch from `fetchNext` brought. */
  add(batches: readonly RecordBatch[]): void {
    for (const batch of batches) {
      if (batch.end <= this.#fetchNext) continue
      this.#batches.push(batch)
      this.#bytes += batch.bytes.length
      this.#fetchNext = batch.end
    }
  }

  /** The log begins later than what was wanted: goes on from there. */
  skipTo(offset: number): void {
    this.#fetchNext = Math.max(this.#fetchNext, offset)
  }

  /** Hands out up to `limit` records, in order, each once; what is settled already is left out. */
  take(limit: number): Received[] {
    const taken: Received[] = []
    for (let batch = this.#batches[0]; batch && taken.length < limit; batch = this.#batches[0]) {
      this.#reader ??= new RecordReader(batch, this)
      if (!this.#takeFrom(this.#reader, limit, taken)) break
      this.progress.pass(batch.end)
      this.#batches.shift()
      this.#bytes -= batch.bytes.length
      this.#reader = undefined
    }
    return taken
  }

  /** True when nothing is left in it. */
  #takeFrom(reader: RecordReader, limit: number, taken: Received[]): boolean {
    while (taken.length < limit) {
      if (!reader.next()) return true
      if (this.progress.take(reader.offset)) taken.push(reader.take())
    }
    return false
  }
}
