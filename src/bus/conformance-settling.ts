/** Scenarios: what is settled does not come again, and what is not does, also after a crash. */
import assert from 'node:assert/strict'
import {
  assertSameOrder,
  idsOf,
  join,
  makeRecord,
  type Scenario,
  someOf,
  TOPIC,
} from './conformance-stand.ts'

export const settlingScenarios: Readonly<Record<string, Scenario>> = {
  'settling out of order is counted record by record': async ({ open }) => {
    await using bus = await open()
    await bus.publish(
      TOPIC,
      Array.from({ length: 100 }, (_, n) => makeRecord(`k${n % 5}`, n)),
    )
    const reader = await join(bus)
    const records = await reader.take(100)
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 100)
    const last = records.splice(50).toReversed()
    for (const record of last) assert.equal(await reader.settle([record]), 1)
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 50)
    assert.equal(await reader.settle(records), 50)
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 0)
  },

  'lag says how many, since when, and where': async ({ open }) => {
    await using bus = await open()
    const records = Array.from({ length: 10 }, (_, n) => makeRecord('a', n))
    await bus.publish(TOPIC, records)
    const before = await bus.lag(TOPIC, 'g')
    assert.deepEqual([before.published, before.unsettled, before.oldestAt], [10, 10, records[0]?.at])
    const reader = await join(bus)
    const found = await reader.take(10)
    await reader.settle(found.slice(0, 4))
    const midway = await bus.lag(TOPIC, 'g')
    assert.deepEqual([midway.published, midway.unsettled, midway.oldestAt], [10, 6, records[4]?.at])
    assert.deepEqual([...midway.positions], [[found[4]?.lane, found[4]?.offset]])
    await reader.settle(found.slice(4))
    const after = await bus.lag(TOPIC, 'g')
    assert.deepEqual([after.unsettled, after.oldestAt, after.positions.size], [0, undefined, 0])
  },

  'lag is of the moment in which it was asked, though all is settled by the time it is told': async ({
    open,
  }) => {
    await using bus = await open()
    await bus.publish(TOPIC, [makeRecord('a', 1), makeRecord('a', 2)])
    const reader = await join(bus)
    const records = await reader.take(2)
    const asked = bus.lag(TOPIC, 'g')
    const settled = reader.settle(records)
    assert.equal((await asked).unsettled, 2)
    await settled
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 0)
  },

  'settling twice is settled once': async ({ open }) => {
    await using bus = await open()
    await bus.publish(TOPIC, [makeRecord('a', 1), makeRecord('a', 2)])
    const reader = await join(bus)
    const [first] = await reader.take(2)
    assert.ok(first)
    await reader.settle([first])
    await reader.settle([first])
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 1)
  },

  'a record that is never settled holds nobody up': async ({ open }) => {
    await using bus = await open()
    const poison = makeRecord('poison', 0)
    await bus.publish(TOPIC, [poison, ...Array.from({ length: 500 }, (_, n) => makeRecord(`k${n % 20}`, n))])
    const reader = await join(bus)
    for (const record of await reader.take(501)) if (record.id !== poison.id) await reader.settle([record])
    const more = makeRecord('poison', 1)
    await bus.publish(TOPIC, [more])
    assert.equal((await reader.next()).id, more.id, 'even later records of its own key')
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 2)
  },

  'what is not settled comes again to the next subscription, and nothing else does': async ({
    open,
    features,
  }) => {
    await using bus = await open()
    await bus.publish(
      TOPIC,
      Array.from({ length: 60 }, (_, n) => makeRecord(`k${n % 6}`, n)),
    )
    const first = await join(bus)
    const found = await first.take(60)
    const settled = someOf(found, features)
    await first.settle(settled)
    await first.stop()
    const second = await join(bus)
    const expected = found.filter((record) => !settled.includes(record))
    const again = await second.take(expected.length)
    assert.deepEqual(new Set(idsOf(again)), new Set(idsOf(expected)))
    assertSameOrder(again, expected)
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, expected.length)
  },

  'after a crash exactly the unsettled records come again, in order': async ({ open, reopen, features }) => {
    if (!features.persistent || !reopen) return
    const bus = await open()
    const records = Array.from({ length: 90 }, (_, n) => makeRecord(`k${n % 9}`, n))
    await bus.publish(TOPIC, records)
    const reader = await join(bus)
    const found = await reader.take(90)
    const settled = someOf(found, features)
    await reader.settle(settled)
    await using again = await reopen(bus)
    const expected = new Set(idsOf(found))
    for (const { id } of settled) expected.delete(id)
    const next = await join(again)
    const rest = await next.take(expected.size)
    assert.deepEqual(new Set(idsOf(rest)), expected)
    assertSameOrder(
      rest,
      records.filter(({ id }) => expected.has(id)),
    )
    assert.equal((await again.lag(TOPIC, 'g')).unsettled, expected.size)
  },

  'a group goes on at the exact position, over several restarts': async ({ open, reopen, features }) => {
    if (!features.persistent || !reopen) return
    let bus = await open()
    const records = Array.from({ length: 40 }, (_, n) => makeRecord('a', n))
    await bus.publish(TOPIC, records)
    for (let at = 0; at < 40; at += 10) {
      const reader = await join(bus)
      const found = await reader.take(10)
      assert.deepEqual(idsOf(found), idsOf(records.slice(at, at + 10)))
      await reader.settle(found)
      bus = await reopen(bus)
    }
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 0)
    await bus[Symbol.asyncDispose]()
  },

  'records published before a crash are there after it': async ({ open, reopen, features }) => {
    if (!features.persistent || !reopen) return
    const bus = await open()
    const records = Array.from({ length: 25 }, (_, n) => makeRecord(`k${n}`, n))
    await Promise.all(records.map((record) => bus.publish(TOPIC, [record])))
    await using again = await reopen(bus)
    const reader = await join(again)
    assert.deepEqual(new Set(idsOf(await reader.take(25))), new Set(idsOf(records)))
  },
}
