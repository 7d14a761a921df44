/** People that several processes share: the law of people/, and that all processes have one picture at every moment. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Bus } from '../bus/bus.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { type Clock, systemClock as clock } from '../core/clock.ts'
import { TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { testPeople } from '../people/conformance.ts'
import { openMemoryPeople } from '../people/memory.ts'
import { SharedPeople } from './links.ts'

const ulids = makeUlids()
const join = (bus: Pick<Bus, 'publish' | 'read'>) =>
  new SharedPeople({ bus, local: openMemoryPeople(), clock, ulids })

const buses = new Map<string, Bus>()
testPeople({
  name: 'shared',
  persistent: true,
  open: (directory) => {
    const bus = buses.get(directory) ?? openMemoryBus({ clock })
    buses.set(directory, bus)
    return join(bus)
  },
})

const NAME = fc.constantFrom(...Array.from({ length: 6 }, (_, n) => `k${n}`))
const STEP = fc.record({ by: fc.nat({ max: 2 }), key: NAME, canonical: NAME, waits: fc.boolean() })

test('whichever process links, all of them and whoever comes later resolve alike', async () => {
  const names = Array.from({ length: 6 }, (_, n) => `k${n}`)
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 30 }), async (steps) => {
      await using bus = openMemoryBus({ clock })
      const processes = [join(bus), join(bus), join(bus)]
      let last: Promise<void> = Promise.resolve()
      for (const { by, key, canonical, waits } of steps) {
        last = Promise.all([last, processes[by]?.link(key, canonical)]).then(() => {})
        if (waits) await last
      }
      await last
      const pictures = await Promise.all([...processes, join(bus)].map((people) => people.resolve(names)))
      for (const picture of pictures) assert.deepEqual(picture, pictures[0])
    }),
    { seed: 6, numRuns: 200 },
  )
})

test('a link that is durable is seen by the next question of any process', async () => {
  await using bus = openMemoryBus({ clock })
  const [one, other] = [join(bus), join(bus)]
  await other.resolve(['email:a'])
  for (let n = 0; n < 50; n += 1) {
    await one.link(`email:${n}`, `id:${n}`)
    assert.deepEqual(await other.resolve([`email:${n}`]), [`id:${n}`])
  }
})

test('a process that does not look at the topic first is caught by these tests', async () => {
  await using bus = openMemoryBus({ clock })
  const blind = join({ publish: (...args) => bus.publish(...args), read: async () => [] })
  await join(bus).link('email:a', 'id:1')
  assert.deepEqual(await blind.resolve(['email:a']), ['email:a'], 'the planted fault')
})

test('what lies on the topic and is no link is passed over', async () => {
  await using bus = openMemoryBus({ clock })
  const record = { id: ulids(0), key: 'x', kind: '', at: 0, headers: {} }
  await bus.publish(TOPICS.people, [
    { ...record, value: 'garbage' },
    { ...record, value: '{"key":1}' },
  ])
  const people = join(bus)
  await people.link('a', 'b')
  assert.deepEqual(await people.resolve(['a']), ['b'])
})

for (const first of ['resolve', 'link'] as const)
  test(`a bus that answers nothing, as a Kafka that is frozen, is told of to a ${first} in time, to the next at once, and holds up no end`, async () => {
    const asleep: number[] = []
    let now = 0
    const hasty: Clock = {
      ...clock,
      mono: () => now,
      sleep: async (ms) => {
        asleep.push(ms)
        await clock.sleep(0)
        now += ms
      },
    }
    const bus = { publish: async () => {}, read: () => new Promise<never>(() => {}) }
    const people = new SharedPeople({ bus, local: openMemoryPeople(), clock: hasty, ulids })
    const asks = {
      resolve: () => people.resolve(['email:a']),
      link: () => people.link('email:a', 'id:1'),
    }
    for (const ask of [asks[first], asks.resolve, asks.link])
      await assert.rejects(ask(), { code: 'bus_unavailable' })
    await people[Symbol.asyncDispose]()
    assert.deepEqual(asleep, [10_000, 0, 0, 10_000])
  })

test('a bus that answers again after it was frozen is waited for again', async () => {
  await using real = openMemoryBus({ clock })
  await join(real).link('email:a', 'id:1')
  const thaw = Promise.withResolvers<void>()
  let isFrozen = true
  const sleep = (ms: number) => (isFrozen || ms <= 0 ? Promise.resolve() : new Promise<never>(() => {}))
  const read: Bus['read'] = (...range) => thaw.promise.then(() => real.read(...range))
  const bus = { publish: real.publish.bind(real), read }
  const people = new SharedPeople({ bus, local: openMemoryPeople(), clock: { ...clock, sleep }, ulids })
  await assert.rejects(people.resolve(['email:a']), { code: 'bus_unavailable' })
  isFrozen = false
  thaw.resolve()
  await people.follow()
  assert.deepEqual(await people.resolve(['email:a']), ['id:1'])
})
