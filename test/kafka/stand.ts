/** A real broker for the tests of one file: an existing one by SLUICE_KAFKA_BROKERS, else one of our own. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Broker } from '../../scripts/kafka/broker.ts'
import { fetchKafka, missingForKafka } from '../../scripts/kafka.ts'
import { KafkaAdmin } from '../../src/bus/kafka-admin.ts'
import type { KafkaCluster } from '../../src/bus/kafka-client.ts'

/** What is missing to run a broker here: a reason to leave the tests out, loudly; with SLUICE_REQUIRE_ALL they fail. */
export function reasonToLeaveOut(): string | false {
  const missing = missingForKafka()
  if (missing.length === 0) return false
  const reason = `no Kafka broker can run here: ${missing.join(', ')} not found`
  assert.ok(!process.env.SLUICE_REQUIRE_ALL, reason)
  process.stderr.write(
    `LEFT OUT: ${reason}. On Debian: apt-get install openjdk-17-jre-headless maven openssl\n`,
  )
  return reason
}

/** Starts a broker before the tests of the file and ends it after them. */
export function standBroker(skip: string | false): () => Broker {
  let broker: Broker | undefined
  const directory = mkdtempSync(join(tmpdir(), 'sluice-kafka-'))
  before(async () => {
    if (!skip) broker = await Broker.start({ jars: fetchKafka(), directory })
  })
  after(async () => {
    await broker?.[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })
  return () => broker ?? assert.fail('the broker did not start')
}

export async function createTopics(
  cluster: KafkaCluster,
  names: readonly string[],
  lanes: number,
): Promise<void> {
  await using admin = new KafkaAdmin(cluster)
  await admin.ensureTopics(names.map((name) => ({ name, partitions: lanes, replicas: 1, retentionMs: -1 })))
}
