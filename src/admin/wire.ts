/** The documents of the admin API, for both of its ends. Instants are milliseconds since 1970, as in the contracts. */
import type { Attempt, Outcome, Refusal } from '../core/outcome.ts'
import type { Headers } from '../core/record.ts'
import type { DeadGroup, DeadLetter } from '../ledger/ledger.ts'

export type TraceState = 'pending' | 'replaying' | 'dropped' | Outcome

/** GET /admin/v1/operations/:id: the life of one operation. */
export interface Trace {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly state: TraceState
  readonly headers: Headers
  readonly receivedAt: number
  readonly endedAt?: number
  readonly topic: string
  readonly lane: number
  readonly offset: number
  /** Of a pending operation, those of this process; the ledger has them once there is an outcome. */
  readonly attempts: readonly Attempt[]
  readonly outcome?: Outcome
  /** For `coalesced`: the operation that carried its values. */
  readonly into?: string
  readonly refusal?: Refusal
  /** How often it was put through again after it was dead. */
  readonly replays?: number
  /** Its JSON text; left out when the log no longer holds it. */
  readonly value?: string
}

/** GET /admin/v1/dead-letters. */
export interface LetterPage {
  readonly data: readonly DeadLetter[]
  readonly next_cursor: string | null
}

/** GET /admin/v1/dead-letters/groups. */
export interface GroupList {
  readonly data: readonly DeadGroup[]
}

/** POST /admin/v1/dead-letters/replay and /drop. With `dry_run` it is what would be done. */
export interface Done {
  readonly count: number
  /** The first hundred. */
  readonly ids: readonly string[]
  readonly dry_run: boolean
}

/** GET /admin/v1/bus. */
export interface BusReport {
  /** `sqlite` or `kafka`. */
  readonly bus: string
  readonly topics: readonly TopicInfo[]
  readonly groups: readonly GroupLag[]
}

/** A topic as it is. What the embedded log has no notion of is left out. */
export interface TopicInfo {
  /** On Kafka with the prefix. */
  readonly topic: string
  readonly lanes: number
  /** Copies of each partition, how many of them are in sync at the least, and how many must be to take records. */
  readonly replicas?: number
  readonly in_sync?: number
  readonly min_in_sync?: number
  /** Null: for ever. */
  readonly retention_s?: number | null
  readonly compacted?: boolean
}

/** How far a group is. */
export interface GroupLag {
  readonly topic: string
  readonly group: string
  readonly published: number
  readonly unsettled: number
  /** RFC 3339; null when nothing waits. */
  readonly oldest_at: string | null
  /** The lowest unsettled offset of every lane that has one. */
  readonly positions: Readonly<Record<string, number>>
}
