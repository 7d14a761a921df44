/** The log as it lies on the disk, read beside the gateway: what is here is durable, whatever anybody answered. */
import type { DatabaseSync } from 'node:sqlite'
import { decodeChunk } from '../bus/sqlite-chunk.ts'
import { Tables } from '../bus/sqlite-tables.ts'
import { type BusRecord, TOPICS } from '../core/record.ts'
import type { MemoryDisk } from './memory-disk.ts'

export interface Logged extends BusRecord {
  readonly offset: number
}

export class LogView {
  readonly #disk: MemoryDisk
  readonly #path: string
  readonly #records: Logged[] = []
  readonly #offsets = new Map<string, number[]>()
  #db: DatabaseSync | undefined
  #tables: Tables | undefined
  #topic: number | undefined
  #next = 0

  constructor(disk: MemoryDisk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** All that was ever stored, in order; what was trimmed since stays here. */
  get records(): readonly Logged[] {
    return this.#records
  }

  /** The first offset at which this id lies. */
  offsetOf(id: string): number | undefined {
    return this.#offsets.get(id)?.[0]
  }

  /** All at which it lies: several where a caller repeated what was in doubt. */
  offsetsOf(id: string): readonly number[] {
    return this.#offsets.get(id) ?? []
  }

  /** Reads on. Returns what is wrong, such as a hole. */
  refresh(): string | undefined {
    const [tables, topic] = [this.#open(), this.#topic]
    if (tables === undefined || topic === undefined) return undefined
    for (;;) {
      const start = tables.startAfter(topic, this.#next - 1)
      const chunk = start === undefined ? undefined : tables.chunk(topic, start)
      if (chunk === undefined) return undefined
      if (chunk.first !== this.#next) return `the log has a hole from ${this.#next} to ${chunk.first}`
      for (const [index, record] of decodeChunk(chunk).records.entries()) {
        const logged = { ...record, offset: chunk.first + index }
        this.#records.push(logged)
        const known = this.#offsets.get(record.id)
        if (known) known.push(logged.offset)
        else this.#offsets.set(record.id, [logged.offset])
      }
      this.#next = chunk.first + chunk.count
    }
  }

  #open(): Tables | undefined {
    this.#db ??= this.#disk.peek(this.#path)
    if (this.#db === undefined) return undefined
    try {
      this.#tables ??= new Tables(this.#db)
    } catch {
      return undefined // it was not migrated yet
    }
    this.#topic ??= this.#tables.topics().find(({ name }) => name === TOPICS.events)?.number
    return this.#tables
  }
}
