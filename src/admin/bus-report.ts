/** How the bus is: which topics there are, and how far the groups that read them have come. */
import type { Bus } from '../bus/bus.ts'
import { TOPICS } from '../core/record.ts'
import type { BusReport, GroupLag, TopicInfo } from './wire.ts'

/** A topic, and the group that reads it. */
export interface Reader {
  readonly topic: string
  readonly group: string
}

/** The embedded log makes its topics by itself, all alike; what there is on a cluster must be asked of it. */
export const localTopics = (lanes: number): TopicInfo[] =>
  Object.values(TOPICS).map((topic) => ({ topic, lanes }))

export async function reportOn(
  bus: Pick<Bus, 'lag' | 'features'>,
  readers: readonly Reader[],
  topics: readonly TopicInfo[] = [],
): Promise<BusReport> {
  const groups = await Promise.all(readers.map((reader) => lagOf(bus, reader)))
  return { bus: bus.features.name, topics, groups }
}

async function lagOf(bus: Pick<Bus, 'lag'>, { topic, group }: Reader): Promise<GroupLag> {
  const { published, unsettled, oldestAt, positions } = await bus.lag(topic, group)
  const at = oldestAt === undefined ? null : new Date(oldestAt).toISOString()
  return { topic, group, published, unsettled, oldest_at: at, positions: Object.fromEntries(positions) }
}
