/** Scenarios: many keys, a full bus, reading without a group, and the end. */
import assert from 'node:assert/strict'
import { SluiceError } from '../core/errors.ts'
import {
  assertRejects,
  assertSameOrder,
  idsOf,
  join,
  makeRecord,
  type Scenario,
  TOPIC,
  within,
} from './conformance-stand.ts'
import { laneOf } from './lane.ts'

export const edgeScenarios: Readonly<Record<string, Scenario>> = {
  'ten thousand keys arrive whole and in order': async ({ open }) => {
    await using bus = await open()
    const records = Array.from({ length: 20_000 }, (_, n) => makeRecord(`k${n % 10_000}`, n))
    for (let at = 0; at < records.length; at += 1_000) await bus.publish(TOPIC, records.slice(at, at + 1_000))
    const reader = await join(bus)
    const found = await reader.take(20_000)
    assertSameOrder(found, records)
    assert.equal(await reader.settle(found), 20_000)
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 0)
  },

  'a full bus refuses, stores nothing of what it refused, lets settling go on, and takes again': async ({
    openSmall,
  }) => {
    if (!openSmall) return
    const { bus, makeRoom } = await openSmall(500)
    await using open = bus
    const reader = await join(open)
    const accepted: string[] = []
    const value = JSON.stringify('x'.repeat(1_000))
    const publish = async (n: number) => {
      const records = Array.from({ length: 10 }, (_, i) => makeRecord(`k${i}`, n, { value }))
      await open.publish(TOPIC, records)
      accepted.push(...idsOf(records))
    }
    const refused = await assertRejects(async () => {
      for (let n = 0; n < 10_000; n += 1) await publish(n)
    })
    assert.equal(refused, 'storage_full')
    const found = await reader.take(accepted.length)
    assert.deepEqual(new Set(idsOf(found)), new Set(accepted))
    assert.equal(await reader.settle(found), accepted.length, 'settling goes on')
    await makeRoom()
    await publish(-1)
    assert.deepEqual(new Set(idsOf(await reader.take(10))), new Set(accepted.slice(-10)))
  },

  'settling the places of another topic settles nothing': async ({ open }) => {
    await using bus = await open()
    await bus.publish(TOPIC, [makeRecord('a', 1)])
    const reader = await join(bus)
    const records = await reader.take(1)
    const elsewhere = records.map((record) => ({ ...record, topic: 'customerio.dlq' }))
    assert.equal(await reader.settle(elsewhere), 0)
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 1)
  },

  'reading without a group changes nothing': async ({ open, lanes }) => {
    await using bus = await open()
    const records = Array.from({ length: 30 }, (_, n) => makeRecord(`k${n % 3}`, n))
    await bus.publish(TOPIC, records)
    const lane = laneOf('k1', lanes)
    const mine = records.filter(({ key }) => laneOf(key, lanes) === lane)
    const read = await bus.read(TOPIC, { lane, from: 0, limit: 100 })
    assert.deepEqual(idsOf(read), idsOf(mine))
    const from = read[3]?.offset ?? 0
    assert.deepEqual(idsOf(await bus.read(TOPIC, { lane, from, limit: 2 })), idsOf(mine.slice(3, 5)))
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 30)
  },

  'closing a subscription ends its iterator, also while it waits': async ({ open }) => {
    await using bus = await open()
    const subscription = await bus.subscribe(TOPIC, 'g')
    const waiting = subscription[Symbol.asyncIterator]().next()
    await subscription[Symbol.asyncDispose]()
    await subscription[Symbol.asyncDispose]()
    assert.equal((await within(Promise.resolve(waiting), 'the end')).done, true)
  },

  'closing the bus leaves nobody who was about to subscribe': async ({ open }) => {
    const bus = await open()
    const opening = assertRejects(() => bus.subscribe(TOPIC, 'late'))
    await bus[Symbol.asyncDispose]()
    assert.equal(await within(opening, 'a refusal'), 'shutting_down')
  },

  'closing the bus leaves no publication in the air': async ({ open }) => {
    const bus = await open()
    const publishing = [1, 2, 3].map((n) => bus.publish(TOPIC, [makeRecord('a', n)]))
    await bus[Symbol.asyncDispose]()
    const ends = await within(Promise.allSettled(publishing), 'an answer')
    for (const end of ends) if (end.status === 'rejected') assert.ok(end.reason instanceof SluiceError)
    assert.equal(await assertRejects(() => bus.publish(TOPIC, [makeRecord('a', 4)])), 'shutting_down')
  },
}
