/**
 * The bus while its only broker is killed and started again: what was acknowledged comes, in order, and calls in between are refused.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeRecord } from '../../src/bus/conformance-stand.ts'
import { openKafkaBus } from '../../src/bus/kafka.ts'
import type { KafkaCluster } from '../../src/bus/kafka-client.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Received } from '../../src/core/record.ts'
import { createTopics, reasonToLeaveOut, standBroker } from '../kafka/stand.ts'

const TOPIC = 'events'
const skip = reasonToLeaveOut()
const broker = standBroker(skip)

test('a broker that is killed and comes back: calls in between are refused, no order is lost, delivery goes on', {
  skip,
}, async () => {
  const cluster: KafkaCluster = { brokers: [broker().address()] }
  await createTopics(cluster, [TOPIC], 2)
  const times = { sessionMs: 6_000, heartbeatMs: 200, publishTimeoutMs: 1_500 }
  await using bus = openKafkaBus({ cluster, clock: systemClock, ...times })
  const acknowledged: string[] = []
  const found: Received[] = []
  await using subscription = await bus.subscribe(TOPIC, 'g')
  const reading = (async () => {
    for await (const batch of subscription) {
      found.push(...batch)
      await subscription.settle(batch)
      if (batch.some(({ value }) => value === '{"n":-1}')) return
    }
  })()
  const publish = async (n: number) => {
    const record = makeRecord(`k${n % 7}`, n)
    await bus.publish(TOPIC, [record])
    acknowledged.push(record.id)
  }
  for (let n = 0; n < 200; n += 1) await publish(n)
  await broker().signal('SIGKILL')
  await assert.rejects(publish(200), { code: 'bus_unavailable' })
  const many = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => publish(201 + n)))
  assert.ok(many.every(({ status }) => status === 'rejected'))
  await broker().resume()
  while ((await publish(300).then(() => 'taken', String)) !== 'taken');
  for (let n = 301; n < 400; n += 1) await publish(n)
  await publish(-1)
  await reading
  const ids = found.map(({ id }) => id)
  assert.deepEqual(new Set(ids.filter((id) => acknowledged.includes(id))), new Set(acknowledged))
  const kept = [...new Set(ids)].filter((id) => acknowledged.includes(id))
  // An unacknowledged publication may have landed: those are left out. Each key keeps the order of its acknowledgements.
  for (const [key, records] of Map.groupBy(found, (record) => record.key)) {
    const mine = new Set(records.map(({ id }) => id))
    const published = acknowledged.filter((id) => mine.has(id))
    assert.deepEqual(
      kept.filter((id) => mine.has(id)),
      published,
      key,
    )
  }
})
