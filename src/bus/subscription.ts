/** One member of a group: takes records of its lanes from the log, batch by batch, as fast as they are asked for. */
import type { Clock } from '../core/clock.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord, Headers, Place, Received } from '../core/record.ts'
import { within } from '../core/within.ts'
import type { SubscribeOptions, Subscription } from './bus.ts'
import type { Group } from './group.ts'
import type { Member } from './sharing.ts'
import { covers, endOf, type Stretch } from './stretch.ts'

const BATCH = 1000
const DRAIN_MS = 5000
/** A batch ends early when its values have this many characters: 1000 records of 1 MB would be too many. */
const BATCH_SIZE = 8 * 1024 * 1024

export interface MemberOptions extends SubscribeOptions {
  readonly topic: string
  readonly group: Group
  /** The stretch with this offset, or the next above it where offsets were removed; undefined at the head. */
  readonly stretchAt: (offset: number) => Stretch | undefined
  /** Makes what the group has settled durable. */
  readonly persist: () => Promise<void>
  readonly onClose: (subscription: LogSubscription) => void
  readonly clock: Clock
  readonly notify: Notify
}

/** A class, as an operation of delivery is (op.ts): of a literal V8 learns to allocate all among the old, though these are gone at once. */
class HandedOut implements Received {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly at: number
  readonly headers: Headers
  readonly value: string
  readonly topic: string
  readonly lane: number
  readonly offset: number
  readonly epoch: number

  constructor({ id, key, kind, at, headers, value }: BusRecord, { topic, lane, offset, epoch }: Place) {
    this.id = id
    this.key = key
    this.kind = kind
    this.at = at
    this.headers = headers
    this.value = value
    this.topic = topic
    this.lane = lane
    this.offset = offset
    this.epoch = epoch
  }
}

export class LogSubscription implements Subscription, Member {
  readonly #options: MemberOptions
  /** The lanes that may be handed out: owned and not draining. */
  readonly #lanes = new Set<number>()
  #stretch: Stretch | undefined
  #wake = Promise.withResolvers<void>()
  #closed = false
  #failure: Error | undefined

  constructor(options: MemberOptions) {
    this.#options = options
  }

  get share(): number {
    return this.#closed ? 0 : this.#lanes.size / this.#options.group.lanes.length
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Received[]> {
    while (!this.#closed) {
      if (this.#failure) throw this.#failure
      const news = this.#wake.promise
      const batch = this.#collect()
      if (batch.length > 0) {
        yield batch
        await this.#options.clock.sleep(0) // a backlog must not keep the rest of the process waiting
      } else await news
    }
  }

  /** Not async: the places, which may be many, would be kept until the disk has them. */
  settle(places: readonly Place[]): Promise<number> {
    const { topic, group, notify, persist } = this.#options
    const isOurs = (place: Place) => place.topic === topic
    const { accepted, fenced } = group.settle(places.every(isOurs) ? places : places.filter(isOurs))
    if (fenced > 0) notify('bus.fenced', { topic, group: group.name, count: fenced })
    return persist().then(() => accepted)
  }

  /** Looks again: there are new records, other lanes, or an end. */
  wake(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  /** The iterator throws this from now on. */
  fail(error: Error): void {
    this.#failure = error
    this.wake()
  }

  gain(lane: number): void {
    this.#lanes.add(lane)
    this.wake()
  }

  lose(lane: number): void {
    this.#lanes.delete(lane)
  }

  async drain(lanes: readonly number[]): Promise<void> {
    for (const lane of lanes) this.#lanes.delete(lane)
    const { onRevoke, drainMs = DRAIN_MS, clock } = this.#options
    if (onRevoke === undefined) return
    const asked = Promise.resolve(lanes)
      .then(onRevoke)
      .catch(() => {}) // who fails to drain loses the lanes all the same
    await within(clock, drainMs, asked)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.wake()
    this.#options.group.sharing.leave(this)
    this.#options.onClose(this)
  }

  #collect(): Received[] {
    const limit = this.#options.batch ?? BATCH
    const batch: Received[] = []
    try {
      for (let size = 0; batch.length < limit && size < BATCH_SIZE; ) {
        const from = this.#next()
        const stretch = this.#stretchAt(from)
        if (stretch === undefined) break
        const before = batch.length
        this.#take(stretch, from, batch)
        for (let i = before; i < batch.length; i += 1) size += batch[i]?.value.length ?? 0
      }
    } catch (thrown) {
      if (batch.length === 0) throw thrown // else first what was taken: the next call meets the same error
    }
    return batch
  }

  /** The lowest offset that one of the lanes wants. */
  #next(): number {
    let next = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes)
      next = Math.min(next, this.#options.group.lanes[lane]?.progress.next ?? next)
    return next
  }

  /** Keeps the last stretch, so that one larger than a batch is not read again for every batch. */
  #stretchAt(offset: number): Stretch | undefined {
    if (offset === Number.POSITIVE_INFINITY) return undefined
    if (!this.#stretch || !covers(this.#stretch, offset)) this.#stretch = this.#options.stretchAt(offset)
    return this.#stretch
  }

  /** Takes from `from` on, until the stretch ends or the batch is full; then its lanes are that far. */
  #take(stretch: Stretch, from: number, batch: Received[]): void {
    const { topic, group } = this.#options
    const room = (this.#options.batch ?? BATCH) - batch.length
    const end = endOf(stretch)
    let offset = Math.max(from, stretch.first)
    for (let taken = 0; offset < end && taken < room; offset += 1) {
      const index = offset - stretch.first
      const lane = stretch.lanes[index] ?? 0
      const record = stretch.records[index]
      const held = this.#lanes.has(lane) ? group.lanes[lane] : undefined
      if (!record || !held?.progress.take(offset)) continue
      batch.push(new HandedOut(record, { topic, lane, offset, epoch: held.epoch }))
      taken += 1
    }
    for (const lane of this.#lanes) group.lanes[lane]?.progress.pass(offset)
  }
}
