/** Moving a backlog: order, what was settled above, garbage, an interruption at every place, and targets that are not new. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '../core/clock.ts'
import { type BusRecord, HEADER, placeOf, type Received, TOPICS } from '../core/record.ts'
import type { Bus } from './bus.ts'
import { makeRecord } from './conformance-stand.ts'
import { assertEmpty, type CopyOptions, copyBacklog } from './copy.ts'
import { openMemoryBus } from './memory.ts'

const READERS = [
  { topic: TOPICS.events, group: 'delivery' },
  { topic: TOPICS.track, group: 'ingest' },
]

const strange = (n: number): BusRecord => ({ ...makeRecord(`k${n % 3}`, n), id: '', kind: '', value: 'same' })

/** 2000 operations of which every third is settled, and 30 messages that look all alike. */
async function backlog(): Promise<{ bus: Bus; left: Map<string, string[]> }> {
  const bus = openMemoryBus({ clock, lanes: 16 })
  await bus.publish(
    TOPICS.events,
    Array.from({ length: 2_000 }, (_, n) => makeRecord(`k${n % 50}`, n)),
  )
  await bus.publish(
    TOPICS.track,
    Array.from({ length: 30 }, (_, n) => strange(n)),
  )
  const left = new Map<string, string[]>()
  {
    await using subscription = await bus.subscribe(TOPICS.events, 'delivery', { batch: 2_000 })
    const { value } = await subscription[Symbol.asyncIterator]().next()
    const records: readonly Received[] = value ?? []
    const rest = records.filter((_, n) => n % 3 !== 0)
    await subscription.settle(records.filter((_, n) => n % 3 === 0))
    for (const { key, value } of rest) left.set(key, [...(left.get(key) ?? []), value])
  }
  return { bus, left }
}

const move = (from: Bus, to: Bus, more: Partial<CopyOptions> = {}) =>
  copyBacklog({
    from,
    to,
    readers: READERS,
    clock,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...more,
  })

async function assertMoved(to: Bus, left: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const records = await to.read(TOPICS.events, { from: 0, limit: 10_000 })
  const found = Map.groupBy(records, ({ key }) => key)
  assert.equal(found.size, left.size)
  for (const [key, values] of left)
    assert.deepEqual(
      found.get(key)?.map(({ value }) => value),
      values,
      `the order of ${key}`,
    )
  const messages = await to.read(TOPICS.track, { from: 0, limit: 100 })
  assert.deepEqual([messages.length, new Set(messages.map(placeOf)).size], [30, 30])
  assert.ok(messages.every(({ id, headers }) => id === '' && headers[HEADER.copiedFrom]?.includes('track/')))
}

test('what is not settled is moved in its order, into other lanes, and is settled at the source', async () => {
  const { bus, left } = await backlog()
  const to = openMemoryBus({ clock, lanes: 3 })
  const told: number[] = []
  const moved = await move(bus, to, { onProgress: (count) => told.push(count) })
  assert.equal(moved, [...left.values()].flat().length + 30)
  assert.equal(told.at(-1), moved)
  await assertMoved(to, left)
  for (const { topic, group } of READERS) assert.equal((await bus.lag(topic, group)).unsettled, 0)
  assert.equal(await move(bus, to), 0, 'once more moves nothing')
})

test('interrupted before any of its steps, it goes on and nothing is there twice', async () => {
  for (let step = 0; step < 8; step += 1) {
    const { bus, left } = await backlog()
    const to = openMemoryBus({ clock, lanes: 5 })
    let steps = 0
    const dying = () => {
      steps += 1
      if (steps > step) throw new Error('the process died')
    }
    const from = interrupted(bus, dying)
    const target = {
      ...interrupted(to, dying),
      publish: async (topic: string, records: readonly BusRecord[]) => {
        dying()
        await to.publish(topic, records)
      },
    }
    await assert.rejects(move(from, target), /died/)
    await move(bus, to)
    await assertMoved(to, left)
  }
})

/** Dies when it settles. */
function interrupted(bus: Bus, dying: () => void): Bus {
  return {
    features: bus.features,
    publish: (...args) => bus.publish(...args),
    lag: (...args) => bus.lag(...args),
    read: (...args) => bus.read(...args),
    subscribe: async (...args) => {
      const real = await bus.subscribe(...args)
      return {
        share: 1,
        settle: async (places) => {
          dying()
          return real.settle(places)
        },
        [Symbol.asyncIterator]: () => real[Symbol.asyncIterator](),
        [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
      }
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  }
}

test('a target that holds anything is refused, and so is a source that others read', async () => {
  const { bus } = await backlog()
  const used = openMemoryBus({ clock })
  await used.publish(TOPICS.dlq, [makeRecord('a', 1)])
  await assert.rejects(assertEmpty(used), { code: 'conflict' })
  await assertEmpty(openMemoryBus({ clock }))
  await using _ = await bus.subscribe(TOPICS.events, 'delivery')
  let now = 0
  const pass = (ms: number) => {
    now += ms
  }
  const hurried = { ...clock, mono: () => now, sleep: async (ms: number) => pass(ms) }
  await assert.rejects(move(bus, openMemoryBus({ clock }), { clock: hurried }), {
    code: 'conflict',
    message: /Another process reads/,
  })
})
