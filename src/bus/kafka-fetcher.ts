/** Keeps the held lanes supplied: one request is under way to every broker that leads a lane with room for more. */
import { Base, ProtocolError } from '@platformatic/kafka'
import type { Clock } from '../core/clock.ts'
import { Wakeup } from '../core/wakeup.ts'
import { RecordCalls } from './kafka-calls.ts'
import { clientOptions, type KafkaCluster, RETRY_MS } from './kafka-client.ts'
import { byNode, fetchFrom, targetOf } from './kafka-fetch.ts'
import type { HeldLane } from './kafka-lane.ts'

export interface FetcherOptions {
  readonly cluster: KafkaCluster
  /** With the prefix. */
  readonly topic: string
  readonly clock: Clock
  readonly lanes: () => ReadonlyMap<number, HeldLane>
  /** Records came. */
  readonly onRecords: () => void
  /** Nothing will ever come from where this lane wants to read. */
  readonly onOutOfRange: (lane: HeldLane) => Promise<void>
  readonly onUnreachable: (thrown: unknown) => void
  /** Something is wrong with this lane alone. */
  readonly onFailing: (lane: HeldLane, failure: unknown) => void
}

/** What may wait to be handed out, over all lanes: memory is about twice that, since a fetch adds to what is there. */
const MAX_BUFFERED = 16 * 1024 * 1024
const MAX_LANE = 1024 * 1024
const MIN_LANE = 64 * 1024
/** How long a broker holds a request that it cannot answer yet; also how late a new lane is read for the first time. */
const WAIT_MS = 250
/** When lanes are left out as they are full, they will soon have room: an idle lane must not keep them waiting. */
const SHORT_WAIT_MS = 5
const IDLE_MS = 1_000

export class Fetcher {
  readonly #options: FetcherOptions
  readonly #client: Base
  readonly #calls: RecordCalls
  readonly #flights = new Map<number, Promise<void>>()
  readonly #bell = new Wakeup()
  readonly #closed = new AbortController()
  readonly #running: Promise<void>
  #stale = false
  /** When a fetch last brought records, or there was nothing to fetch for; monotonic milliseconds. */
  movedAt: number

  constructor(options: FetcherOptions) {
    this.#options = options
    this.movedAt = options.clock.mono()
    // A client of its own: in the connections of the member, a fetch that waits would hold up the heartbeats. No tries of
    // its own either: every failure is seen here.
    this.#client = new Base(clientOptions(options.cluster, 0))
    this.#calls = new RecordCalls(this.#client)
    this.#running = this.#run()
  }

  /** There are other lanes, or one has room again. */
  wake(): void {
    this.#bell.ring()
  }

  get laneBytes(): number {
    const lanes = Math.max(1, this.#options.lanes().size)
    return Math.min(MAX_LANE, Math.max(MIN_LANE, Math.floor(MAX_BUFFERED / lanes)))
  }

  /** Lanes that have room for more. */
  hungry(): HeldLane[] {
    const limit = this.laneBytes
    const now = this.#options.clock.mono()
    return [...this.#options.lanes().values()].filter(
      ({ draining, bytes, restsUntil }) => !draining && bytes < limit && restsUntil <= now,
    )
  }

  get #someAreFull(): boolean {
    const limit = this.laneBytes
    return [...this.#options.lanes().values()].some(({ bytes }) => bytes >= limit)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#client.close().catch(() => {})
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const over = this.#closed.signal
    while (!over.aborted) {
      try {
        await this.#launch()
      } catch (thrown) {
        await this.#recover(thrown)
      }
      await this.#bell.wait(clock, IDLE_MS, over)
    }
    await Promise.all(this.#flights.values())
  }

  /** Starts a request to every broker that has none under way and leads a hungry lane. */
  async #launch(): Promise<void> {
    const hungry = this.hungry()
    if (hungry.length === 0) {
      this.movedAt = this.#options.clock.mono()
      return
    }
    const target = await targetOf(this.#client, this.#options.topic, this.#stale)
    this.#stale = false
    // The emptiest first: whatever its size, a broker gives the first batch of the first lane that has one, and of no other,
    // which none that fails may take from the others.
    hungry.sort((a, b) => a.failures - b.failures || a.bytes - b.bytes)
    const wants = hungry.map((held) => ({ held, lane: held.lane, offset: held.fetchNext }))
    const limits = {
      waitMs: this.#someAreFull ? SHORT_WAIT_MS : WAIT_MS,
      laneBytes: this.laneBytes,
      maxBytes: MAX_BUFFERED,
    }
    for (const [node, mine] of byNode(wants, target)) {
      if (this.#flights.has(node)) continue
      const lanes = new Map(wants.map(({ lane, held }) => [lane, held]))
      const flight = fetchFrom(this.#calls, node, { target, wants: mine, limits })
        .then((answer) => this.#land(answer, lanes))
        .catch((thrown) => this.#recover(thrown))
        .finally(() => {
          this.#flights.delete(node)
          this.#bell.ring()
        })
      this.#flights.set(node, flight)
    }
  }

  /** An answer counts for the lane that asked, if it is still held and has not moved on: all else is late, and dropped. */
  async #land(
    answer: Awaited<ReturnType<typeof fetchFrom>>,
    asked: ReadonlyMap<number, HeldLane>,
  ): Promise<void> {
    let brought = false
    for (const { lane, from, batches, outOfRange, failure } of answer) {
      const held = asked.get(lane)
      if (!held || held.fenced || held.fetchNext !== from) continue
      if (failure !== undefined) {
        this.#rest(held, failure)
        continue
      }
      held.failures = 0
      if (outOfRange) await this.#options.onOutOfRange(held)
      held.add(batches)
      brought ||= held.fetchNext !== from
    }
    if (!brought) return
    this.movedAt = this.#options.clock.mono()
    this.#options.onRecords()
  }

  /** The others go on, at their own pace. An error of the protocol may mean that another broker leads this one now. */
  #rest(held: HeldLane, failure: unknown): void {
    held.failures += 1
    held.restsUntil = this.#options.clock.mono() + RETRY_MS
    if (failure instanceof ProtocolError) this.#stale = true
    this.#options.onFailing(held, failure)
  }

  async #recover(thrown: unknown): Promise<void> {
    if (this.#closed.signal.aborted) return
    this.#stale = true
    this.#options.onUnreachable(thrown)
    await this.#options.clock.sleep(RETRY_MS, this.#closed.signal)
    this.#bell.ring()
  }
}
