/**
 * A run: what may be in flight of one person at once. Either adjacent identifies merged into one, or adjacent
 * operations of one class, in order. Delete, suppress, unsuppress and merge are runs of their own.
 */
import { byteLength } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { V1_ONLY } from '../core/v1-form.ts'
import { type Identify, identifyText, mergeIdentifies, parseIdentify } from './coalesce.ts'
import type { Op } from './op.ts'

export interface Run {
  readonly ops: readonly Op[]
  /** The one text of identifies that were merged; undefined where every operation goes as it is. */
  readonly merged: string | undefined
  readonly bytes: number
}

/** How many items of a batch it becomes. */
export const itemsOf = ({ ops, merged }: Run): number => (merged === undefined ? ops.length : 1)

/** What these runs send, item by item. */
export function textsOf(runs: readonly Run[]): string[] {
  const texts: string[] = []
  for (const { ops, merged } of runs)
    if (merged !== undefined) texts.push(merged)
    else for (const { value } of ops) texts.push(value)
  return texts
}

export interface Room {
  readonly items: number
  readonly bytes: number
}

/**
 * The most operations of one person in one batch. A person with 20,000 events queued takes a tenth of a batch of 1000
 * at a time, so that the others' events travel beside hers.
 */
const MAX_RUN = 100

/**
 * Travels in a call of its own: v2 has no form for it, or it is over the 32 KB that v2 takes, where v1 takes an event with
 * 100,000 bytes of data.
 */
export const isSingle = (op: Op): boolean => V1_ONLY.has(op.class) || op.bytes > LIMITS.itemBytes

/** Repeated after what comes later, it would undo that: a delete, a merge, a suppression, a change of a segment. */
export const isBarrier = (op: Op): boolean => op.class === 'barrier' || op.class === 'segment'

/** Nothing else of the person may be in the same run. */
const isSolitary = (op: Op): boolean => isSingle(op) || isBarrier(op) || op.also.length > 0 || op.unmerged

/** What waits of one person, the first at 0. */
export interface Waiting {
  at(place: number): Op | undefined
  slice(from: number, to: number): readonly Op[]
}

/** The run at the head of a queue that fits into the room; undefined when not even the first operation does. */
export function formRun(queue: Waiting, room: Room): Run | undefined {
  const head = queue.at(0)
  if (head === undefined || room.items < 1) return undefined
  if (!isSingle(head) && head.bytes + 1 > room.bytes) return undefined
  if (isSolitary(head)) return { ops: [head], merged: undefined, bytes: head.bytes + 1 }
  const merged = head.class === 'identify' ? mergedRun(queue, head, room) : undefined
  return merged ?? sequenceRun(queue, head, room)
}

/** Undefined when the first two identifies cannot be merged. */
function mergedRun(queue: Waiting, head: Op, room: Room): Run | undefined {
  const ops: Op[] = []
  let merged: Identify | undefined
  let bytes = 0
  const most = Math.min(LIMITS.itemBytes, room.bytes - 1)
  for (let op = queue.at(0); op !== undefined; op = queue.at(ops.length)) {
    if (ops.length === MAX_RUN || bytes + op.bytes > most || !joins(op, head)) break
    if (op !== head) {
      merged ??= parseIdentify(head.value)
      const next = parseIdentify(op.value)
      const both = merged && next && mergeIdentifies(merged, next)
      if (both === undefined) break
      merged = both
    }
    ops.push(op)
    bytes += op.bytes
  }
  if (merged === undefined || ops.length < 2) return undefined
  const text = identifyText(merged)
  return { ops, merged: text, bytes: byteLength(text) + 1 }
}

function sequenceRun(queue: Waiting, head: Op, room: Room): Run {
  let count = 0
  let bytes = 0
  const most = Math.min(MAX_RUN, room.items)
  for (let op = queue.at(0); op !== undefined; op = queue.at(count)) {
    if (count === most || bytes + op.bytes + 1 > room.bytes || !joins(op, head)) break
    count += 1
    bytes += op.bytes + 1
  }
  return { ops: queue.slice(0, count), merged: undefined, bytes }
}

const joins = (op: Op, head: Op): boolean =>
  op === head || (op.class === head.class && !isSolitary(op) && op.most === head.most)
