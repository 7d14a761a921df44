/** The topics of the reference architecture over a bus in memory: order, repeats, garbage, a full log, a stop in the middle. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { unwatched } from '../core/feed.ts'
import type { NoticeName } from '../core/notices.ts'
import { type BusRecord, HEADER, type Received, TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { openMemoryPeople } from '../people/memory.ts'
import { policiesWith } from '../preflight/rules.ts'
import { Intake } from './accept.ts'
import { Judge } from './judge.ts'
import { INTAKE_GROUP, TopicIntake, writeMessages } from './topics.ts'

/** Waits pass at once, so that a full log is tried again and again. */
const clock: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) }

interface Stand {
  readonly bus: Bus
  readonly told: readonly NoticeName[]
  /** Opens one more process: an intake with what it remembers, and who follows the topics. */
  start(bus?: Pick<Bus, 'publish' | 'subscribe'>): Promise<TopicIntake>
  write(topic: string, ...values: readonly (object | string | Uint8Array)[]): Promise<void>
  /** All operations so far, when so many messages are taken in. */
  taken(topic: string): Promise<readonly Received[]>
}

function stand(): Stand {
  const bus = openMemoryBus({ clock })
  const told: NoticeName[] = []
  const notify = (name: NoticeName) => told.push(name)
  const start = async (over: Pick<Bus, 'publish' | 'subscribe'> = bus) => {
    const known = new Map<string, string>()
    const ledger = {
      seen: async (_: string, ids: readonly string[]) =>
        new Map(ids.flatMap((id) => (known.has(id) ? [[id, known.get(id) ?? ''] as const] : []))),
      remember: async (_: string, accepted: ReadonlyMap<string, string>) => {
        for (const [id, operation] of accepted) known.set(id, operation)
      },
    }
    const people = openMemoryPeople()
    const intake = new Intake({
      bus: over,
      ledger,
      people,
      clock,
      ulids: makeUlids(),
      feed: unwatched,
      notify,
    })
    const judge = new Judge({ policies: policiesWith(), clock, notify })
    const onFatal = (thrown: unknown) => assert.fail(String(thrown))
    const topics = new TopicIntake({ bus: over, intake, judge, clock, notify, onFatal })
    await topics.start()
    return topics
  }
  const write = (topic: string, ...values: readonly (object | string | Uint8Array)[]) =>
    writeMessages(
      { bus, clock },
      topic,
      values.map((value) => {
        if (typeof value === 'string' || value instanceof Uint8Array) return { key: 'k', value }
        return { key: 'userId' in value ? String(value.userId) : 'k', value: JSON.stringify(value) }
      }),
    )
  const taken = async (topic: string) => {
    while ((await bus.lag(topic, INTAKE_GROUP)).unsettled > 0) await clock.sleep(0)
    return bus.read(TOPICS.events, { from: 0, limit: 100_000 })
  }
  return { bus, told, start, write, taken }
}

const track = (userId: string, n: number) => ({ type: 'track', userId, payload: { event: 'e', n } })
const numberOf = ({ value }: BusRecord) => Number(/"n":(\d+)/.exec(value)?.[1])

test('what is written to customerio.track becomes operations, in order per person, in many batches', async () => {
  const { start, write, taken } = stand()
  await using _ = await start()
  for (let n = 0; n < 3_000; n += 100)
    await write(TOPICS.track, ...Array.from({ length: 100 }, (_, i) => track(`u${(n + i) % 7}`, n + i)))
  const operations = await taken(TOPICS.track)
  assert.equal(operations.length, 3_000)
  for (const records of Map.groupBy(operations, ({ key }) => key).values())
    assert.deepEqual(
      records.map(numberOf),
      records.map(numberOf).sort((a, b) => a - b),
    )
  assert.equal(operations[0]?.headers[HEADER.source], TOPICS.track)
})

test('garbage becomes a record for the dead letters, and the lane moves on', async () => {
  const { start, write, taken, told } = stand()
  await using _ = await start()
  await write(TOPICS.track, track('k', 1), 'garbage', Uint8Array.of(0xff, 0x00), track('k', 2))
  const operations = await taken(TOPICS.track)
  assert.deepEqual(operations.map(({ kind }) => kind).sort(), [
    'person.event',
    'person.event',
    'unreadable',
    'unreadable',
  ])
  const bytes = operations.find(({ headers }) => headers[HEADER.encoding] === 'base64')
  assert.equal(bytes?.value, '/wA=')
  assert.match(bytes?.headers[HEADER.origin] ?? '', /^customerio\.track\/\d+\/2$/)
  assert.match(bytes?.headers[HEADER.fault] ?? '', /"reason":"invalid"/)
  assert.ok(told.includes('ingest.unreadable'))
})

test('an identify links the person for the events of the other topic', async () => {
  const { start, write, taken } = stand()
  await using _ = await start()
  await write(TOPICS.identify, { type: 'identify', userId: '42', payload: { email: 'ada@example.com' } })
  await taken(TOPICS.identify)
  await write(TOPICS.track, track('ada@example.com', 1))
  const operations = await taken(TOPICS.track)
  assert.deepEqual(
    operations.map(({ key }) => key),
    ['id:42', 'id:42'],
  )
})

test('a message that comes again to another process becomes an operation with the same id', async () => {
  const { bus, start, write, taken } = stand()
  // Dies between publishing and settling: nothing is ever settled.
  const dying: Pick<Bus, 'publish' | 'subscribe'> = {
    publish: (topic, records) => bus.publish(topic, records),
    subscribe: async (...args) => {
      const subscription = await bus.subscribe(...args)
      return Object.assign(Object.create(subscription), {
        settle: async () => 0,
        [Symbol.asyncIterator]: () => subscription[Symbol.asyncIterator](),
        [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
      })
    },
  }
  const first = await start(dying)
  await write(TOPICS.track, track('u', 1), 'garbage', track('u', 2))
  while ((await bus.lag(TOPICS.events, 'any')).published < 3) await clock.sleep(0)
  await first[Symbol.asyncDispose]()
  await using _ = await start()
  const operations = await taken(TOPICS.track)
  assert.equal(operations.length, 6)
  const times = Map.groupBy(operations, ({ id }) => id)
  assert.deepEqual(
    [...times.values()].map((same) => same.length),
    [2, 2, 2],
  )
  for (const same of times.values()) assert.equal(same[0]?.value, same[1]?.value, 'to the letter')
})

test('while the log is full a batch is tried again, and never overtaken by the next', async () => {
  const { bus, start, write, taken } = stand()
  let refusals = 5
  const full: Pick<Bus, 'publish' | 'subscribe'> = {
    publish: async (topic, records) => {
      refusals -= 1
      if (refusals >= 0 && refusals % 2 === 0) throw new SluiceError('storage_full')
      await bus.publish(topic, records)
    },
    subscribe: (...args) => bus.subscribe(...args),
  }
  await write(TOPICS.track, ...Array.from({ length: 2_500 }, (_, n) => track('u', n)))
  await using _ = await start(full)
  const operations = await taken(TOPICS.track)
  assert.deepEqual(
    operations.map(numberOf),
    Array.from({ length: 2_500 }, (_, n) => n),
  )
})

test('a batch that waits for room gives up what goes to another process meanwhile', async () => {
  const { bus, start, write, taken } = stand()
  const tried = Promise.withResolvers<void>()
  let full = true
  const away: Pick<Bus, 'publish' | 'subscribe'> = {
    publish: async (topic, records) => {
      tried.resolve()
      if (full) throw new SluiceError('bus_unavailable')
      await bus.publish(topic, records)
    },
    subscribe: (...args) => bus.subscribe(...args),
  }
  await write(TOPICS.track, ...Array.from({ length: 200 }, (_, n) => track(`u${n % 40}`, n)))
  await using first = await start(away)
  await tried.promise
  await using second = await start()
  while ((await bus.lag(TOPICS.track, INTAKE_GROUP)).unsettled === 200) await clock.sleep(0)
  full = false
  const operations = await taken(TOPICS.track)
  assert.ok(first !== second)
  assert.deepEqual(
    operations.map(numberOf).sort((a, b) => a - b),
    Array.from({ length: 200 }, (_, n) => n),
    'each once: what the second had taken over, the first did not publish after it',
  )
})

test('nobody takes the sends: they stay', async () => {
  const { bus, start, write, taken } = stand()
  await using _ = await start()
  await write(TOPICS.transactional, { type: 'transactional', userId: '1', payload: {} })
  await write(TOPICS.track, track('u', 1))
  await taken(TOPICS.track)
  assert.equal((await bus.lag(TOPICS.transactional, 'messaging')).unsettled, 1)
  await assert.rejects(write(TOPICS.processed, {}), { code: 'bad_request' })
})
