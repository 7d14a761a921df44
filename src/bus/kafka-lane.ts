/** A lane while this process holds it: what was fetched and not handed out, and what was handed out and not settled. */
import type { RecordsBatch } from '@platformatic/kafka'
import type { Received } from '../core/record.ts'
import { decodeRecord, endOfBatch, isControl } from './kafka-record.ts'
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
  readonly #batches: RecordsBatch[] = []
  /** The next record of the first batch. */
  #at = 0
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
  add(batches: readonly RecordsBatch[]): void {
    for (const batch of batches) {
      const end = endOfBatch(batch)
      if (end <= this.#fetchNext) continue
      this.#batches.push(batch)
      this.#bytes += batch.length
      this.#fetchNext = end
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
      this.#takeFrom(batch, limit, taken)
      if (this.#at < batch.records.length) break
      this.progress.pass(endOfBatch(batch))
      this.#batches.shift()
      this.#bytes -= batch.length
      this.#at = 0
    }
    return taken
  }

  #takeFrom(batch: RecordsBatch, limit: number, taken: Received[]): void {
    if (isControl(batch)) this.#at = batch.records.length
    const first = Number(batch.firstOffset)
    for (; this.#at < batch.records.length && taken.length < limit; this.#at += 1) {
      const record = batch.records[this.#at]
      if (record && this.progress.take(first + record.offsetDelta))
        taken.push(decodeRecord(record, batch, this))
    }
  }
}
