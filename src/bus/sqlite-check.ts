/**
 * What is looked at before a log is opened: that it reaches as far as its anchor says, that it is the same log, and
 * that its newest chunks are whole and follow on one another. Older chunks are looked at when they are read, since all
 * of them would take minutes for a large backlog.
 */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Head } from './sqlite-anchor.ts'
import { type Chunk, chainOf, discardChunk } from './sqlite-chunk.ts'
import type { Damage } from './sqlite-damage.ts'
import type { SqliteLog } from './sqlite-log.ts'

/**
 * What is checked at opening ends with what was unsettled, with this many bytes unpacked, or with this time. Torn or lost can
 * be what came since the last checkpoint, of 4 MB as it is stored: about 32 MB unpacked. What lies further back is checked
 * when it is read. To check 16 MB takes 80 ms.
 */
const TAIL_SIZE = 32 * 1024 * 1024
const TAIL_MS = 500

/**
 * How the log differs from what the anchor says of it. Without an anchor (`undefined`) nothing tells what came after the
 * last record, which is a damage too.
 */
export function checkAnchor(log: SqliteLog, anchored: Head | undefined): readonly Damage[] {
  const { name: topic, head } = log
  if (anchored === undefined) return head === 0 ? [] : [{ topic, from: head, to: head }]
  if (anchored.head > head) return [{ topic, from: head, to: anchored.head - 1 }]
  if (anchored.head === head && anchored.chain === log.row.chain) return []
  return checkAnchored(log, anchored)
}

/** The log went on after the anchor was written: what it said must still be there. */
function checkAnchored(log: SqliteLog, { head, chain }: Head): readonly Damage[] {
  const last = head - 1
  if (last < log.first || log.gaps.some(({ from, to }) => from <= last && last <= to)) return []
  const isAnchored = (chunk: Chunk) => chunk.chain === chain && chunk.first + chunk.count === head
  return inspect(log, last, isAnchored).damages
}

export interface Stretch {
  /** The lowest offset to be checked. */
  readonly from: number
  /** However long it takes. */
  readonly whole: boolean
  readonly clock: Clock
}

/** Goes from the head downwards: every chunk whole, the next one's chain made from its own, no offset missing. */
export function checkChunks(log: SqliteLog, { from, whole, clock }: Stretch): Damage[] {
  const damages: Damage[] = []
  const deadline = whole ? Number.POSITIVE_INFINITY : clock.mono() + TAIL_MS
  const most = whole ? Number.POSITIVE_INFINITY : TAIL_SIZE
  let follower: Chunk | undefined
  let size = 0
  for (let end = log.head; end > from && size < most && clock.mono() < deadline; ) {
    const gap = log.gaps.find(({ to }) => to === end - 1)
    const after = follower
    const { chunk, damages: found } = gap
      ? { chunk: undefined, damages: [] }
      : inspect(log, end - 1, (chunk) =>
          after ? precedes(chunk, after) : end < log.head || chunk.chain === log.row.chain,
        )
    damages.push(...found)
    follower = chunk
    if (chunk) {
      size += chunk.meta.length + chunk.body.length
      discardChunk(chunk)
    }
    end = gap?.from ?? chunk?.first ?? found[0]?.from ?? from
  }
  return damages
}

const precedes = (chunk: Chunk, after: Chunk): boolean =>
  chainOf(chunk.chain, after.sum) === after.chain && chunk.first + chunk.count === after.first

interface Finding {
  readonly chunk: Chunk | undefined
  readonly damages: readonly Damage[]
}

/** The chunk with this offset; what is missing, or the whole chunk when it is not the one that `expected` describes. */
function inspect(log: SqliteLog, offset: number, expected: (chunk: Chunk) => boolean): Finding {
  try {
    const chunk = log.chunkAt(offset)
    const { first, count } = chunk
    return {
      chunk,
      damages: expected(chunk) ? [] : [{ topic: log.name, from: first, to: first + count - 1 }],
    }
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || thrown.code !== 'log_damaged') throw thrown
    const { from, to } = thrown.details
    return { chunk: undefined, damages: [{ topic: log.name, from: Number(from), to: Number(to) }] }
  }
}
