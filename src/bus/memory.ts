/** A bus in memory: the reference implementation, for tests and simulation. It forgets everything with the process. */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { type Notify, silent } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import type { Bus, Features, ReadRange, SubscribeOptions } from './bus.ts'
import type { Log } from './log.ts'
import { type Stretch, stretchOf, Tail } from './stretch.ts'
import { LANES, Topic } from './topic.ts'

export interface MemoryBusOptions {
  readonly clock: Clock
  readonly notify?: Notify
  /** Default 16. */
  readonly lanes?: number
  /**
   * The most records kept, over all topics: a publish that would exceed it is refused with `storage_full`. What every
   * group of a topic has settled makes room. Default: no limit.
   */
  readonly capacity?: number
}

export const MEMORY_FEATURES: Features = {
  name: 'memory',
  persistent: false,
  rebalances: true,
  keepsSettledAbove: false,
  shared: false,
}

export function openMemoryBus(options: MemoryBusOptions): Bus {
  return new MemoryBus(options)
}

class MemoryLog implements Log {
  readonly #tail = new Tail(Number.POSITIVE_INFINITY)
  readonly ends: number[]
  readonly lost = 0
  first = 0
  head = 0

  constructor(lanes: number) {
    this.ends = new Array(lanes).fill(0)
  }

  append(records: readonly BusRecord[]): void {
    const stretch = stretchOf(this.head, records, this.ends.length)
    this.#tail.append(stretch)
    for (const [index, lane] of stretch.lanes.entries()) this.ends[lane] = stretch.first + index + 1
    this.head += records.length
  }

  stretchAt(offset: number): Stretch | undefined {
    return this.#tail.at(Math.max(offset, this.first))
  }

  trim(offset: number): void {
    this.first = Math.max(this.first, offset)
    this.#tail.trim(this.first)
  }
}

class MemoryBus implements Bus {
  readonly features = MEMORY_FEATURES
  readonly #topics = new Map<string, { log: MemoryLog; topic: Topic }>()
  readonly #options: MemoryBusOptions
  #closed = false

  constructor(options: MemoryBusOptions) {
    this.#options = options
  }

  async publish(name: string, records: readonly BusRecord[]): Promise<void> {
    this.#assertOpen()
    if (records.length === 0) return
    this.#assertRoom(records.length)
    const { log, topic } = this.#topic(name)
    log.append([...records])
    topic.wake()
  }

  async subscribe(topic: string, group: string, options: SubscribeOptions = {}) {
    this.#assertOpen()
    return this.#topic(topic).topic.subscribe(group, options)
  }

  async lag(topic: string, group: string) {
    return this.#topic(topic).topic.lag(group)
  }

  async read(topic: string, range: ReadRange) {
    return this.#topic(topic).topic.read(range)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const { topic } of this.#topics.values()) await topic.close()
  }

  #topic(name: string): { log: MemoryLog; topic: Topic } {
    const known = this.#topics.get(name)
    if (known) return known
    const { clock, notify = silent, lanes = LANES } = this.#options
    const log = new MemoryLog(lanes)
    const persist = async () => {}
    const made = { log, topic: new Topic({ name, log, groups: [], persist, clock, notify }) }
    this.#topics.set(name, made)
    return made
  }

  #assertOpen(): void {
    if (this.#closed) throw new SluiceError('shutting_down', 'The bus is closed.')
  }

  #assertRoom(wanted: number): void {
    const { capacity = Number.POSITIVE_INFINITY, notify = silent } = this.#options
    if (this.#kept() + wanted <= capacity) return
    for (const { log, topic } of this.#topics.values()) if (topic.hasGroups) log.trim(topic.floor)
    if (this.#kept() + wanted <= capacity) return
    notify('bus.full', { capacity })
    throw new SluiceError('storage_full', `The bus keeps at most ${capacity} records.`)
  }

  #kept(): number {
    let kept = 0
    for (const { log } of this.#topics.values()) kept += log.head - log.first
    return kept
  }
}
