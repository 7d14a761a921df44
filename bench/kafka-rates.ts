/** Publishing and receiving through the bus, beside the bare client on the same bytes; the two take turns. */
import { Consumer, compatibilityPartitioner, Producer, stringDeserializers } from '@platformatic/kafka'
import { openKafkaBus } from '../src/bus/kafka.ts'
import { systemClock as clock } from '../src/core/clock.ts'
import { type BusRecord, TOPICS } from '../src/core/record.ts'
import { backlogOf, type Cluster, makeTopics, publishAll } from './kafka-backlog.ts'

const BATCH = 1_000

export type Rates = Readonly<Record<'publish' | 'produce' | 'receive' | 'consume', number>>

/** Ours first in one round, the bare client first in the next. */
export async function measureRates(cluster: Cluster, size: number, round: number): Promise<Rates> {
  const records = backlogOf(size)
  const [mine, bare] = [`m${round}-${process.pid}.`, `b${round}-${process.pid}.`]
  await Promise.all([makeTopics(cluster, mine, [TOPICS.events]), makeTopics(cluster, bare, [TOPICS.events])])
  const topic = bare + TOPICS.events
  const ours = async () => ({ publish: await publish(cluster, mine, records) })
  const theirs = async () => ({ produce: await produce(cluster, topic, records) })
  const [first, second] = round % 2 === 0 ? [ours, theirs] : [theirs, ours]
  const written = { ...(await first()), ...(await second()) }
  const receiving = async () => ({ receive: await receive(cluster, mine, size) })
  const consuming = async () => ({ consume: await consume(cluster, topic, size) })
  const [third, fourth] = round % 2 === 0 ? [receiving, consuming] : [consuming, receiving]
  return {
    publish: 0,
    produce: 0,
    receive: 0,
    consume: 0,
    ...written,
    ...(await third()),
    ...(await fourth()),
  }
}

const perSecond = async (count: number, work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return count / ((performance.now() - started) / 1000)
}

async function publish(cluster: Cluster, prefix: string, records: readonly BusRecord[]): Promise<number> {
  await using bus = openKafkaBus({ cluster, prefix, clock })
  return await perSecond(records.length, () => publishAll(bus, records, BATCH))
}

/** The same bytes through the client alone: key, value, time stamp and four headers. */
async function produce(cluster: Cluster, topic: string, records: readonly BusRecord[]): Promise<number> {
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    clientId: 'bench',
    bootstrapBrokers: [...cluster.brokers],
    idempotent: true,
    partitioner: compatibilityPartitioner,
  })
  const rate = await perSecond(records.length, async () => {
    for (let at = 0; at < records.length; at += BATCH)
      await producer.send({
        messages: records.slice(at, at + BATCH).map((record) => bareMessage(record, topic)),
      })
  })
  await producer.close()
  return rate
}

function bareMessage({ id, key, kind, headers, at, value }: BusRecord, topic: string) {
  const texts = Object.entries({ 'sluice-id': id, 'sluice-kind': kind, ...headers })
  return {
    topic,
    key: Buffer.from(key),
    value: Buffer.from(value),
    timestamp: BigInt(at),
    headers: new Map(texts.map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const)),
  }
}

async function receive(cluster: Cluster, prefix: string, count: number): Promise<number> {
  await using bus = openKafkaBus({ cluster, prefix, clock })
  const subscription = await bus.subscribe(TOPICS.events, 'g')
  return await perSecond(count, async () => {
    let seen = 0
    for await (const batch of subscription) {
      seen += batch.length
      void subscription.settle(batch)
      if (seen >= count) return
    }
  })
}

async function consume(cluster: Cluster, topic: string, count: number): Promise<number> {
  const consumer = new Consumer({
    clientId: 'bench',
    groupId: `bench-${topic}`,
    bootstrapBrokers: [...cluster.brokers],
    deserializers: stringDeserializers,
    autocommit: false,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const rate = await perSecond(count, async () => {
    let seen = 0
    for await (const _ of stream) {
      seen += 1
      if (seen === count) return
    }
  })
  await consumer.close(true)
  return rate
}
