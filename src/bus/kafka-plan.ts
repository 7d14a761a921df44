/** Which topics Sluice needs on a cluster, and how each is kept. Pure. */
import { TOPICS } from '../core/record.ts'
import type { TopicPlan } from './kafka-admin.ts'

export interface PlanOptions {
  /** Before every name. */
  readonly prefix: string
  readonly lanes: number
  /** -1: as the cluster has it. */
  readonly replicas: number
  /** Of what Sluice reads within days; milliseconds. */
  readonly retentionMs: number
}

const FOR_EVER = -1

/**
 * Sends are not read yet, dead letters are for people to look at, and a process that is new must learn every link: none of
 * these may go by age. Links lie in one lane, since what a link does depends on those before it; for the same reason they
 * are not compacted: a key that moved twice would take along others that it had left behind.
 */
const KEPT: ReadonlySet<string> = new Set([TOPICS.transactional, TOPICS.dlq, TOPICS.people])

export const planTopics = ({ prefix, lanes, replicas, retentionMs }: PlanOptions): TopicPlan[] =>
  Object.values(TOPICS).map((topic) => ({
    name: prefix + topic,
    partitions: topic === TOPICS.people ? 1 : lanes,
    replicas,
    retentionMs: KEPT.has(topic) ? FOR_EVER : retentionMs,
  }))
