/** Scenarios: what is published arrives, whole, in order, and at everybody who asks for it. */
import assert from 'node:assert/strict'
import { HEADER, type Headers } from '../core/record.ts'
import {
  assertSameOrder,
  idsOf,
  join,
  makeRecord,
  type Scenario,
  TOPIC,
  valuesOf,
} from './conformance-stand.ts'
import { laneOf } from './lane.ts'

export const arrivalScenarios: Readonly<Record<string, Scenario>> = {
  'records with one key arrive in the order in which they were published': async ({ open }) => {
    await using bus = await open()
    const records = Array.from({ length: 500 }, (_, n) => makeRecord(`k${n % 7}`, n))
    for (let at = 0; at < records.length; at += 50) await bus.publish(TOPIC, records.slice(at, at + 50))
    const reader = await join(bus)
    assertSameOrder(await reader.take(500), records)
  },

  'calls that are not waited for keep their order per key': async ({ open }) => {
    await using bus = await open()
    const records = Array.from({ length: 300 }, (_, n) => makeRecord(`k${n % 3}`, n))
    await Promise.all(records.map((record) => bus.publish(TOPIC, [record])))
    const reader = await join(bus)
    assertSameOrder(await reader.take(300), records)
  },

  'a record arrives as it was published: key, kind, time, headers and value to the letter': async ({
    open,
  }) => {
    await using bus = await open()
    const headers: Headers = { [HEADER.source]: 'web', [HEADER.correlationId]: 'c-1', 'x-odd': 'ü 漢 "\\' }
    const records = [
      makeRecord('id:42', 1, {
        headers,
        kind: 'person.identify',
        value: '{"big":12345678901234567890,"e":1.50}',
      }),
      makeRecord('email:ä@b.c', 2, { value: '{"text":"😀 \\u0000 \\ud800 \\n","nl":\n1}' }),
      makeRecord('k/?#%+ @', 3, { headers, value: '"\u2028"' }),
    ]
    await bus.publish(TOPIC, records)
    const reader = await join(bus)
    const found = new Map((await reader.take(3)).map((record) => [record.id, record]))
    for (const record of records) {
      const { id, key, kind, at, headers, value } = found.get(record.id) ?? assert.fail('it is missing')
      assert.deepEqual({ id, key, kind, at, headers: { ...headers }, value }, record)
    }
  },

  'a value of a megabyte arrives whole, among small ones': async ({ open }) => {
    await using bus = await open()
    const large = makeRecord('a', 2, { value: JSON.stringify('ü'.repeat(500_000)) })
    const records = [makeRecord('a', 1), large, makeRecord('a', 3)]
    await bus.publish(TOPIC, records)
    const reader = await join(bus)
    assert.deepEqual(valuesOf(await reader.take(3)), valuesOf(records))
  },

  'a key is always in the lane that the rule gives it': async ({ open, lanes }) => {
    await using bus = await open()
    await bus.publish(
      TOPIC,
      Array.from({ length: 200 }, (_, n) => makeRecord(`id:${n}`, n)),
    )
    const reader = await join(bus)
    for (const { key, lane } of await reader.take(200)) assert.equal(lane, laneOf(key, lanes), key)
  },

  'publishing nothing is done at once and leaves nothing': async ({ open }) => {
    await using bus = await open()
    await bus.publish(TOPIC, [])
    assert.equal((await bus.lag(TOPIC, 'g')).published, 0)
  },

  'who waits on an empty topic is woken by the first record': async ({ open }) => {
    await using bus = await open()
    const reader = await join(bus)
    const waiting = reader.next()
    const record = makeRecord('a', 1)
    await bus.publish(TOPIC, [record])
    assert.equal((await waiting).id, record.id)
  },

  'what comes later is received by who has caught up, again and again': async ({ open }) => {
    await using bus = await open()
    const reader = await join(bus)
    for (let n = 0; n < 50; n += 1) {
      await bus.publish(TOPIC, [makeRecord('a', n)])
      const record = await reader.next()
      assert.equal(record.value, `{"n":${n}}`)
      await reader.settle([record])
    }
  },

  'two groups each receive everything': async ({ open }) => {
    await using bus = await open()
    const records = Array.from({ length: 20 }, (_, n) => makeRecord('a', n))
    const early = await join(bus, 'early')
    await bus.publish(TOPIC, records)
    const late = await join(bus, 'late')
    for (const reader of [early, late]) assert.deepEqual(idsOf(await reader.take(20)), idsOf(records))
  },

  'topics do not mix': async ({ open }) => {
    await using bus = await open()
    await bus.publish('customerio.dlq', [makeRecord('a', 1)])
    const record = makeRecord('a', 2)
    await bus.publish(TOPIC, [record])
    const reader = await join(bus)
    assert.equal((await reader.next()).id, record.id)
  },

  'a slow consumer does not delay a fast one': async ({ open }) => {
    await using bus = await open()
    const slow = await join(bus, 'slow', { batch: 1 })
    const fast = await join(bus, 'fast')
    const records = Array.from({ length: 2_000 }, (_, n) => makeRecord(`k${n % 10}`, n))
    await bus.publish(TOPIC, records)
    const held = await slow.next() // and never asks again
    assertSameOrder(await fast.take(2_000), records)
    assert.ok(held)
  },
}
