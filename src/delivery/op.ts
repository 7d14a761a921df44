/** An operation on its way: the record, and what delivery has learnt about it. */
import { byteLength } from '../core/json.ts'
import { isKind, KINDS, type KindClass } from '../core/operation.ts'
import type { Attempt, Outcome, Refusal } from '../core/outcome.ts'
import { alsoKeys, type Received } from '../core/record.ts'
import type { Judged } from '../preflight/finding.ts'

export interface Op {
  /** Changes only where preflight puts its time right. */
  record: Received
  /** Of whom it is: in the queues of all of these it stands, and goes when it is at the head of each. */
  readonly keys: readonly string[]
  /** Undefined where it is no operation. */
  readonly class: KindClass | undefined
  /** Bytes of the value in UTF-8, as it counts towards a batch. */
  readonly bytes: number
  /** Shared by the operations of one call: never changed in place. */
  attempts: readonly Attempt[]
  /** The largest batch it may travel in. Halved each time such a batch is refused as a whole, so that a culprit ends up alone. */
  most: number
  /** Its last call only told that it must travel with fewer others. The next one is no repetition of that, and no retry. */
  narrowed: boolean
  /** What preflight found right before a call. */
  findings: readonly Judged[]
  /** It was refused as part of a merged identify: from now on it is sent unmerged. */
  unmerged: boolean
}

/** So many operations, and the bytes of their values. */
export interface Amount {
  readonly ops: number
  readonly bytes: number
}

/** How an operation ended. */
export interface Ended {
  readonly op: Op
  readonly outcome: Outcome
  readonly refusal?: Refusal
  /** For `coalesced`: the id of the operation that carried its values. */
  readonly into?: string
}

const NONE: readonly Attempt[] = []
const NOTHING: readonly Judged[] = []

export const makeOp = (record: Received): Op => ({
  record,
  keys: keysOf(record),
  class: isKind(record.kind) ? KINDS[record.kind] : undefined,
  bytes: byteLength(record.value),
  attempts: NONE,
  most: Number.POSITIVE_INFINITY,
  narrowed: false,
  findings: NOTHING,
  unmerged: false,
})

function keysOf(record: Received): readonly string[] {
  const others = alsoKeys(record)
  return others.length === 0 ? [record.key] : [...new Set([record.key, ...others])]
}

/** One of its batches was refused as a whole. */
export const isSuspect = (op: Op): boolean => op.most !== Number.POSITIVE_INFINITY
