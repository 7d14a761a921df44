/** An operation on its way: its record, and what delivery has learnt about it. */
import { byteLength } from '../core/json.ts'
import { isKind, KINDS, type KindClass } from '../core/operation.ts'
import type { Attempt, Outcome, Refusal } from '../core/outcome.ts'
import { alsoKeys, type Headers, type Received } from '../core/record.ts'
import type { Judged } from '../preflight/finding.ts'

const NONE: readonly Attempt[] = []
const NOTHING: readonly Judged[] = []

/**
 * One object with its record, since most of what is held of the backlog is this. And a class: of a literal, of which many are
 * held at once, V8 learns to allocate all among the old, where each keeps alive what it points to until everything is looked
 * through.
 */
export class Op implements Received {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly at: number
  readonly headers: Headers
  /** Changes only where preflight puts its time right. */
  value: string
  readonly topic: string
  readonly lane: number
  readonly offset: number
  readonly epoch: number
  /** Of whom it is beside its key: in the queues of all of these it stands, and goes when it is at the head of each. */
  readonly also: readonly string[]
  /** Undefined where it is no operation. */
  readonly class: KindClass | undefined
  /** Bytes of the value in UTF-8, as it counts towards a batch. */
  readonly bytes: number
  /** Shared by the operations of one call: never changed in place. */
  attempts: readonly Attempt[] = NONE
  /** The largest batch it may travel in. Halved each time such a batch is refused as a whole, so that a culprit ends up alone. */
  most: number = Number.POSITIVE_INFINITY
  /** Its last call only told that it must travel with fewer others. The next one is no repetition of that, and no retry. */
  narrowed = false
  /** What preflight found right before a call. */
  findings: readonly Judged[] = NOTHING
  /** It was refused as part of a merged identify: from now on it is sent unmerged. */
  unmerged = false

  constructor(record: Received) {
    this.id = record.id
    this.key = record.key
    this.kind = record.kind
    this.at = record.at
    this.headers = record.headers
    this.value = record.value
    this.topic = record.topic
    this.lane = record.lane
    this.offset = record.offset
    this.epoch = record.epoch
    this.also = othersOf(record)
    this.class = isKind(record.kind) ? KINDS[record.kind] : undefined
    this.bytes = byteLength(record.value)
  }
}

export const makeOp = (record: Received): Op => new Op(record)

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

function othersOf(record: Received): readonly string[] {
  const others = alsoKeys(record)
  return others.length < 2 ? others : [...new Set(others)]
}

/** Of whom it is, its own key first. */
export const keysOf = ({ key, also }: Pick<Op, 'key' | 'also'>): readonly string[] =>
  also.length === 0 ? [key] : [key, ...also]

/** One of its batches was refused as a whole. */
export const isSuspect = (op: Op): boolean => op.most !== Number.POSITIVE_INFINITY
