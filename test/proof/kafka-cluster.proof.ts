/**
 * A cluster of three brokers, every partition on all of them, two of which must have a record before it counts. While records
 * are published, read and settled, one broker after the other is killed and started again: nothing that was acknowledged may
 * be lost, and each key keeps its order.
 *
 * KAFKA_KILLS=10 npm run proof:kafka
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Broker } from '../../scripts/kafka/broker.ts'
import { fetchKafka } from '../../scripts/kafka.ts'
import type { Bus } from '../../src/bus/bus.ts'
import { makeRecord } from '../../src/bus/conformance-stand.ts'
import { openKafkaBus } from '../../src/bus/kafka.ts'
import { KafkaAdmin } from '../../src/bus/kafka-admin.ts'
import type { KafkaCluster } from '../../src/bus/kafka-client.ts'
import { KafkaReader } from '../../src/bus/kafka-reader.ts'
import { systemClock as clock } from '../../src/core/clock.ts'
import { type Received, TOPICS } from '../../src/core/record.ts'
import { reasonToLeaveOut } from '../kafka/stand.ts'

const KILLS = Number(process.env.KAFKA_KILLS ?? 2)
const KEYS = 50
const LANES = 6
const BATCH = 20
/** Between two kills: the one before must have caught up, or there are no two left that have everything. */
const CALM_MS = 4_000
const COPIES = {
  'min.insync.replicas': '2',
  'offsets.topic.replication.factor': '3',
}

const skip = reasonToLeaveOut()

async function startCluster(): Promise<Broker[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-cluster-'))
  const jars = fetchKafka()
  const brokers: Broker[] = []
  after(async () => {
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })
  for (const node of [1, 2, 3]) {
    const [first] = brokers
    const joins = first && { first, node }
    brokers.push(
      await Broker.start({
        ...{ jars, directory: join(directory, String(node)), properties: COPIES },
        ...(joins && { joins }),
      }),
    )
  }
  return brokers
}

async function copiesInSync(admin: KafkaAdmin): Promise<number> {
  const [topic] = await admin.describeTopics([TOPICS.events]).catch(() => [])
  return topic?.inSync ?? 0
}

interface Figures {
  /** Where each acknowledged record was in the order of publication. */
  readonly acknowledged: Map<string, number>
  refused: number
  slowestMs: number
}

/** One publication after the other, until it is told to stop. */
async function publishUntil(over: AbortSignal, bus: Bus, figures: Figures): Promise<void> {
  for (let n = 0; !over.aborted; n += BATCH) {
    const records = Array.from({ length: BATCH }, (_, i) => makeRecord(`k${(n + i) % KEYS}`, n + i))
    const began = clock.mono()
    await bus.publish(TOPICS.events, records).then(
      () => {
        for (const [i, { id }] of records.entries()) figures.acknowledged.set(id, n + i)
      },
      () => {
        figures.refused += BATCH
      },
    )
    figures.slowestMs = Math.max(figures.slowestMs, clock.mono() - began)
  }
}

/** Everything that comes and is settled, until nothing is left after publishing has ended. */
async function readUntil(over: AbortSignal, bus: Bus): Promise<Received[]> {
  await using subscription = await bus.subscribe(TOPICS.events, 'g')
  const found: Received[] = []
  for await (const batch of subscription) {
    found.push(...batch)
    await subscription.settle(batch)
    if (over.aborted && (await bus.lag(TOPICS.events, 'g')).unsettled === 0) break
  }
  return found
}

/** The first is the controller as well: without it the cluster could elect nobody, so that it is left standing. */
async function killInTurn(brokers: readonly Broker[], admin: KafkaAdmin): Promise<void> {
  for (let kill = 0; kill < KILLS; kill += 1) {
    const broker = brokers[1 + (kill % (brokers.length - 1))] ?? assert.fail()
    await pause(CALM_MS)
    await broker.signal('SIGKILL')
    await pause(CALM_MS)
    await broker.resume()
    while ((await copiesInSync(admin)) < brokers.length) await pause(200)
  }
}

/** Of records that came twice the first counts; what was refused may be there all the same, and has no place. */
function overtaken(found: readonly Received[], acknowledged: ReadonlyMap<string, number>): number {
  const last = new Map<string, number>()
  const seen = new Set<string>()
  return found.filter(({ id, key }) => {
    const place = acknowledged.get(id)
    if (place === undefined || seen.has(id)) return false
    seen.add(id)
    const isLate = place < (last.get(key) ?? -1)
    last.set(key, place)
    return isLate
  }).length
}

/** A broker that is shut down hands over what it leads before it goes: who remembers it as the leader must ask again. */
async function unreadAfterChange(broker: Broker, cluster: KafkaCluster): Promise<string[]> {
  await using reader = new KafkaReader(cluster, '')
  const lanes = Array.from({ length: LANES }, (_, lane) => lane)
  const readAll = () =>
    Promise.allSettled(lanes.map((lane) => reader.recordsAt(TOPICS.events, { lane, offset: 0 })))
  await readAll()
  await broker.signal('SIGTERM')
  const read = await readAll()
  return read.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))
}

test('three brokers, killed one after the other while records come and go', { skip }, async (t) => {
  const brokers = await startCluster()
  const cluster = { brokers: brokers.map((broker) => broker.address()) }
  await using admin = new KafkaAdmin(cluster)
  await admin.ensureTopics([{ name: TOPICS.events, partitions: LANES, replicas: 3, retentionMs: -1 }])
  await using bus = openKafkaBus({ cluster, clock, sessionMs: 6_000, heartbeatMs: 200 })
  const figures: Figures = { acknowledged: new Map(), refused: 0, slowestMs: 0 }
  const over = new AbortController()
  const publishing = publishUntil(over.signal, bus, figures)
  const reading = readUntil(over.signal, bus)
  await killInTurn(brokers, admin)
  over.abort()
  await publishing
  await bus.publish(TOPICS.events, [makeRecord('k0', -1)]) // wakes the reader, should it have read all there was
  const found = await reading
  const { acknowledged, refused, slowestMs } = figures
  const ids = new Set(found.map(({ id }) => id))
  const lost = [...acknowledged.keys()].filter((id) => !ids.has(id)).length
  const outOfOrder = overtaken(found, acknowledged)
  const told = { kills: KILLS, acknowledged: acknowledged.size, refused, lost, outOfOrder }
  const unread = await unreadAfterChange(brokers[1] ?? assert.fail(), cluster)
  t.diagnostic(
    JSON.stringify({ ...told, unread, again: found.length - ids.size, slowestMs: Math.round(slowestMs) }),
  )
  assert.deepEqual([lost, outOfOrder, unread], [0, 0, []])
  assert.ok(acknowledged.size > 1_000)
})
