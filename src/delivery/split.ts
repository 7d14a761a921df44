/**
 * What an answer means for each operation of a batch. This is where a 207 is split: the items it names are refused, the
 * others delivered. Pure: a batch and a verdict in, what becomes of every operation out.
 */
import type { Refusal } from '../core/outcome.ts'
import { itemRefusal, type Verdict } from '../customerio/outcome.ts'
import type { ItemError } from '../customerio/wire.ts'
import type { Batch } from './batch.ts'
import type { Ended, Op } from './op.ts'
import { itemsOf, type Run } from './run.ts'

export interface Split {
  readonly ended: readonly Ended[]
  /** To be sent again, run by run, in order. */
  readonly again: readonly (readonly Op[])[]
}

export function split(batch: Batch, verdict: Verdict): Split {
  if (verdict.kind === 'ok') return { ended: batch.runs.flatMap((run) => delivered(run)), again: [] }
  if (verdict.kind === 'items') return splitItems(batch, verdict.errors)
  if (verdict.kind === 'refused') return splitRefused(batch, verdict.refusal)
  if (verdict.kind === 'unclear') return splitUnclear(batch)
  for (const run of batch.runs) for (const op of run.ops) op.narrowed = false
  return { ended: [], again: batch.runs.map((run) => run.ops) }
}

/** A merged run was carried by its last operation; the others ended in it. */
function delivered(run: Run): Ended[] {
  if (run.merged === undefined) return run.ops.map((op) => ({ op, outcome: 'delivered' }))
  const carrier = run.ops.at(-1)
  return run.ops.map((op) =>
    op === carrier || carrier === undefined
      ? { op, outcome: 'delivered' }
      : { op, outcome: 'coalesced', into: carrier.id },
  )
}

/** An index beyond the batch makes the whole answer doubtful: then nothing is believed and all go one by one. */
function splitItems(batch: Batch, errors: readonly ItemError[]): Split {
  const refused = new Map<number, Refusal>()
  for (const error of errors) {
    const index = error.batch_index ?? -1
    if (index < 0 || index >= batch.items)
      return split(batch, { kind: 'unclear', detail: `207 names item ${index} of ${batch.items}` })
    if (!refused.has(index)) refused.set(index, itemRefusal(error))
  }
  const ended: Ended[] = []
  const again: (readonly Op[])[] = []
  let index = 0
  for (const run of batch.runs) {
    const first = index
    index += itemsOf(run)
    if (run.merged === undefined) ended.push(...run.ops.map((op, i) => endOf(op, refused.get(first + i))))
    else if (refused.has(first)) again.push(unmerge(run))
    else ended.push(...delivered(run))
  }
  return { ended, again }
}

const endOf = (op: Op, refusal: Refusal | undefined): Ended =>
  refusal === undefined ? { op, outcome: 'delivered' } : { op, outcome: 'dead', refusal }

/** One of the merged identifies is bad, the others are not: each goes by itself from now on. */
function unmerge(run: Run): readonly Op[] {
  for (const op of run.ops) {
    op.unmerged = true
    op.narrowed = true
  }
  return run.ops
}

/** Each goes by itself, since alone it gets an answer that is about it. What was alone already is repeated. */
function splitUnclear(batch: Batch): Split {
  for (const run of batch.runs)
    for (const op of run.ops) {
      op.most = 1
      op.narrowed = batch.items > 1
    }
  return { ended: [], again: batch.runs.map((run) => run.ops) }
}

/**
 * Bisection of a batch that was refused as a whole. Every operation of it may from now on travel only with half as many
 * others; the half without the culprit passes, the other halves again: 2·log2(n) + 1 calls find one among n people (each
 * person whose run is cut in two may cost one more).
 */
function splitRefused(batch: Batch, refusal: Refusal): Split {
  const ops = batch.runs.flatMap((run) => run.ops)
  const [only] = ops
  if (only !== undefined && ops.length === 1)
    return { ended: [{ op: only, outcome: 'dead', refusal }], again: [] }
  const half = Math.ceil(batch.items / 2)
  for (const op of ops) {
    op.most = half
    op.narrowed = true
  }
  for (const run of batch.runs) if (run.merged !== undefined) unmerge(run)
  return { ended: [], again: batch.runs.map((run) => run.ops) }
}
