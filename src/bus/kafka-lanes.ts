/**
 * The lanes of one member: which it holds, which it must let go of, and which it is about to take over. What the group
 * decides comes in as `assigned` and `expelled`; what the holder sees is `onRevoke`, and lanes that can be read.
 */
import type { Clock } from '../core/clock.ts'
import type { Notify } from '../core/notices.ts'
import { within } from '../core/within.ts'
import type { Claim } from './kafka-assign.ts'
import { RETRY_MS } from './kafka-client.ts'
import { HeldLane } from './kafka-lane.ts'
import type { Membership } from './kafka-member.ts'
import type { KafkaReader } from './kafka-reader.ts'
import type { Saved } from './progress.ts'

export interface LanesOptions {
  readonly topic: string
  readonly group: string
  readonly reader: KafkaReader
  readonly clock: Clock
  readonly notify: Notify
  readonly drainMs: number
  readonly onRevoke: ((lanes: readonly number[]) => Promise<void>) | undefined
  /** Lanes came or went, or the membership is another. */
  readonly onChange: () => void
  /** Lanes that others wait for are let go of: the member must join again to say so. */
  readonly onReleased: () => void
}

export class Lanes {
  readonly #options: LanesOptions
  readonly #held = new Map<number, HeldLane>()
  /** What the group says is this member's, and since which generation without a break. */
  #assigned: ReadonlyMap<number, number> = new Map()
  /** What it said that it holds when it last joined. */
  #claimed: readonly number[] = []
  #membership: Membership | undefined
  #lastGeneration = -1
  /** Revocations that the holder has not finished: its hands are still on the records, so the lane is not given to it again. */
  readonly #handovers = new Map<number, Promise<void>>()
  readonly #closed = new AbortController()

  constructor(options: LanesOptions) {
    this.#options = options
  }

  get membership(): Membership | undefined {
    return this.#membership
  }

  /** All that are held, those included that are being drained. */
  get held(): ReadonlyMap<number, HeldLane> {
    return this.#held
  }

  /** What the others must not be given: it is held, or about to be. */
  claim(): Claim {
    this.#claimed = [...new Set([...this.#held.keys(), ...this.#assigned.keys()])]
    return { generation: this.#lastGeneration, lanes: this.#claimed }
  }

  /**
   * Lanes are kept when this member was in the generation before as well: then nobody else can have held them. Else all are
   * lost, however the assignment looks.
   */
  assigned(membership: Membership, lanes: readonly number[]): void {
    const before = this.#membership
    if (before?.generation === membership.generation && before.memberId === membership.memberId) return
    const follows =
      before?.memberId === membership.memberId && before.generation + 1 === membership.generation
    if (before !== undefined && !follows) this.expelled()
    this.#membership = membership
    this.#lastGeneration = membership.generation
    const { generation } = membership
    this.#assigned = new Map(lanes.map((lane) => [lane, this.#assigned.get(lane) ?? generation]))
    const leaving = [...this.#held.values()].filter(
      ({ lane, draining }) => !draining && !this.#assigned.has(lane),
    )
    if (leaving.length > 0) void this.#drain(leaving)
    void this.#gain(lanes.filter((lane) => !this.#held.has(lane)))
    this.#options.onChange()
    // Withheld from all for the sake of this member, which does not hold it any more, or never came to.
    const isFree = (lane: number) => !this.#assigned.has(lane) && !this.#held.has(lane)
    if (this.#claimed.some(isFree)) void Promise.resolve().then(this.#options.onReleased)
  }

  /** The group goes on without this member: what it holds is fenced at once, and then handed over without its leave. */
  expelled(): void {
    const lanes = [...this.#held.values()]
    for (const lane of lanes) this.#fence(lane)
    this.#membership = undefined
    this.#assigned = new Map()
    this.#revoke(lanes.map(({ lane }) => lane))
    this.#options.onChange()
  }

  close(): void {
    this.#closed.abort()
    for (const lane of [...this.#held.values()]) this.#fence(lane)
    this.#membership = undefined
    this.#assigned = new Map()
  }

  /** Takes a lane up elsewhere than where the group is: the log has nothing there any more. */
  restart(lane: HeldLane, position: number): void {
    const { topic, notify } = this.#options
    const from = lane.fetchNext
    notify('bus.skipped', { topic, lane: lane.lane, from, to: position, count: Math.max(0, position - from) })
    if (position > from) lane.skipTo(position)
    else this.#hold(lane.lane, { position, above: [] })
    this.#options.onChange()
  }

  async #drain(lanes: readonly HeldLane[]): Promise<void> {
    const { clock, drainMs, onChange, onReleased } = this.#options
    for (const lane of lanes) lane.draining = true
    const numbers = lanes.map(({ lane }) => lane)
    await within(clock, drainMs, this.#revoke(numbers))
    const left = lanes.filter((lane) => this.#held.get(lane.lane) === lane)
    for (const lane of left) this.#fence(lane)
    if (this.#membership === undefined || left.length === 0) return
    onChange()
    void this.#gain(numbers.filter((lane) => this.#assigned.has(lane))) // given back while it was drained
    if (left.some(({ lane }) => !this.#assigned.has(lane))) onReleased()
  }

  /** Asks the holder to let go. Its answer is remembered: until then it gets nothing of these lanes. */
  #revoke(lanes: readonly number[]): Promise<void> {
    const { onRevoke } = this.#options
    if (lanes.length === 0 || onRevoke === undefined) return Promise.resolve()
    const before = lanes.map((lane) => this.#handovers.get(lane))
    const handedOver = Promise.all(before)
      .then(() => onRevoke(lanes))
      .catch(() => {}) // who fails to drain loses the lanes all the same
    for (const lane of lanes) this.#handovers.set(lane, handedOver)
    return handedOver
  }

  #fence(lane: HeldLane): void {
    lane.fenced = true
    this.#held.delete(lane.lane)
  }

  /** Reads how far the group is, after every earlier owner can no longer commit, and begins there. */
  async #gain(lanes: readonly number[]): Promise<void> {
    const { clock, onChange } = this.#options
    if (lanes.length === 0) return
    const before = this.#assigned
    await Promise.all(lanes.map((lane) => this.#handovers.get(lane)))
    // What was read before a break says nothing after it: others may have held the lane meanwhile.
    const isStill = (lane: number) =>
      before.has(lane) && this.#assigned.get(lane) === before.get(lane) && !this.#held.has(lane)
    while (!this.#closed.signal.aborted && lanes.some(isStill)) {
      const positions = await this.#positions().catch(() => undefined)
      if (positions) for (const lane of lanes.filter(isStill)) this.#hold(lane, positions(lane))
      else await clock.sleep(RETRY_MS, this.#closed.signal) // Kafka does not answer: nothing can be read either
    }
    onChange()
  }

  /** Where each lane begins: what was committed, else the first record that is there. */
  async #positions(): Promise<(lane: number) => Saved> {
    const { reader, topic, group, notify } = this.#options
    const [committed, starts] = await Promise.all([reader.committed(topic, group), reader.starts(topic)])
    return (lane) => {
      const start = starts[lane] ?? 0
      const saved = committed.get(lane)
      if (saved === undefined) return { position: start, above: [] }
      if (saved.position >= start) return saved
      const { position: from } = saved
      notify('bus.skipped', { topic, lane, from, to: start, count: start - from })
      return { position: start, above: saved.above.filter((range) => range.from > start) }
    }
  }

  #hold(lane: number, saved: Saved): void {
    const earlier = this.#held.get(lane)
    if (earlier) this.#fence(earlier)
    const { topic } = this.#options
    this.#held.set(lane, new HeldLane({ topic, lane, epoch: this.#lastGeneration, saved }))
  }
}
