/** A subscription on Kafka: a member of a group, the lanes it holds, what it fetches for them and what it commits. */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { Place, Received } from '../core/record.ts'
import type { SubscribeOptions, Subscription } from './bus.ts'
import { type KafkaCluster, RETRY_MS, toBusError } from './kafka-client.ts'
import { Committer } from './kafka-commit.ts'
import { Fetcher } from './kafka-fetcher.ts'
import type { HeldLane } from './kafka-lane.ts'
import { Lanes } from './kafka-lanes.ts'
import { GroupMember } from './kafka-member.ts'
import type { KafkaReader } from './kafka-reader.ts'

export interface KafkaSubscriptionOptions extends SubscribeOptions {
  readonly cluster: KafkaCluster
  readonly reader: KafkaReader
  readonly topic: string
  readonly group: string
  /** How many the topic has. */
  readonly lanes: number
  readonly sessionMs: number
  readonly heartbeatMs: number
  /** Lag without progress for so long starts the consumer anew, milliseconds. */
  readonly stallMs: number
  readonly clock: Clock
  readonly notify: Notify
  readonly onClose: (subscription: KafkaSubscription) => void
}

const BATCH = 1000
/** A batch ends early when its values have this many characters: 1000 records of 1 MB would be too many. */
const BATCH_SIZE = 8 * 1024 * 1024
const DRAIN_MS = 5000
/** In a second or so: a broker that has just come to lead a lane is found sooner. */
const FAILURES_TOLD = 4

export class KafkaSubscription implements Subscription {
  readonly #options: KafkaSubscriptionOptions
  readonly #lanes: Lanes
  readonly #committer: Committer
  #fetcher: Fetcher
  #member: GroupMember
  readonly #joined = Promise.withResolvers<void>()
  readonly #over = new AbortController()
  #wake = Promise.withResolvers<void>()
  #watching: Promise<void> = Promise.resolve()
  /** The lane that is looked at first, so that each comes first in turn. */
  #turn = 0
  #toldUnreachable = false
  #restarting = false

  constructor(options: KafkaSubscriptionOptions) {
    this.#options = options
    const { drainMs = DRAIN_MS, onRevoke } = options
    this.#lanes = new Lanes({
      ...options,
      drainMs,
      onRevoke,
      onChange: () => this.#changed(),
      onReleased: () => this.#member.join(),
    })
    this.#committer = new Committer({
      ...this.#onCluster(),
      membership: () => this.#lanes.membership,
      onUnreachable: (thrown) => this.#tellUnreachable(thrown),
    })
    this.#fetcher = this.#makeFetcher()
    this.#member = this.#makeMember()
  }

  /** Resolves when it is a member of the group. Throws `shutting_down` when it is closed before. */
  async open(): Promise<void> {
    this.#member.join()
    await this.#joined.promise
    if (this.#over.signal.aborted) throw new SluiceError('shutting_down', 'The bus is closed.')
    this.#watching = this.#watch()
  }

  get topic(): string {
    return this.#options.topic
  }

  get group(): string {
    return this.#options.group
  }

  /** None of it while this process may have been given up on, and nothing of what it is about to let go of. */
  get share(): number {
    if (this.#over.signal.aborted || !this.#member.alive) return 0
    const kept = [...this.#lanes.held.values()].filter(({ draining }) => !draining)
    return kept.length / this.#options.lanes
  }

  get held(): ReadonlyMap<number, HeldLane> {
    return this.#lanes.held
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Received[]> {
    while (!this.#over.signal.aborted) {
      const news = this.#wake.promise
      const batch = this.#collect()
      if (batch.length > 0) {
        this.#fetcher.wake()
        yield batch
        await this.#options.clock.sleep(0) // a backlog must not keep the rest of the process waiting
      } else await news
    }
  }

  async settle(places: readonly Place[]): Promise<number> {
    const { topic, group, notify } = this.#options
    const settled = new Map<HeldLane, number>()
    let fenced = 0
    for (const { topic: of, lane, offset, epoch } of places) {
      const held = of === topic ? this.#lanes.held.get(lane) : undefined
      if (held?.epoch !== epoch) fenced += 1
      else if (held.progress.settle(offset)) settled.set(held, (settled.get(held) ?? 0) + 1)
    }
    let accepted = 0
    const commits = [...settled].map(async ([lane, count]) => {
      if (await this.#committer.commit(lane)) accepted += count
      else fenced += count
    })
    await Promise.all(commits)
    if (fenced > 0) notify('bus.fenced', { topic, group, count: fenced })
    return accepted
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over.signal.aborted) return
    this.#over.abort()
    this.#joined.resolve()
    this.#changed()
    this.#options.onClose(this)
    await this.#committer.close(this.#options.drainMs ?? DRAIN_MS)
    this.#lanes.close()
    await Promise.all([this.#member.close(), this.#fetcher.close(), this.#watching])
  }

  #collect(): Received[] {
    const limit = this.#options.batch ?? BATCH
    const batch: Received[] = []
    if (!this.#member.alive) return batch
    const lanes = [...this.#lanes.held.values()].filter(({ draining, hasRecords }) => !draining && hasRecords)
    this.#turn += 1
    let size = 0
    for (let at = 0; at < lanes.length && batch.length < limit && size < BATCH_SIZE; at += 1) {
      const lane = lanes[(at + this.#turn) % lanes.length]
      const room = Math.max(1, Math.ceil((limit - batch.length) / (lanes.length - at)))
      for (const record of lane?.take(room) ?? []) {
        size += record.value.length
        batch.push(record)
      }
    }
    return batch
  }

  #changed(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
    this.#committer.changed()
    this.#fetcher.wake()
  }

  #onCluster() {
    const { cluster, reader, topic, group, clock } = this.#options
    return { cluster, groupId: reader.groupId(topic, group), topic: reader.nameOf(topic), clock }
  }

  #makeMember(): GroupMember {
    const { sessionMs, heartbeatMs, topic, group, notify } = this.#options
    return new GroupMember({
      ...this.#onCluster(),
      sessionMs,
      heartbeatMs,
      claim: () => this.#lanes.claim(),
      onJoined: (membership, lanes) => {
        this.#lanes.assigned(membership, lanes)
        this.#joined.resolve()
        notify('bus.rebalanced', { topic, group, generation: membership.generation, lanes: lanes.length })
      },
      onExpelled: () => this.#lanes.expelled(),
      onBroken: (error) => {
        this.#joined.reject(error)
        void this.#restart(error.message)
      },
    })
  }

  #makeFetcher(): Fetcher {
    return new Fetcher({
      ...this.#onCluster(),
      lanes: () => this.#lanes.held,
      onRecords: () => {
        this.#toldUnreachable = false
        this.#changed()
      },
      onOutOfRange: (lane) => this.#skip(lane),
      onUnreachable: (thrown) => this.#tellUnreachable(thrown),
      onFailing: (lane, failure) => this.#tellFailing(lane, failure),
    })
  }

  async #skip(lane: HeldLane): Promise<void> {
    const { reader, topic } = this.#options
    const [starts, ends] = await Promise.all([reader.starts(topic), reader.ends(topic)])
    const [start = 0, end = 0] = [starts[lane.lane], ends[lane.lane]]
    if (lane.fetchNext < start) this.#lanes.restart(lane, start)
    else if (lane.fetchNext > end) this.#lanes.restart(lane, end)
  }

  /** Sees what no event tells: that this process was stopped for longer than the group waits, and that records do not come. */
  async #watch(): Promise<void> {
    const { clock, heartbeatMs } = this.#options
    const over = this.#over.signal
    while (!over.aborted) {
      await clock.sleep(heartbeatMs, over)
      if (over.aborted) return
      this.#member.check()
      if (await this.#stalled()) await this.#restart('Records wait and none arrive.')
    }
  }

  /** True when records wait on a lane that has room, and none has come for `stallMs`, though Kafka answers. */
  async #stalled(): Promise<boolean> {
    const { clock, stallMs, reader, topic } = this.#options
    if (clock.mono() - this.#fetcher.movedAt < stallMs) return false
    const ends = await reader.ends(topic).catch(() => undefined)
    if (ends === undefined) return false
    if (this.#lanes.membership === undefined) return true
    const waits = ({ lane, fetchNext }: HeldLane) => (ends[lane] ?? 0) > fetchNext
    if (this.#fetcher.hungry().some((held) => held.failures === 0 && waits(held))) return true
    this.#fetcher.movedAt = clock.mono()
    return false
  }

  /** New clients for everything; the lanes are lost, and come again from what is committed. */
  async #restart(detail: string): Promise<void> {
    const { topic, group, clock, notify } = this.#options
    if (this.#restarting || this.#over.signal.aborted) return
    this.#restarting = true
    notify('bus.stalled', { topic, group, detail })
    this.#lanes.expelled()
    const old = [this.#member.close(), this.#fetcher.close()]
    await Promise.race([Promise.all(old), clock.sleep(RETRY_MS)])
    this.#restarting = false
    if (this.#over.signal.aborted) return
    this.#fetcher = this.#makeFetcher()
    this.#member = this.#makeMember()
    this.#member.join()
  }

  /** Once for every time that something is wrong with a lane, and not where another broker has just come to lead it. */
  #tellFailing({ lane, failures }: HeldLane, failure: unknown): void {
    if (failures !== FAILURES_TOLD) return
    const { topic, notify } = this.#options
    notify('bus.lane_failed', { topic, lane, detail: toBusError(failure, 'Reading').message })
  }

  /** Once for every time that Kafka is away, not for every call that fails. */
  #tellUnreachable(thrown: unknown): void {
    if (this.#toldUnreachable || this.#over.signal.aborted) return
    this.#toldUnreachable = true
    const { topic, notify } = this.#options
    notify('bus.unreachable', { topic, detail: toBusError(thrown, 'Reading').message })
  }
}
