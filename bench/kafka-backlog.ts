/** The topics of a benchmark on Kafka, and the backlog in them: the events of load.ts as ingest writes them. */
import type { Bus } from '../src/bus/bus.ts'
import type { KafkaAdmin } from '../src/bus/kafka-admin.ts'
import { type BusRecord, TOPICS } from '../src/core/record.ts'
import { makeUlids } from '../src/core/ulid.ts'
import { delivered, person } from './load.ts'

export const LANES = 12

export interface Cluster {
  readonly brokers: readonly string[]
  readonly admin: KafkaAdmin
}

export async function makeTopics(
  { admin }: Cluster,
  prefix: string,
  topics: readonly string[] = Object.values(TOPICS),
): Promise<void> {
  const plan = { partitions: LANES, replicas: 1, retentionMs: -1 }
  await admin.ensureTopics(topics.map((topic) => ({ name: prefix + topic, ...plan })))
}

/** The events of one request have one time and one correlation id. */
const REQUEST = 500

export function backlogOf(size: number): BusRecord[] {
  const ulids = makeUlids()
  const at = Date.now()
  let headers = {}
  return Array.from({ length: size }, (_, n) => {
    if (n % REQUEST === 0) headers = { source: 'default', 'correlation-id': ulids(at) }
    const id = ulids(at)
    const value = delivered(n, id, Math.floor(at / 1000))
    return { id, key: `id:${person(n)}`, kind: 'person.event', at, headers, value }
  })
}

/** One publication after the other, of so many records each. */
export async function publishAll(bus: Bus, records: readonly BusRecord[], each: number): Promise<void> {
  for (let at = 0; at < records.length; at += each)
    await bus.publish(TOPICS.events, records.slice(at, at + each))
}
