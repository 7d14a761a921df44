/** A group of one topic: how far it is in every lane, and under which epoch each lane is handed out now. */
import type { Place } from '../core/record.ts'
import type { Log } from './log.ts'
import { Progress, type Saved } from './progress.ts'
import { type Member, Sharing } from './sharing.ts'
import { endOf } from './stretch.ts'

interface Lane {
  progress: Progress
  epoch: number
}

export interface Verdict {
  readonly accepted: number
  /** Places of an epoch that has ended. */
  readonly fenced: number
}

/**
 * The most ranges settled above the position that are stored of a lane: 10 bytes each, so 160 KB with every commit for 16
 * lanes. A lane has more when very much was settled around people with long queues; that comes again after a restart.
 */
const MOST_ABOVE = 1_000

/** It is not known how many are settled: some of them were not stored. */
const UNKNOWN = -1

export interface GroupState {
  readonly name: string
  /** One per lane. */
  readonly lanes: readonly Saved[]
  /** How many offsets below the head are not unsettled: settled, removed before the group began, or lost. -1: to be counted. */
  readonly done: number
}

export class Group {
  readonly name: string
  readonly lanes: readonly Lane[]
  readonly sharing: Sharing<Member>
  #done: number
  /** What was settled is not durable yet. */
  dirty = false

  constructor(state: GroupState) {
    this.name = state.name
    this.lanes = state.lanes.map((saved) => ({ progress: new Progress(saved), epoch: 1 }))
    this.sharing = new Sharing(this.lanes.length, (lane) => this.#fence(lane))
    this.#done = state.done
  }

  get done(): number {
    return this.#done
  }

  get isCounted(): boolean {
    return this.#done !== UNKNOWN
  }

  /** Every record below this offset is settled. */
  get floor(): number {
    return Math.min(...this.lanes.map(({ progress }) => progress.position))
  }

  settle(places: readonly Place[]): Verdict {
    let accepted = 0
    let fenced = 0
    for (const { lane, offset, epoch } of places) {
      const held = this.lanes[lane]
      if (held?.epoch !== epoch) fenced += 1
      else if (held.progress.settle(offset)) accepted += 1
    }
    this.#done += accepted
    this.dirty ||= accepted > 0
    return { accepted, fenced }
  }

  /**
   * Counts anew what is unsettled, by reading from the floor to the head. After a loss nothing less will do: of an offset
   * whose record is gone, the lane is gone too, and with it whether it was settled. Nor after a stop with more settled
   * around people with long queues than is stored.
   */
  recount(log: Log): void {
    const lanes = this.lanes.map(({ progress }) => new Progress(progress.saved()))
    let unsettled = 0
    for (let next = log.stretchAt(this.floor); next; next = log.stretchAt(endOf(next)))
      for (const [index, lane] of next.lanes.entries()) {
        const offset = next.first + index
        if (lanes[lane]?.take(offset) && lanes[lane].settle(offset)) unsettled += 1
      }
    this.#done = log.head - unsettled
    this.dirty = true
  }

  state(): GroupState {
    const lanes = this.lanes.map(({ progress }) => progress.saved(MOST_ABOVE))
    return { name: this.name, lanes, done: lanes.some(({ cut }) => cut) ? UNKNOWN : this.#done }
  }

  /** The next owner starts from what is settled; what the last one still holds comes again under a new epoch. */
  #fence(number: number): void {
    const lane = this.lanes[number]
    if (lane === undefined) return
    lane.epoch += 1
    lane.progress = new Progress(lane.progress.saved())
  }
}
