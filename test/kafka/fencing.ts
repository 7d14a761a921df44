/** What a member that was given up on may still do: nothing that its successor would suffer from. */
import assert from 'node:assert/strict'
import { Admin } from '@platformatic/kafka'
import type { Bus, Subscription } from '../../src/bus/bus.ts'
import { makeRecord } from '../../src/bus/conformance-stand.ts'
import type { KafkaBusOptions } from '../../src/bus/kafka.ts'
import type { KafkaCluster } from '../../src/bus/kafka-client.ts'
import { KafkaReader } from '../../src/bus/kafka-reader.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Received } from '../../src/core/record.ts'
import { MovableClock } from '../../src/emulator/movable-clock.ts'
import { createTopics } from './stand.ts'

export interface Fencing {
  readonly cluster: KafkaCluster
  readonly topic: string
  readonly open: (more: Partial<KafkaBusOptions>) => Bus
}

/** Longer than any test: what goes by it does not happen until its clock is moved. */
const LONG_MS = 20 * 60_000

async function takeFrom(subscription: Subscription, count: number): Promise<Received[]> {
  const taken: Received[] = []
  for await (const batch of subscription) {
    taken.push(...batch)
    if (taken.length >= count) break
  }
  return taken
}

/** Removes every member from the group, as the coordinator does with one that is silent for too long. */
async function expelAll(cluster: KafkaCluster, groupId: string): Promise<void> {
  const admin = new Admin({ clientId: 'referee', bootstrapBrokers: [...cluster.brokers] })
  const group = (await admin.describeGroups({ groups: [groupId] })).get(groupId)
  const members = [...(group?.members.keys() ?? [])].map((memberId) => ({ memberId }))
  assert.equal(members.length, 1)
  await admin.removeMembersFromConsumerGroup({ groupId, members })
  await admin.close()
}

/**
 * Rejects when the position of the group steps back, or when the stale member is told that it settled anything. It notices that it
 * was given up on only when its clock is moved, which is while it settles: noticed before, there is nothing to be wrong with.
 */
export async function staleMemberChangesNothing({ cluster, topic, open }: Fencing): Promise<void> {
  await createTopics(cluster, [topic], 1)
  await using reader = new KafkaReader(cluster, '')
  const position = async () => (await reader.committed(topic, 'g')).get(0)?.position
  const clock = new MovableClock(systemClock)
  await using stale = open({ clock, sessionMs: LONG_MS, heartbeatMs: LONG_MS / 2 })
  await using fresh = open({})
  const records = Array.from({ length: 60 }, (_, n) => makeRecord('a', n))
  await stale.publish(topic, records)
  const first = await stale.subscribe(topic, 'g')
  const held = await takeFrom(first, 60)
  assert.equal(await first.settle(held.slice(0, 10)), 10)
  await expelAll(cluster, reader.groupId(topic, 'g'))
  const second = await fresh.subscribe(topic, 'g')
  const again = await takeFrom(second, 50)
  assert.equal(again[0]?.offset, 10)
  assert.equal(await second.settle(again.slice(0, 40)), 40)
  assert.equal(await position(), 50)
  const late = first.settle(held.slice(10, 20))
  clock.advance(LONG_MS)
  assert.equal(await late, 0, 'too late')
  assert.equal(await position(), 50, 'the position stepped back')
  assert.equal(await second.settle(again.slice(40)), 10)
  assert.equal(await position(), 60)
}
