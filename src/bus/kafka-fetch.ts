/** One fetch from one broker, or from all that lead the wanted partitions, with its answer in plain words. */
import { type Consumer, findErrorBy, type RecordsBatch } from '@platformatic/kafka'

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
  readonly batches: readonly RecordsBatch[]
  /** The offset is below the log or above its end: nothing will ever come from there. */
  readonly outOfRange: boolean
}

interface Target {
  readonly id: string
  readonly leaders: ReadonlyMap<number, { readonly node: number; readonly epoch: number }>
}

/** Which broker leads each partition. `fresh` asks the cluster instead of what is remembered. */
export async function targetOf(consumer: Consumer, topic: string, fresh = false): Promise<Target> {
  const metadata = await consumer.metadata({ topics: [topic], forceUpdate: fresh })
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

/** One request. The client keeps one fetch session for each broker, so of one client only one may be under way to each. */
export async function fetchFrom(
  consumer: Consumer,
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
  const options = { node, topics, minBytes: 1, maxWaitTime: limits.waitMs, maxBytes: limits.maxBytes }
  const { responses } = await consumer.fetch(options).catch(usableAnswer)
  return responses
    .flatMap((topic) => topic.partitions)
    .filter(({ partitionIndex }) => asked.has(partitionIndex))
    .map(({ partitionIndex: lane, errorCode, records }) => ({
      lane,
      from: asked.get(lane) ?? 0,
      batches: records ?? [],
      outOfRange: errorCode === OUT_OF_RANGE,
    }))
}

const OUT_OF_RANGE = 1

/** One partition out of range fails the whole request in the client, though the answer for the others stands in it. */
function usableAnswer(thrown: unknown): Awaited<ReturnType<Consumer['fetch']>> {
  const outOfRange = thrown instanceof Error ? findErrorBy(thrown, 'apiId', 'OFFSET_OUT_OF_RANGE') : null
  const response = (thrown as { response?: unknown } | undefined)?.response
  if (outOfRange && response) return response as Awaited<ReturnType<Consumer['fetch']>> // the client attaches it
  throw thrown
}
