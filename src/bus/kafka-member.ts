/** One member of a consumer group: joins, stays with its heartbeats, joins again when asked, and says what became of it. */
import { Consumer, type GroupPartitionsAssigner } from '@platformatic/kafka'
import type { Clock } from '../core/clock.ts'
import { within } from '../core/within.ts'
import { assign, type Claim, decodeClaim, encodeClaim } from './kafka-assign.ts'
import { clientOptions, type KafkaCluster, toBusError } from './kafka-client.ts'

/** What a commit is pinned to. */
export interface Membership {
  readonly generation: number
  readonly memberId: string
}

export interface MemberOptions {
  readonly cluster: KafkaCluster
  readonly groupId: string
  /** With the prefix. */
  readonly topic: string
  /** A member that is silent for so long has left, milliseconds. */
  readonly sessionMs: number
  readonly heartbeatMs: number
  readonly clock: Clock
  /** What this member holds; asked before every join. */
  readonly claim: () => Claim
  /** It is a member with these lanes. The client may say so twice of one generation. */
  readonly onJoined: (membership: Membership, lanes: readonly number[]) => void
  /** It is none any more: the group went on without it. */
  readonly onExpelled: () => void
  /** It will not recover by itself. */
  readonly onBroken: (error: Error) => void
}

/** How long leaving may take; the group misses a member that could not say so after its session. */
const LEAVE_MS = 2_000

export class GroupMember {
  readonly #options: MemberOptions
  readonly #consumer: Consumer
  #heartbeatAt: number
  /** Until when the group cannot have given the lanes to another, on this machine's clock; renewed by what the broker answers. */
  #aliveAt: number
  #joined = false
  /** A join is under way: one asked for meanwhile would be answered by it, without what has changed since it was sent. */
  #joining = false
  #again = false
  #closed = false

  constructor(options: MemberOptions) {
    this.#options = options
    this.#heartbeatAt = options.clock.mono()
    this.#aliveAt = this.#heartbeatAt
    this.#consumer = this.#makeConsumer()
    this.#consumer.topics.track(options.topic)
    this.#listen()
  }

  /** False when the broker may have given up on this process, as after it was stopped for a while. */
  get alive(): boolean {
    return !this.#joined || this.#options.clock.mono() - this.#aliveAt < this.#options.sessionMs
  }

  /** Gives the lanes up by itself when the group may have, and joins again; a restarted broker would not ask for it. */
  check(): void {
    if (this.alive) return
    this.#expel()
    this.join()
  }

  /** Joins, or joins again so that the others see what it holds now. Failures are told to `onBroken`. */
  join(): void {
    this.#again = this.#joining
    if (this.#closed || this.#joining) return
    this.#joining = true
    this.#consumer.joinGroup({}).catch((thrown: unknown) => this.#break(thrown))
  }

  /**
   * Leaves the group, so that its lanes move at once. Not by closing alone: a join under way would go on, and then beat for
   * ever on a closed client.
   */
  async close(): Promise<void> {
    this.#closed = true
    await within(this.#options.clock, LEAVE_MS, this.#leave())
    await this.#consumer.close(true).catch(() => {})
  }

  async #leave(): Promise<void> {
    try {
      await this.#consumer.leaveGroup(true)
    } catch {} // then the group waits for the end of the session
  }

  #makeConsumer(): Consumer {
    const { cluster, groupId, sessionMs, heartbeatMs } = this.#options
    return new Consumer({
      ...clientOptions(cluster, true),
      groupId,
      sessionTimeout: sessionMs,
      rebalanceTimeout: sessionMs,
      heartbeatInterval: heartbeatMs,
      autocommit: false,
      protocols: [{ name: 'sluice', version: 1 }],
      protocolsMetadata: async () => this.#prepare(),
      partitionAssigner: assigner(this.#options.topic),
    })
  }

  /** Awaited by the client before every join. Without a member id the group has expelled this one, or it never was in. */
  #prepare(): Buffer {
    const { claim, clock } = this.#options
    this.#joining = true
    if (this.#consumer.memberId === null || !this.alive) this.#expel()
    this.#aliveAt = clock.mono() // who waits for the others to join is not given up on meanwhile
    return encodeClaim(claim())
  }

  #expel(): void {
    if (!this.#joined) return
    this.#joined = false
    this.#options.onExpelled()
  }

  #listen(): void {
    const { clock, onJoined } = this.#options
    this.#consumer.on('consumer:heartbeat:start', () => {
      this.#heartbeatAt = clock.mono()
    })
    this.#consumer.on('consumer:heartbeat:end', () => {
      this.#aliveAt = this.#heartbeatAt
    })
    this.#consumer.on('consumer:group:join', ({ generationId, memberId, assignments }) => {
      if (this.#closed) return
      this.#joined = true
      this.#aliveAt = clock.mono()
      const lanes = (assignments ?? []).flatMap(({ partitions }) => partitions)
      this.#joining = false
      onJoined({ generation: generationId ?? -1, memberId }, lanes)
      if (this.#again) this.join()
    })
    this.#consumer.on('consumer:heartbeat:stalled', () =>
      this.#break(new Error('Heartbeats are not answered.')),
    )
    // The client emits this when it cannot join again; without a listener it would end the process.
    this.#consumer.on('error' as 'consumer:lag:error', (error) => this.#break(error))
  }

  #break(thrown: unknown): void {
    if (!this.#closed) this.#options.onBroken(toBusError(thrown, `The group ${this.#options.groupId}`))
  }
}

/** The client asks it of the leader alone, and never when there is one member: that one gets all. */
const assigner =
  (topic: string): GroupPartitionsAssigner =>
  (_, members, __, metadata) => {
    const claims = new Map([...members].map(([id, { metadata: said }]) => [id, decodeClaim(bytesOf(said))]))
    const lanes = metadata.topics.get(topic)?.partitionsCount ?? 0
    return [...assign(claims, lanes)].map(([memberId, partitions]) => ({
      memberId,
      assignments: new Map([[topic, { topic, partitions }]]),
    }))
  }

const bytesOf = (said: Buffer | string | undefined): Uint8Array | undefined =>
  typeof said === 'string' ? Buffer.from(said) : said
