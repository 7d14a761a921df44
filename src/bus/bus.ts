/**
 * The bus: where records wait between stages. Three verbs, small enough for an embedded log, Kafka and Pub/Sub alike.
 *
 * Promised: a published record is durable before `publish` resolves; records with one key arrive in the order in which
 * they were published; every record arrives at least once in every group; what is settled durably does not come again.
 * Not promised: order between keys; that a record arrives only once; that an unsettled record comes again before the
 * subscription is closed or its lane moves. There is no nack: the subscriber who cannot finish a record keeps it.
 *
 * Where strangers can write to a topic, their record comes with an empty id and kind, its own headers (names in lower case,
 * texts), the time that it carries, and as its key and value what it has as UTF-8 text; a value that is none comes in base64,
 * with HEADER.encoding saying so. A record without a value has the empty text.
 */
import type { BusRecord, Place, Received } from '../core/record.ts'

export interface Bus extends AsyncDisposable {
  readonly features: Features
  /**
   * Resolves when every record is durable. Throws SluiceError `storage_full` or `too_many_files` (nothing was stored, try later) or
   * `storage_failed` (in doubt: it may or may not be there, and the process must stop).
   */
  publish(topic: string, records: readonly BusRecord[]): Promise<void>
  /** Joins the group. Lanes are shared among the members of a group, and every lane has one owner at a time. */
  subscribe(topic: string, group: string, options?: SubscribeOptions): Promise<Subscription>
  /** How far a group is. What this process has settled counts as it is in the moment of the call. */
  lag(topic: string, group: string): Promise<Lag>
  /** Looks at records without joining a group, in order of offset within each lane. Newest-first is not offered. */
  read(topic: string, range: ReadRange): Promise<readonly Received[]>
}

export interface Subscription extends AsyncDisposable, AsyncIterable<readonly Received[]> {
  /**
   * Which part of the topic's lanes is this member's at this moment, from 0 to 1. Over all members of a group it is never
   * more than 1, not even while lanes move or a member was stopped and does not know yet that it lost them: whoever
   * cannot be sure of a lane does not count it. What the group may do per second is shared by it.
   */
  readonly share: number
  /**
   * Says that these records are finished, in any order. Resolves, when durable, with how many were accepted: records of
   * a lane that was taken away since (an older epoch) are fenced and not counted.
   */
  settle(places: readonly Place[]): Promise<number>
}

export interface SubscribeOptions {
  /** The most records in one batch of the iterator. Default 1000. */
  readonly batch?: number
  /**
   * Called before lanes are taken away. The bus hands out nothing more of them and waits for the promise, at most
   * `drainMs`; then it fences them. Settle what is finished before resolving.
   */
  readonly onRevoke?: (lanes: readonly number[]) => Promise<void>
  /** The bound on draining, milliseconds. Default 5000. */
  readonly drainMs?: number
}

export interface ReadRange {
  /** Only this lane; else all lanes. */
  readonly lane?: number
  /** The first offset wanted. */
  readonly from: number
  readonly limit: number
}

export interface Lag {
  /** Records ever published to the topic. */
  readonly published: number
  /** Records that the group has not settled. */
  readonly unsettled: number
  /** When the oldest unsettled record was received, milliseconds since 1970; undefined when there is none. */
  readonly oldestAt: number | undefined
  /** The lowest unsettled offset of every lane that has one. */
  readonly positions: ReadonlyMap<number, number>
}

/** What an implementation can do, as data that the conformance suite reads. */
export interface Features {
  readonly name: string
  /** Published records and positions survive the process. */
  readonly persistent: boolean
  /** Lanes move between the members of a group within one process. */
  readonly rebalances: boolean
  /** Records settled above an unsettled one stay settled after a restart. */
  readonly keepsSettledAbove: boolean
  /** Other processes may be members of its groups, each with a ledger of its own. */
  readonly shared: boolean
}
