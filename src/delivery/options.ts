/** What the delivery stage is given, and what it tells of itself. */
import type { Bus } from '../bus/bus.ts'
import type { Clock, Random } from '../core/clock.ts'
import type { Feed } from '../core/feed.ts'
import type { Notify } from '../core/notices.ts'
import type { Attempt } from '../core/outcome.ts'
import type { Received } from '../core/record.ts'
import type { Remote } from '../customerio/http.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Policies } from '../preflight/rules.ts'
import type { PaceState } from './pace.ts'

export interface DeliveryOptions {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly remote: Remote
  readonly clock: Clock
  readonly random: Random
  readonly notify: Notify
  readonly feed: Feed
  /** What is done about operations that aged while they waited. */
  readonly policies: Policies
  /** Calls a second and calls at once, at the most. */
  readonly ceiling: number
  readonly concurrency: number
  /** How long a batch that is not full waits for company, milliseconds. */
  readonly lingerMs: number
  /** How long calls under way may take when a stop is asked for, milliseconds. */
  readonly drainMs: number
  readonly sizes?: Partial<Sizes>
  readonly onFatal: (error: unknown) => void
  /** Makes operations of what strangers wrote to the topic of operations itself. Pure. */
  readonly adopt?: (record: Received) => Received
  /** The name of this ledger, where other processes with ledgers of their own share the bus. */
  readonly node?: string | undefined
}

/** The most that is held of the backlog, and the most that one batch takes. A simulation makes them tiny. */
export interface Sizes {
  readonly windowOps: number
  readonly batchItems: number
}

export interface DeliveryState extends PaceState {
  /** Operations held in memory, those in flight included. */
  readonly held: number
  /** Operations that the ledger counts and the bus does not yet. */
  readonly recorded: number
  readonly lastAttempt: Attempt | undefined
}
