/** One fetch from one broker, or from all that lead the wanted partitions, with its answer in plain words. */
import { type Base, ProtocolError } from '@platformatic/kafka'
import type { RecordBatch } from './kafka-batch.ts'
import type { RecordCalls } from './kafka-calls.ts'

export interface Want {
  readonly lane: number
  readonly offset: number
}

export interface FetchLimits {
  /** How long the broker waits for the first record, milliseconds. */
  readonly waitMs: number
  readonly laneBytes: number
  readonly maxBytes: number
}

export interface Fetched {
  readonly lane: number
  /** The offset that was asked for. */
  readonly from: number
  readonly batches: readonly RecordBatch[]
  /** The offset is below the log or above its end: nothing will ever come from there. */
  readonly outOfRange: boolean
  /** Why nothing could be read of this lane, as long as it lasts; the others of the same request have nothing to do with it. */
  readonly failure: unknown
}

interface Target {
  readonly id: string
  readonly leaders: ReadonlyMap<number, { readonly node: number; readonly epoch: number }>
}

/** Which broker leads each partition. `fresh` asks the cluster instead of what is remembered. */
export async function targetOf(client: Base, topic: string, fresh = false): Promise<Target> {
  const metadata = await client.metadata({ topics: [topic], forceUpdate: fresh })
  const found = metadata.topics.get(topic)
  const leaders = new Map(
    (found?.partitions ?? []).map(({ leader, leaderEpoch }, lane) => [
      lane,
      { node: leader, epoch: leaderEpoch },
    ]),
  )
  return { id: found?.id ?? '', leaders }
}

export function byNode<W extends Want>(wants: readonly W[], { leaders }: Target): Map<number, W[]> {
  return Map.groupBy(wants, ({ lane }) => leaders.get(lane)?.node ?? -1)
}

/** One request. */
export async function fetchFrom(
  calls: RecordCalls,
  node: number,
  request: { readonly target: Target; readonly wants: readonly Want[]; readonly limits: FetchLimits },
): Promise<Fetched[]> {
  const { target, wants, limits } = request
  const asked = new Map(wants.map(({ lane, offset }) => [lane, offset]))
  const partitions = wants.map(({ lane, offset }) => ({
    partition: lane,
    currentLeaderEpoch: target.leaders.get(lane)?.epoch ?? -1,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: limits.laneBytes,
  }))
  const topics = [{ topicId: target.id, partitions }]
  const answer = await calls.fetch(node, { topics, waitMs: limits.waitMs, maxBytes: limits.maxBytes })
  return answer.map(({ partition: lane, errorCode, batches, damage }) => ({
    lane,
    from: asked.get(lane) ?? 0,
    batches,
    outOfRange: errorCode === OUT_OF_RANGE,
    failure: damage ?? failureOf(errorCode, lane),
  }))
}

const OUT_OF_RANGE = 1

const failureOf = (errorCode: number, partition: number): ProtocolError | undefined =>
  errorCode === 0 || errorCode === OUT_OF_RANGE
    ? undefined
    : new ProtocolError(errorCode, null, { partition })
