/**
 * The ledger: how every operation ended, after how many attempts, and what a client has said before.
 * It answers "where is my event?", keeps the dead letters, and holds one side of the conservation figure (P2).
 */
import type { End, Ends } from '../core/ends.ts'
import type { Refusal } from '../core/outcome.ts'

export interface Ledger extends AsyncDisposable {
  /**
   * Writes how operations ended, durably. Idempotent: the same operation at the same offset is counted once however
   * often it is recorded; the same id at another offset counts as a duplicate and changes nothing else. An operation
   * that was being replayed takes the new outcome, and a replay that comes a second time (a crash can publish one twice)
   * changes nothing. In the order given: of two recordings of one operation the first is its end. `onCounted` is called in the
   * same moment in which `counts` tells of them.
   */
  record(ended: readonly (Entry | Ends)[], onCounted?: () => void): Promise<void>
  find(id: string): Promise<Entry | undefined>
  /** Which of these were recorded at these very places, as an end or as a duplicate of one. */
  recorded<T extends Occurrence>(of: readonly T[]): Promise<ReadonlySet<T>>
  /** Of each lane of the topic in which anything was recorded, the highest offset of it, or one above; `trim` leaves it. */
  reached(topic: string): Promise<ReadonlyMap<number, number>>
  /** Newest first. */
  recent(limit: number): Promise<readonly Entry[]>
  counts(): Promise<Counts>
  /** Which of these client ids were accepted before, with the operation id each received then. */
  seen(source: string, clientIds: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Remembers accepted client ids until `trim` forgets them. */
  remember(source: string, accepted: ReadonlyMap<string, string>, at: number): Promise<void>
  readonly dead: DeadLetters
  /** Forgets settled operations and client ids from before `at`; dead letters stay. Returns how many went. */
  trim(at: number): Promise<number>
}

/** One operation's end, as it is kept. */
export interface Entry extends End {
  /** The operation's value. Given with `dead`, which is kept whole; else left out. */
  readonly value?: string
}

/** One meeting with an operation: the same one may lie at several places. */
export type Occurrence = Pick<Entry, 'id' | 'topic' | 'lane' | 'offset'>

export interface Counts {
  readonly delivered: number
  readonly coalesced: number
  readonly suppressed: number
  /** Dead letters that wait for a decision, and those dropped: an operation dropped by a person stays dead. */
  readonly dead: number
  /** Dead letters that are on their way again. */
  readonly replaying: number
  readonly duplicate: number
}

export interface DeadLetters {
  list(query: DeadQuery): Promise<readonly DeadLetter[]>
  find(id: string): Promise<DeadLetter | undefined>
  /** How many wait. Counts none of them: it is asked for once a second. */
  waiting(): Promise<number>
  /** Those that wait, grouped by refusal code, kind and reason. Looks at each of them. */
  groups(): Promise<readonly DeadGroup[]>
  /**
   * All that are selected, in the order of the log: in it the letters of one person are put through again (promise P3). Ids alone,
   * since there may be more letters than fit in memory with what they say.
   */
  ids(selection: DeadSelection): Promise<readonly string[]>
  /**
   * Moves waiting letters to `replaying`, durably, before they are published again. Returns those that were waiting, in the
   * order of the log.
   */
  startReplay(ids: readonly string[]): Promise<readonly DeadLetter[]>
  /** Gives waiting letters up for good. Returns how many were waiting. */
  drop(ids: readonly string[]): Promise<number>
}

export const LETTER_STATES = ['waiting', 'replaying', 'dropped'] as const
export type LetterState = (typeof LETTER_STATES)[number]

export interface DeadLetter extends Entry {
  readonly state: LetterState
  readonly value: string
  readonly refusal: Refusal
  /** How often it was put through again. */
  readonly replays: number
}

/** What letters have in common; all of them where nothing is set. */
export interface DeadSelection {
  readonly ids?: readonly string[]
  readonly state?: LetterState
  readonly code?: string
  readonly kind?: string
  /** Of any of these people. */
  readonly keys?: readonly string[]
  /** Ended at or after, milliseconds since 1970. */
  readonly since?: number
  /** Of this group (see `groups`). */
  readonly group?: string
  /** So many replays of it have ended. */
  readonly replays?: number
}

export interface DeadQuery extends DeadSelection {
  readonly limit: number
  /** The `id` of the last letter of the page before. */
  readonly after?: string
}

export interface DeadGroup {
  readonly group: string
  readonly code: string
  readonly kind: string
  readonly reason: string
  readonly count: number
  readonly people: number
  readonly firstAt: number
  readonly lastAt: number
}
