/** A real broker for the tests of a file: the one of the whole run (test/setup.ts), else one of their own. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Broker, brokerAt, type Doors } from '../../scripts/kafka/broker.ts'
import { fetchKafka, missingForKafka } from '../../scripts/kafka.ts'
import { KafkaAdmin } from '../../src/bus/kafka-admin.ts'
import type { KafkaCluster } from '../../src/bus/kafka-client.ts'

/** What is missing to run a broker here: a reason to leave the tests out, loudly; with SLUICE_REQUIRE_ALL they fail. */
export function reasonToLeaveOut(): string | false {
  if (process.env.SLUICE_TEST_BROKER !== undefined) return false // test/setup.ts has looked
  const missing = missingForKafka()
  if (missing.length === 0) return false
  const reason = `no Kafka broker can run here: ${missing.join(', ')} not found`
  assert.ok(!process.env.SLUICE_REQUIRE_ALL, reason)
  process.stderr.write(
    `LEFT OUT: ${reason}. On Debian: apt-get install openjdk-17-jre-headless maven openssl\n`,
  )
  return reason
}

/** The broker of the whole run, for tests that leave it as it is; where there is none, one of their own. */
export function shareBroker(skip: string | false): () => Doors {
  const directory = process.env.SLUICE_TEST_BROKER
  if (directory === undefined) return standBroker(skip)
  let doors: Doors | undefined
  before(async () => {
    for (doors = brokerAt(directory); doors === undefined && !skip; doors = brokerAt(directory))
      await pause(LOOK_MS)
  })
  return () => doors ?? assert.fail('the broker did not start')
}

/** Starts a broker before the tests of the file and ends it after them: for tests that stop or kill it. */
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

/** It starts in seconds. One that never does is noticed by the time that a test may take. */
const LOOK_MS = 50

export async function createTopics(
  cluster: KafkaCluster,
  names: readonly string[],
  lanes: number,
): Promise<void> {
  await using admin = new KafkaAdmin(cluster)
  await admin.ensureTopics(names.map((name) => ({ name, partitions: lanes, replicas: 1, retentionMs: -1 })))
}
