/** Scenarios: the members of a group share its lanes, which come and go. */
import assert from 'node:assert/strict'
import type { BusRecord } from '../core/record.ts'
import {
  idsOf,
  join,
  keysApart,
  makeRecord,
  type Reader,
  type Scenario,
  TOPIC,
  until,
} from './conformance-stand.ts'
import { laneOf } from './lane.ts'

export const sharingScenarios: Readonly<Record<string, Scenario>> = {
  'a lane that is taken away is drained first: what was settled by then is not repeated': async ({
    open,
    features,
    lanes,
  }) => {
    if (!features.rebalances || lanes < 2) return
    await using bus = await open()
    const [one, other] = keysApart(lanes)
    await bus.publish(TOPIC, [makeRecord(one, 1), makeRecord(other, 2)])
    const revoked: number[] = []
    const first: Reader = await join(bus, 'g', {
      onRevoke: async (lost) => {
        revoked.push(...lost)
        await first.settle(held.filter(({ lane }) => lost.includes(lane)))
      },
    })
    const held = await first.take(2)
    const second = await join(bus)
    await until(async () => revoked.length > 0)
    const later = [makeRecord(one, 3), makeRecord(other, 4)]
    await bus.publish(TOPIC, later)
    const isMoved = ({ key }: BusRecord) => revoked.includes(laneOf(key, lanes))
    const moved = later.filter(isMoved).length
    const news = await Promise.all([first.take(later.length - moved), second.take(moved)])
    assert.deepEqual(new Set(idsOf(news.flat())), new Set(idsOf(later)), 'each once, by its owner')
  },

  'settling under an epoch that has ended is not counted, and the new owner receives the record': async ({
    open,
    features,
  }) => {
    if (!features.rebalances) return
    await using bus = await open()
    const records = Array.from({ length: 64 }, (_, n) => makeRecord(`k${n}`, n))
    await bus.publish(TOPIC, records)
    let lost: readonly number[] = []
    const first = await join(bus, 'g', {
      onRevoke: async (lanes) => {
        lost = [...lost, ...lanes]
      },
    })
    const held = await first.take(64)
    const second = await join(bus)
    await until(async () => lost.length > 0)
    const taken = held.filter(({ lane }) => lost.includes(lane))
    const again = await second.take(taken.length)
    assert.deepEqual(new Set(idsOf(again)), new Set(idsOf(taken)))
    assert.equal(await first.settle(taken), 0, 'fenced')
    assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 64)
    assert.equal(await second.settle(again), taken.length)
    assert.equal(await first.settle(held), 64 - taken.length, 'what it still owns counts')
    for (const record of again) {
      const before = held.find(({ id }) => id === record.id)
      assert.ok(before && record.epoch > before.epoch, 'a later epoch')
    }
  },

  'when a member leaves, the others receive what it had not settled': async ({ open, features }) => {
    if (!features.rebalances) return
    await using bus = await open()
    const first = await join(bus)
    const second = await join(bus)
    const records = Array.from({ length: 100 }, (_, n) => makeRecord(`k${n}`, n))
    await bus.publish(TOPIC, records)
    await second.next()
    await second.stop()
    const found = new Set<string>()
    while (found.size < 100) found.add((await first.next()).id)
    assert.deepEqual(found, new Set(idsOf(records)))
  },

  'the members of a group share one whole, also while lanes move': async ({ open, features }) => {
    if (!features.rebalances) return
    await using bus = await open()
    const first = await join(bus)
    await until(async () => first.subscription.share === 1)
    const second = await join(bus)
    const shares = () => [first.subscription.share, second.subscription.share] as const
    await until(async () => {
      const [one, other] = shares()
      assert.ok(one + other <= 1, `together ${one} and ${other}`)
      return one > 0 && other > 0 && one + other === 1
    })
    await first.stop()
    assert.equal(first.subscription.share, 0)
    await until(async () => second.subscription.share === 1)
  },
}
