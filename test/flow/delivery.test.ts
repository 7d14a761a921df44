/** The delivery stage with real HTTP, against the emulator: what it does when Customer.io misbehaves. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Bus } from '../../src/bus/bus.ts'
import { openMemoryBus } from '../../src/bus/memory.ts'
import { systemClock } from '../../src/core/clock.ts'
import { unwatched } from '../../src/core/feed.ts'
import type { NoticeFields, NoticeName } from '../../src/core/notices.ts'
import { type BusRecord, TOPICS } from '../../src/core/record.ts'
import { makeUlids } from '../../src/core/ulid.ts'
import { connectRemote } from '../../src/customerio/http.ts'
import { GROUP, Replays } from '../../src/delivery/replay.ts'
import { Delivery } from '../../src/delivery/worker.ts'
import { startEmulator } from '../../src/emulator/emulator.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { policiesWith } from '../../src/preflight/rules.ts'
import { untilDrained } from '../../src/verify/drained.ts'
import { seeded, seedFor } from './seeded.ts'

const ulids = makeUlids()

function eventOf(person: string, n: number, name = 'tick'): BusRecord {
  const id = ulids(Date.now())
  const value = `{"type":"person","identifiers":{"id":${JSON.stringify(person)}},"action":"event","name":${JSON.stringify(name)},"id":"${id}","timestamp":1700000000,"attributes":{"n":${n}}}`
  return { id, key: `id:${person}`, kind: 'person.event', at: Date.now(), headers: {}, value }
}

type Prepare = (bus: Bus, ledger: Ledger) => Promise<void>

async function stand(seed = 1, prepare: Prepare = async () => {}) {
  const emulator = await startEmulator({ port: 0, random: seeded(seed) })
  const bus = openMemoryBus({ clock: systemClock })
  const ledger = await openSqliteLedger({ directory: ':memory:' })
  const told: [NoticeName, NoticeFields][] = []
  const ringing = new EventTarget()
  const remote = connectRemote({
    url: emulator.url,
    authorization: `Basic ${btoa('dev:dev')}`,
    userAgent: 'Sluice',
    connections: 16,
    clock: systemClock,
  })
  const delivery = new Delivery({
    policies: policiesWith(),
    bus,
    ledger,
    remote,
    clock: systemClock,
    random: seeded(seed),
    notify: (name, fields = {}) => {
      told.push([name, fields])
      ringing.dispatchEvent(new Event('told'))
    },
    feed: unwatched,
    ceiling: 900,
    concurrency: 16,
    lingerMs: 5,
    drainMs: 5_000,
    onFatal: (error) => assert.fail(String(error)),
  })
  await prepare(bus, ledger)
  await delivery.start()
  const drained = () =>
    untilDrained({
      pending: async () =>
        (await bus.lag(TOPICS.events, GROUP)).unsettled + (await bus.lag(TOPICS.replay, GROUP)).unsettled,
      news: () => new Promise((resolve) => ringing.addEventListener('told', resolve, { once: true })),
    })
  const close = async () => {
    await delivery[Symbol.asyncDispose]()
    await remote[Symbol.asyncDispose]()
    await ledger[Symbol.asyncDispose]()
    await bus[Symbol.asyncDispose]()
    await emulator[Symbol.asyncDispose]()
  }
  after(close)
  return { emulator, bus, ledger, delivery, told, drained }
}

test('events arrive once and in order through 429s, 5xx, cuts and resets, and only the bad ones are dead', async () => {
  const seed = seedFor('storm')
  const { emulator, bus, ledger, drained } = await stand(seed)
  emulator.faults.add({ kind: 'rate_limit', percent: 20, retryAfter: null })
  emulator.faults.add({ kind: 'status', status: 500, percent: 15 })
  emulator.faults.add({ kind: 'cut', percent: 10 })
  emulator.faults.add({ kind: 'reset', percent: 10 })
  const random = seeded(seed)
  const bad = new Set<string>()
  const sent = Array.from({ length: 2000 }, (_, n) => {
    const isBad = random() < 0.01
    const record = eventOf(`p${Math.floor(random() * 50)}`, n, isBad ? 'x'.repeat(101) : 'tick')
    if (isBad) bad.add(record.id)
    return record
  })
  for (let at = 0; at < sent.length; at += 100) await bus.publish(TOPICS.events, sent.slice(at, at + 100))
  await drained()
  emulator.settle()

  const arrived = emulator.events()
  const expected = sent.filter(({ id }) => !bad.has(id))
  assert.equal(arrived.length, expected.length, 'every good event, once')
  for (const person of new Set(sent.map(({ key }) => key)))
    assert.deepEqual(
      arrived.filter((event) => event.person === person).map(({ id }) => id),
      expected.filter(({ key }) => key === person).map(({ id }) => id),
      `order of ${person}`,
    )
  const dead = await ledger.dead.list({ limit: 1000 })
  assert.deepEqual(new Set(dead.map(({ id }) => id)), bad)
  assert.match(dead[0]?.refusal.message ?? '', /100 bytes/, 'in the words of Customer.io')
  const { delivered } = await ledger.counts()
  assert.equal(delivered + dead.length, sent.length)
})

test('refused credentials stop delivery and lose nothing', async () => {
  const { emulator, bus, ledger, delivery, told } = await stand()
  emulator.faults.add({ kind: 'status', status: 401 })
  await bus.publish(TOPICS.events, [eventOf('a', 1), eventOf('b', 2)])
  while (!told.some(([name]) => name === 'delivery.credentials')) await new Promise(setImmediate)
  assert.equal(delivery.state().breaker, 'credentials')
  assert.equal((await bus.lag(TOPICS.events, GROUP)).unsettled, 2)
  assert.equal((await ledger.counts()).dead, 0)
})

test('a batch refused as a whole costs only its culprit', async () => {
  const { emulator, bus, ledger, drained } = await stand()
  const records = Array.from({ length: 200 }, (_, n) => eventOf(`p${n}`, n))
  const [first] = records
  assert.ok(first)
  // No JSON: the whole batch is unreadable wherever it travels.
  records[77] = { ...first, id: ulids(Date.now()), key: 'id:poison', value: '{"type":"person",' }
  await bus.publish(TOPICS.events, records)
  await drained()
  emulator.settle()
  assert.equal(emulator.events().length, 199)
  assert.deepEqual(
    (await ledger.dead.list({ limit: 10 })).map(({ key }) => key),
    ['id:poison'],
  )
})

test('a record that is no operation goes to the dead letters, and the lane moves on', async () => {
  const { emulator, bus, ledger, drained } = await stand()
  await bus.publish(TOPICS.events, [{ ...eventOf('a', 1), kind: 'no.such' }, eventOf('a', 2)])
  await drained()
  emulator.settle()
  assert.equal(emulator.events().length, 1)
  assert.equal((await ledger.dead.list({ limit: 10 }))[0]?.refusal.code, 'unreadable_record')
})

test('a dead letter goes through again under its own id once the cause is gone', async () => {
  const { emulator, bus, ledger, drained } = await stand()
  emulator.faults.add({ kind: 'status', status: 400 })
  const record = eventOf('a', 1)
  await bus.publish(TOPICS.events, [record])
  await drained()
  assert.equal((await ledger.counts()).dead, 1)
  for (const { id } of emulator.faults.list()) emulator.faults.remove(id)
  const replays = new Replays({ bus, ledger, clock: systemClock, notify: () => {} })
  const replayed = await replays.start([record.id])
  assert.deepEqual(replayed, [record.id])
  await drained()
  emulator.settle()
  assert.deepEqual(
    emulator.events().map(({ id }) => id),
    [record.id],
  )
  assert.deepEqual((await ledger.counts()).delivered, 1)
})

test('adjacent identifies travel as one, and the person ends as if they had not', async () => {
  const { emulator, bus, ledger, drained } = await stand()
  const identify = (n: number): BusRecord => ({
    ...eventOf('a', n),
    kind: 'person.identify',
    value: `{"type":"person","identifiers":{"id":"a"},"action":"identify","timestamp":1700000000,"attributes":{"n":${n},"k${n}":1}}`,
  })
  await bus.publish(TOPICS.events, [1, 2, 3, 4, 5].map(identify))
  await drained()
  emulator.settle()
  const counts = await ledger.counts()
  assert.equal(counts.delivered + counts.coalesced, 5)
  assert.ok(counts.coalesced > 0)
  const person = emulator.person('id:a')
  assert.equal(person?.attributes.n, 5)
  for (const n of [1, 2, 3, 4, 5]) assert.equal(person?.attributes[`k${n}`], 1)
})

test('what a dead process had recorded and not settled is settled by the next one, and not sent again', async () => {
  const records = [1, 2, 3].map((n) => eventOf('a', n))
  const { emulator, bus, ledger, drained } = await stand(1, async (bus, ledger) => {
    await bus.publish(TOPICS.events, records)
    const [first] = await bus.read(TOPICS.events, { from: 0, limit: 1 })
    assert.ok(first)
    const { id, key, kind, headers, at, topic, lane, offset } = first
    const attempts = [{ at, ms: 1, status: 200, code: 'ok' }]
    const end = { receivedAt: at, endedAt: at, outcome: 'delivered' as const, attempts }
    await ledger.record([{ id, key, kind, headers, topic, lane, offset, ...end }])
  })
  const { unsettled } = await bus.lag(TOPICS.events, GROUP)
  assert.ok(unsettled <= 2, 'the figures add up from the moment the stage has started')
  await drained()
  emulator.settle()
  assert.deepEqual(
    emulator.events().map(({ data }) => data.n),
    [2, 3],
  )
  assert.deepEqual((await ledger.counts()).delivered, 3)
})
