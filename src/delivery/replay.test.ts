import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '../bus/bus.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { systemClock as clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { silent } from '../core/notices.ts'
import { TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import type { Entry } from '../ledger/ledger.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { Replays } from './replay.ts'

test('a replay that a full disk refused is made good when there is room, and once', async () => {
  const id = makeUlids()(1)
  await using ledger = await openSqliteLedger({ directory: ':memory:' })
  const place = { topic: TOPICS.events, lane: 0, offset: 0 }
  const refusal = { code: 'upstream_rejected', reason: 'invalid' }
  const ended = { outcome: 'dead', attempts: [], refusal, value: '{}' } as const
  const subject = { id, key: 'id:1', kind: 'person.event', headers: {}, receivedAt: 1, endedAt: 2 }
  await ledger.record([{ ...subject, ...place, ...ended }])
  await using memory = openMemoryBus({ clock })
  let full = true
  const bus = {
    features: memory.features,
    publish: async (...asked: Parameters<typeof memory.publish>) => {
      if (full) throw new SluiceError('storage_full')
      await memory.publish(...asked)
    },
    subscribe: memory.subscribe.bind(memory),
    lag: memory.lag.bind(memory),
    read: memory.read.bind(memory),
    [Symbol.asyncDispose]: async () => {},
  }
  const replays = new Replays({ bus, ledger, clock, notify: silent })
  await assert.rejects(replays.start([id]), { code: 'storage_full' })
  await assert.rejects(replays.catchUp(), { code: 'storage_full' })
  full = false
  await replays.catchUp()
  await replays.catchUp()
  assert.deepEqual(
    (await memory.read(TOPICS.replay, { from: 0, limit: 10 })).map((record) => record.id),
    [id],
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
