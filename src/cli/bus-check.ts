/** What `sluice doctor` looks at on Kafka: whether it answers, and whether the topics can keep what Sluice promises. */
import type { TopicInfo } from '../admin/wire.ts'
import type { Config } from '../config.ts'
import { toSluiceError } from '../core/errors.ts'
import { TOPICS } from '../core/record.ts'
import type { Check } from './checks.ts'

export async function checkBus(config: Config): Promise<Check> {
  try {
    const { describeTopics } = await import('../operate.ts')
    return checkTopics(await describeTopics(config), config.lanes)
  } catch (thrown) {
    const { message, hint, code } = toSluiceError(thrown)
    return { name: 'kafka', state: 'fail', found: message, fix: hint, code }
  }
}

/** What may not go by age: sends are not read yet, dead letters are for people, and links are learnt from the beginning. */
const KEPT = [TOPICS.transactional, TOPICS.dlq, TOPICS.people]

export function checkTopics(topics: readonly TopicInfo[], lanes: number): Check {
  const name = 'kafka'
  const behind = topics.find(({ in_sync = 0, min_in_sync = 0 }) => in_sync < min_in_sync)
  if (behind)
    return {
      name,
      state: 'fail',
      found: `${behind.topic} has ${behind.in_sync} copies in sync and needs ${behind.min_in_sync}`,
      fix: 'Bring the brokers back that are missing: nothing is taken until then.',
      code: 'bus_unavailable',
    }
  const passing = topics.find(({ topic, retention_s }) => isKept(topic) && retention_s !== null)
  if (passing)
    return {
      name,
      state: 'warn',
      found: `${passing.topic} loses what is older than ${passing.retention_s} s`,
      fix: 'Set retention.ms=-1 on that topic: nothing else holds what is on it.',
    }
  const events = topics.find(({ topic }) => topic.endsWith(TOPICS.events))
  if (events && events.lanes !== lanes)
    return {
      name,
      state: 'warn',
      found: `${events.topic} has ${events.lanes} partitions, SLUICE_LANES says ${lanes}`,
      fix: `Set SLUICE_LANES=${events.lanes}: partitions must not change.`,
    }
  return { name, state: 'ok', found: `${topics.length} topics of ${events?.lanes ?? 0} partitions` }
}

const isKept = (topic: string): boolean => KEPT.some((kept) => topic.endsWith(kept))
