/** Replays between a ledger and a bus that refuses, answers late, or is asked by several at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { systemClock as clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { silent } from '../core/notices.ts'
import { HEADER, type Place, type Received, TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import type { Entry } from '../ledger/ledger.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { GROUP, Replays, siftReplays } from './replay.ts'

const REFUSAL = { code: 'upstream_rejected', reason: 'invalid' }

function deadOf(id: string, place: Partial<Place> = {}): Entry {
  const subject = { id, key: 'id:1', kind: 'person.event', headers: {}, receivedAt: 1, endedAt: 2 }
  const ended = { outcome: 'dead', attempts: [], refusal: REFUSAL, value: '{}' } as const
  return { ...subject, topic: TOPICS.events, lane: 0, offset: 0, ...ended, ...place }
}

type Fault = () => Promise<void>
const nothing: Fault = async () => {}

/** So many dead letters, and a bus before whose verbs something may happen. */
async function stand(count = 1) {
  const ulids = makeUlids()
  const ids = Array.from({ length: count }, () => ulids(1))
  const ledger = await openSqliteLedger({ directory: ':memory:' })
  await ledger.record(ids.map((id, offset) => deadOf(id, { offset })))
  const memory = openMemoryBus({ clock })
  const before: { publish: Fault; lag: Fault } = { publish: nothing, lag: nothing }
  const bus = {
    features: memory.features,
    publish: async (...asked: Parameters<typeof memory.publish>) => {
      await before.publish()
      await memory.publish(...asked)
    },
    subscribe: memory.subscribe.bind(memory),
    lag: async (...asked: Parameters<typeof memory.lag>) => {
      await before.lag()
      return memory.lag(...asked)
    },
    read: memory.read.bind(memory),
    [Symbol.asyncDispose]: async () => {},
  }
  const replays = new Replays({ bus, ledger, clock, notify: silent })
  const published = async () =>
    (await memory.read(TOPICS.replay, { from: 0, limit: 10 })).map((record) => record.id)
  return { ids, ledger, memory, before, replays, published }
}

const refuse = (code: 'storage_full' | 'bus_unavailable') => async () => {
  throw new SluiceError(code)
}

test('a replay that a full disk refused is made good when there is room, and once', async () => {
  const { ids, before, replays, published } = await stand()
  before.publish = refuse('storage_full')
  await assert.rejects(replays.start(ids), { code: 'storage_full' })
  await assert.rejects(replays.catchUp(), { code: 'storage_full' })
  before.publish = nothing
  await replays.catchUp()
  await replays.catchUp()
  assert.deepEqual(await published(), ids)
})

test('a replay is owed still when the bus does not even say what it has', async () => {
  const { ids, before, replays, published } = await stand()
  before.publish = refuse('bus_unavailable')
  await assert.rejects(replays.start(ids), { code: 'bus_unavailable' })
  before.lag = refuse('bus_unavailable')
  await assert.rejects(replays.catchUp(), { code: 'bus_unavailable' })
  before.publish = nothing
  before.lag = nothing
  await replays.catchUp()
  assert.deepEqual(await published(), ids)
})

test('a process starts on a full log, whatever replays it owes, and makes them good when there is room', async () => {
  const { ids, ledger, before, replays, published } = await stand()
  await ledger.dead.startReplay(ids) // and then the last process died
  before.publish = refuse('storage_full')
  assert.equal(await replays.resume(), 0)
  before.publish = nothing
  await replays.catchUp()
  assert.deepEqual(await published(), ids)
})

test('a process that cannot even look for what it owes, for want of room, looks again', async () => {
  const { ids, ledger, before, replays, published } = await stand()
  await ledger.dead.startReplay(ids)
  before.lag = refuse('storage_full')
  assert.equal(await replays.resume(), 0)
  before.lag = nothing
  await replays.catchUp()
  assert.deepEqual(await published(), ids)
})

test('what is owed is not published beside whoever is publishing it just then', async () => {
  const { ids, before, replays, published } = await stand(2)
  before.publish = refuse('storage_full')
  await assert.rejects(replays.start(ids.slice(0, 1)), { code: 'storage_full' })
  const [publishing, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  before.publish = () => {
    publishing.resolve()
    return gate.promise
  }
  const started = replays.start(ids.slice(1))
  await publishing.promise
  const caughtUp = replays.catchUp()
  await clock.sleep(0)
  gate.resolve()
  await Promise.all([started, caughtUp])
  assert.deepEqual((await published()).sort(), ids)
})

test('a replay that ends while it is looked for is not published again', async () => {
  const { ids, ledger, memory, before, replays, published } = await stand(2)
  await replays.start(ids.slice(0, 1))
  before.publish = refuse('storage_full')
  await assert.rejects(replays.start(ids.slice(1)), { code: 'storage_full' })
  before.publish = nothing
  const delivery = await memory.subscribe(TOPICS.replay, GROUP)
  before.lag = async () => {
    for await (const records of delivery) {
      await ledger.record(records.map(({ id, lane, offset }) => endOf(id, { lane, offset })))
      await delivery.settle(records)
      break
    }
  }
  await replays.catchUp()
  assert.deepEqual(await published(), ids)
})

test('a letter that is dead once more, and whose next replay is refused, is not left behind for its last one', async () => {
  const { ids, ledger, memory, before, replays } = await stand()
  const [id = ''] = ids
  await replays.start(ids)
  await ledger.record([{ ...deadOf(id), topic: TOPICS.replay }]) // and the bus does not know it yet
  before.publish = refuse('storage_full')
  await assert.rejects(replays.start(ids), { code: 'storage_full' })
  before.publish = nothing
  await replays.catchUp()
  await replays.catchUp()
  const onBus = await memory.read(TOPICS.replay, { from: 0, limit: 10 })
  assert.deepEqual(
    onBus.map((record) => record.headers[HEADER.round]),
    ['1', '2'],
  )
  assert.deepEqual(await siftReplays(ledger, onBus), onBus.slice(1))
})

test('a replay of which the bus has two, since it left one in doubt, is sent once', async () => {
  const { ids, ledger, memory, before, replays } = await stand(2)
  before.publish = refuse('bus_unavailable')
  await assert.rejects(replays.start(ids), { code: 'bus_unavailable' })
  before.publish = nothing
  await replays.catchUp()
  const again = await memory.read(TOPICS.replay, { from: 0, limit: 10 })
  await memory.publish(TOPICS.replay, again) // what was in doubt comes after all
  const onBus = await memory.read(TOPICS.replay, { from: 0, limit: 10 })
  assert.equal(onBus.length, 4)
  assert.deepEqual(await siftReplays(ledger, onBus), onBus.slice(0, 2))
})

test('a replay that had ended before a crash is not sent again, and one that had not is', async () => {
  const { ids, ledger } = await stand(5)
  const [delivered = '', deadAgain = '', dropped = '', awaited = '', again = ''] = ids
  await ledger.dead.startReplay([delivered, deadAgain, awaited, again])
  await ledger.dead.drop([dropped])
  await ledger.record([
    endOf(delivered),
    { ...deadOf(deadAgain), topic: TOPICS.replay },
    { ...deadOf(again), topic: TOPICS.replay },
  ])
  await ledger.dead.startReplay([again])
  const records = [...ids, 'of another ledger'].map(received)
  const left = await siftReplays(ledger, records)
  assert.deepEqual(
    left.map(({ id }) => id),
    [awaited, again, 'of another ledger'],
  )
})

test('after a crash what was marked is published a slice at a time, in the order of the log', async () => {
  const ulids = makeUlids()
  await using ledger = await openSqliteLedger({ directory: ':memory:' })
  const refusal = { code: 'upstream_rejected', reason: 'invalid' }
  const letters = Array.from({ length: 1_200 }, (_, offset) => ({
    ...{ id: ulids(1), key: 'id:1', kind: 'person.event', headers: {}, receivedAt: 1, endedAt: 2 },
    ...{ topic: TOPICS.events, lane: 0, offset, outcome: 'dead', attempts: [], refusal, value: '{}' },
  })) satisfies Entry[]
  await ledger.record(letters.toReversed())
  await ledger.dead.startReplay(letters.map(({ id }) => id))
  await using memory = openMemoryBus({ clock })
  const slices: number[] = []
  const bus: Bus = {
    features: memory.features,
    publish: (topic, records) => {
      slices.push(records.length)
      return memory.publish(topic, records)
    },
    subscribe: memory.subscribe.bind(memory),
    lag: memory.lag.bind(memory),
    read: memory.read.bind(memory),
    [Symbol.asyncDispose]: async () => {},
  }
  const replays = new Replays({ bus, ledger, clock, notify: silent })
  assert.equal(await replays.resume(), 1_200)
  assert.deepEqual(slices, [500, 500, 200])
  const published = await memory.read(TOPICS.replay, { from: 0, limit: 2_000 })
  assert.deepEqual(
    published.map(({ id }) => id),
    letters.map(({ id }) => id),
  )
})

function endOf(id: string, place: Partial<Place> = {}): Entry {
  const { refusal: _, value: __, ...entry } = deadOf(id, place)
  return { ...entry, topic: TOPICS.replay, outcome: 'delivered' }
}

const received = (id: string, offset: number): Received => {
  const { key, kind, headers } = deadOf(id)
  return { id, key, kind, headers, at: 1, value: '{}', topic: TOPICS.replay, lane: 0, offset, epoch: 1 }
}
