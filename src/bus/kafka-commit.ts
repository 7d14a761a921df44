/**
 * Commits: how far the lanes of this process are, made durable on the cluster. Each names the generation and the member id
 * under which the lanes are held, so that the broker refuses what comes too late; the client's own `commit` would join
 * again and repeat it under the new generation, and rewind whoever holds the lane by then.
 */
import { Consumer, offsetCommitV9 } from '@platformatic/kafka'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { within } from '../core/within.ts'
import { clientOptions, isFenced, type KafkaCluster, RETRY_MS } from './kafka-client.ts'
import type { HeldLane } from './kafka-lane.ts'
import type { Membership } from './kafka-member.ts'
import { encodePosition, MOST_GAPS } from './kafka-position.ts'

export interface CommitterOptions {
  readonly cluster: KafkaCluster
  readonly groupId: string
  /** With the prefix. */
  readonly topic: string
  readonly clock: Clock
  /** Undefined while this process is not a member. */
  readonly membership: () => Membership | undefined
  readonly onUnreachable: (thrown: unknown) => void
}

export class Committer {
  readonly #options: CommitterOptions
  /** Lanes whose last commit was not taken. */
  readonly #lost = new WeakSet<HeldLane>()
  #waiting = new Set<HeldLane>()
  #next: Promise<void> | undefined
  #current: Promise<void> = Promise.resolve()
  #client: Consumer | undefined
  #changed = new AbortController()
  readonly #closed = new AbortController()

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /** Resolves with true when all that is settled of the lane by now is durable, with false when the lane is lost. */
  async commit(lane: HeldLane): Promise<boolean> {
    if (lane.fenced) return false
    this.#waiting.add(lane)
    await this.#nextRound()
    return !this.#lost.has(lane)
  }

  /** The membership is another, or a lane was fenced: what waits may go on, or need not any more. */
  changed(): void {
    this.#changed.abort()
    this.#changed = new AbortController()
  }

  /** Waits for what is asked for, at most so long; what is not durable by then is lost to the next owner. */
  async close(boundMs: number): Promise<void> {
    const idle = this.#current.then(() => this.#next)
    await within(this.#options.clock, boundMs, idle)
    this.#closed.abort()
    this.changed()
    await this.#drop()
  }

  /** The round after the one that works now: it takes all that waits by then. */
  #nextRound(): Promise<void> {
    this.#next ??= this.#current.then(() => {
      this.#next = undefined
      this.#current = this.#commitWaiting()
      return this.#current
    })
    return this.#next
  }

  async #commitWaiting(): Promise<void> {
    const lanes = [...this.#waiting]
    this.#waiting = new Set()
    while (!(await this.#tryToCommit(lanes))) await this.#pause()
  }

  /** True when there is nothing left to do: committed, or lost. */
  async #tryToCommit(lanes: readonly HeldLane[]): Promise<boolean> {
    const held = lanes.filter((lane) => !lane.fenced)
    for (const lane of lanes) if (lane.fenced || this.#closed.signal.aborted) this.#lost.add(lane)
    if (held.length === 0 || this.#closed.signal.aborted) return true
    const membership = this.#options.membership()
    if (membership === undefined) return false
    try {
      await this.#send(held, membership)
      return true
    } catch (thrown) {
      if (!isFenced(thrown)) {
        await this.#drop() // it may hold on to a coordinator that is none any more
        this.#options.onUnreachable(thrown)
      }
      return false
    }
  }

  async #send(lanes: readonly HeldLane[], { generation, memberId }: Membership): Promise<void> {
    const { groupId, topic } = this.#options
    const partitions = lanes.map(({ lane, progress }) => {
      const { offset, metadata } = encodePosition(progress.saved(MOST_GAPS))
      return {
        partitionIndex: lane,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: metadata,
      }
    })
    const client = this.#open()
    const coordinator = await client.findGroupCoordinator()
    const connection = (await client.connectToBrokers([coordinator])).get(coordinator)
    if (connection === undefined) throw new SluiceError('bus_unavailable', 'The coordinator is not known.')
    await offsetCommitV9.api.async(connection, groupId, generation, memberId, null, [
      { name: topic, partitions },
    ])
  }

  /** A connection of its own: behind a join or a long fetch a commit would wait for seconds. */
  #open(): Consumer {
    const { cluster, groupId } = this.#options
    this.#client ??= new Consumer({ ...clientOptions(cluster, 0), groupId })
    return this.#client
  }

  async #drop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.close(true).catch(() => {})
  }

  #pause(): Promise<void> {
    return this.#options.clock.sleep(RETRY_MS, this.#changed.signal)
  }
}
