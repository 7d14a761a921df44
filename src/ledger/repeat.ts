/** What it means that an operation which has ended is recorded again. Pure: every implementation asks here. */
import { TOPICS } from '../core/record.ts'
import type { LetterState } from './ledger.ts'

/** What is known of an operation that ended before. */
export interface Ended {
  readonly topic: string
  readonly lane: number
  readonly offset: number
  /** How often a replay of it has ended. */
  readonly replays: number
  /** Of its dead letter, if it has one. */
  readonly state: LetterState | null
}

export type Place = Pick<Ended, 'topic' | 'lane' | 'offset'>

/**
 * - `replayed`: the awaited end of a replay, which takes the place of the old outcome.
 * - `same`: told before; nothing changes.
 * - `duplicate`: one more record of a settled operation, to be counted once for its place.
 *
 * A replay that has ended may come again from the replay topic at two offsets: letters in `replaying` are published
 * again after a crash, whether or not the first publication got through. Neither record was accepted from outside, so
 * counting one as a duplicate would make the conservation figure (P2) wrong by one for good: it is `same`.
 */
export function meaningOf(place: Place, ended: Ended): 'replayed' | 'same' | 'duplicate' {
  if (place.topic === TOPICS.replay) {
    if (ended.state === 'replaying') return 'replayed'
    if (ended.replays > 0) return 'same'
  }
  const known = place.topic === ended.topic && place.lane === ended.lane && place.offset === ended.offset
  return known ? 'same' : 'duplicate'
}
