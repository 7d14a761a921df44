/** One topic with its groups and their members: what the memory bus and the SQLite bus have in common. */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { Received } from '../core/record.ts'
import type { Lag, ReadRange, SubscribeOptions, Subscription } from './bus.ts'
import { Group, type GroupState } from './group.ts'
import type { Log } from './log.ts'
import { Search } from './search.ts'
import { endOf } from './stretch.ts'
import { LogSubscription } from './subscription.ts'

export interface TopicOptions {
  readonly name: string
  readonly log: Log
  readonly groups: readonly GroupState[]
  /** Makes the progress of the group durable. */
  readonly persist: (group: Group) => Promise<void>
  readonly clock: Clock
  readonly notify: Notify
}

/** How many lanes a topic has unless told otherwise. */
export const LANES = 16

export class Topic {
  readonly #options: TopicOptions
  readonly #groups: Map<string, Group>
  readonly #searches = new Map<string, Search>()
  readonly #subscriptions = new Set<LogSubscription>()
  #closed = false

  constructor(options: TopicOptions) {
    this.#options = options
    this.#groups = new Map(options.groups.map((state) => [state.name, new Group(state)]))
  }

  get groups(): Iterable<Group> {
    return this.#groups.values()
  }

  get isFollowed(): boolean {
    return this.#subscriptions.size > 0
  }

  get hasGroups(): boolean {
    return this.#groups.size > 0
  }

  /** The lowest offset that some group has not settled; the head when there are no groups. */
  get floor(): number {
    let floor = this.#options.log.head
    for (const group of this.#groups.values()) floor = Math.min(floor, group.floor)
    return floor
  }

  async subscribe(name: string, options: SubscribeOptions): Promise<Subscription> {
    const { log, name: topic, persist, clock, notify } = this.#options
    const group = await this.#join(name)
    if (this.#closed) throw new SluiceError('shutting_down', 'The bus is closed.')
    const subscription = new LogSubscription({
      ...options,
      topic,
      group,
      stretchAt: (offset) => log.stretchAt(offset),
      persist: () => persist(group),
      onClose: (closed) => this.#subscriptions.delete(closed),
      clock,
      notify,
    })
    this.#subscriptions.add(subscription)
    group.sharing.join(subscription)
    return subscription
  }

  /** A new group is made durable before it reads, so that nothing is trimmed under it after a restart. */
  async #join(name: string): Promise<Group> {
    const known = this.#groups.get(name)
    if (known) return known
    const group = this.#begin(name)
    group.dirty = true
    this.#groups.set(name, group)
    await this.#options.persist(group)
    return group
  }

  #begin(name: string): Group {
    const { first, lost, ends } = this.#options.log
    const lanes = ends.map(() => ({ position: first, above: [] }))
    return new Group({ name, lanes, done: first + lost })
  }

  /** New records can be read. */
  wake(): void {
    for (const subscription of this.#subscriptions) subscription.wake()
  }

  fail(error: Error): void {
    for (const subscription of this.#subscriptions) subscription.fail(error)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const subscription of [...this.#subscriptions]) await subscription[Symbol.asyncDispose]()
  }

  /** A group that does not exist yet is as far as it would be when it begins. */
  async lag(name: string): Promise<Lag> {
    const { log, clock } = this.#options
    const group = this.#groups.get(name) ?? this.#begin(name)
    const search = this.#searches.get(name) ?? new Search(log)
    this.#searches.set(name, search)
    while (!search.step(group)) await clock.sleep(0)
    const positions = search.positions(group)
    const oldest = Math.min(...positions.values())
    return {
      published: log.head,
      unsettled: log.head - group.done,
      oldestAt: search.receivedAt(oldest),
      positions,
    }
  }

  async read({ lane, from, limit }: ReadRange): Promise<Received[]> {
    const { log, name: topic, clock } = this.#options
    const found: Received[] = []
    let offset = from
    for (let next = log.stretchAt(offset); next && found.length < limit; next = log.stretchAt(offset)) {
      const { first, records, lanes } = next
      for (offset = Math.max(offset, first); offset < endOf(next) && found.length < limit; offset += 1) {
        const record = records[offset - first]
        const at = lanes[offset - first] ?? 0
        if (record && (lane === undefined || lane === at))
          found.push({ ...record, topic, lane: at, offset, epoch: 0 })
      }
      await clock.sleep(0)
    }
    return found
  }
}
