import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Base, type produceV11 } from '@platformatic/kafka'
import { createTopics, reasonToLeaveOut, shareBroker } from '../../test/kafka/stand.ts'
import { systemClock } from '../core/clock.ts'
import type { BusRecord } from '../core/record.ts'
import type { Bus } from './bus.ts'
import { SCENARIOS } from './conformance.ts'
import type { Harness } from './conformance-stand.ts'
import { KAFKA_FEATURES, openKafkaBus } from './kafka.ts'
import { BatchWriter } from './kafka-batch-writer.ts'
import { RecordCalls } from './kafka-calls.ts'
import { clientOptions } from './kafka-client.ts'
import { IdempotentProducer } from './kafka-producer.ts'
import { KafkaReader } from './kafka-reader.ts'

const TOPIC = 'customerio.events'
const LANES = 4
const skip = reasonToLeaveOut()
const broker = shareBroker(skip)
const cluster = () => ({ brokers: [broker().address()] })

const prefixes = new Map<Bus, string>()
let opened = 0

function openWith(prefix: string): Bus {
  const bus = openKafkaBus({
    cluster: cluster(),
    prefix,
    clock: systemClock,
    sessionMs: 6_000,
    heartbeatMs: 100,
  })
  prefixes.set(bus, prefix)
  return bus
}

/** Topics of its own for every bus, so that there is nothing in it. */
async function open(): Promise<Bus> {
  opened += 1
  const prefix = `t${opened}.`
  await createTopics(cluster(), [`${prefix}${TOPIC}`, `${prefix}customerio.dlq`], LANES)
  return openWith(prefix)
}

/** What the group has committed is all that a dead process leaves behind: closing it must add nothing to that. */
async function reopen(bus: Bus): Promise<Bus> {
  const prefix = prefixes.get(bus) ?? assert.fail()
  await using reader = new KafkaReader(cluster(), prefix)
  const left = await reader.committed(TOPIC, 'g')
  await bus[Symbol.asyncDispose]()
  assert.deepEqual(await reader.committed(TOPIC, 'g'), left)
  return openWith(prefix)
}

const harness: Harness = { features: KAFKA_FEATURES, lanes: LANES, open, reopen }

for (const [title, scenario] of Object.entries(SCENARIOS))
  test(`kafka: ${title}`, { skip }, () => scenario(harness))

const INVALID_PRODUCER_EPOCH = 47

function batchOf(id: string): BatchWriter {
  const record: BusRecord = { id, key: 'k', kind: 'person.event', at: 0, headers: {}, value: '{}' }
  const batch = new BatchWriter()
  batch.add(record, Number.POSITIVE_INFINITY)
  return batch
}

test('kafka: what a producer that was given up had under way is refused once the next one has written', {
  skip,
}, async () => {
  const topic = 'late.customerio.events'
  await createTopics(cluster(), [topic], 1)
  const options = { cluster: cluster(), clock: systemClock, timeoutMs: 5_000 }
  const send = async (producer: IdempotentProducer, id: string) => {
    await producer.send([{ topic, partition: 0, batch: batchOf(id) }])
    await producer.close()
  }
  const first = new IdempotentProducer(options)
  await send(first, 'a')
  const sender = first.successor ?? assert.fail('it has no name')
  const late = batchOf('b').finish({ ...sender, epoch: sender.epoch - 1 }, 1)
  await send(new IdempotentProducer({ ...options, sender }), 'c')
  const client = new Base(clientOptions(cluster(), 0))
  const { topics } = await client.metadata({ topics: [topic] })
  const leader = topics.get(topic)?.partitions[0]?.leader ?? -1
  const sending = new RecordCalls(client).produce(leader, [{ topic, partition: 0, bytes: late }], 5_000)
  const { response } = (await sending.catch((thrown) => thrown)) as { response?: produceV11.ProduceResponse }
  assert.equal(response?.responses[0]?.partitionResponses[0]?.errorCode, INVALID_PRODUCER_EPOCH)
  await client.close()
  await using reader = new KafkaReader(cluster(), 'late.')
  const found = await reader.read('customerio.events', { from: 0, lane: 0, limit: 10 })
  assert.deepEqual(
    found.map(({ id }) => id),
    ['a', 'c'],
  )
})
