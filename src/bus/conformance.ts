/**
 * What every bus must do, as scenarios that any implementation can be put through. An implementation's own test file is
 * a harness and one call of `busConformance`. Each scenario is a plain function that rejects when the bus breaks a
 * promise, so that tests can also show that planted faults are found.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SluiceError } from '../core/errors.ts'
import { type BusRecord, HEADER, type Headers, type Place, type Received } from '../core/record.ts'
import type { Bus, Features, SubscribeOptions, Subscription } from './bus.ts'
import { laneOf } from './lane.ts'

export interface Harness {
  readonly features: Features
  readonly lanes: number
  /** A bus with nothing in it. */
  open(): Promise<Bus>
  /** The same bus after its process died: nothing was closed. Only where `features.persistent`. */
  reopen?(bus: Bus): Promise<Bus>
  /** A bus that is full after about so many records of 1 KB, and the way to make room again. */
  openSmall?(records: number): Promise<{ bus: Bus; makeRoom(): Promise<void> }>
}

type Scenario = (harness: Harness) => Promise<void>

const TOPIC = 'customerio.events'
/** A guard against hanging, never a measure of speed: a real broker may rebalance for seconds. */
export const patience = { ms: 30_000 }

let serial = 0

export function makeRecord(key: string, n: number, more: Partial<BusRecord> = {}): BusRecord {
  serial += 1
  const id = String(serial).padStart(26, '0')
  return {
    id,
    key,
    kind: 'person.event',
    at: 1_700_000_000_000 + serial,
    headers: {},
    value: `{"n":${n}}`,
    ...more,
  }
}

/** Reads a subscription record by record; `stop` ends it. */
class Reader {
  readonly subscription: Subscription
  readonly #iterator: AsyncIterator<readonly Received[]>
  #held: Received[] = []

  constructor(subscription: Subscription) {
    this.subscription = subscription
    this.#iterator = subscription[Symbol.asyncIterator]()
  }

  async next(): Promise<Received> {
    while (this.#held.length === 0) {
      const { value, done } = await within(this.#iterator.next(), 'the next batch')
      assert.ok(!done, 'the subscription ended early')
      this.#held = [...value]
    }
    const record = this.#held.shift()
    assert.ok(record)
    return record
  }

  async take(count: number): Promise<Received[]> {
    const taken: Received[] = []
    while (taken.length < count) taken.push(await this.next())
    return taken
  }

  settle(records: readonly Place[]): Promise<number> {
    return within(this.subscription.settle(records), 'settling')
  }

  async stop(): Promise<void> {
    await this.subscription[Symbol.asyncDispose]()
  }
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = new AbortController()
  const tooLate = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what} did not come` })),
      patience.ms,
    )
    late.signal.addEventListener('abort', () => clearTimeout(timer))
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    late.abort()
  }
}

const join = async (bus: Bus, group = 'g', options: SubscribeOptions = {}): Promise<Reader> =>
  new Reader(await bus.subscribe(TOPIC, group, options))

const valuesOf = (records: readonly BusRecord[]) => records.map(({ value }) => value)
const idsOf = (records: readonly BusRecord[]) => records.map(({ id }) => id)
const byKey = (records: readonly Received[]) => Map.groupBy(records, ({ key }) => key)

/** Many that may be settled and do not come again: where only a position is kept, those at the front of each lane. */
function someOf(records: readonly Received[], { keepsSettledAbove }: Features): Received[] {
  if (keepsSettledAbove) return records.filter((_, index) => index % 3 !== 0)
  return [...Map.groupBy(records, ({ lane }) => lane).values()].flatMap((lane) => lane.slice(0, 5))
}

function assertSameOrder(found: readonly Received[], published: readonly BusRecord[]): void {
  const arrived = byKey(found)
  for (const [key, records] of Map.groupBy(published, (record) => record.key))
    assert.deepEqual(idsOf(arrived.get(key) ?? []), idsOf(records), `the order of ${key}`)
}

/** Two keys that lie in different lanes. */
function keysApart(lanes: number): [string, string] {
  for (let n = 1; ; n += 1) if (laneOf(`k${n}`, lanes) !== laneOf('k0', lanes)) return ['k0', `k${n}`]
}

/** Each look costs a broker a question, and a core what it takes to ask. */
const LOOK_MS = 2

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience.ms
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'a condition did not come')
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
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

  'closing the bus leaves no publication in the air': async ({ open }) => {
    const bus = await open()
    const publishing = [1, 2, 3].map((n) => bus.publish(TOPIC, [makeRecord('a', n)]))
    await bus[Symbol.asyncDispose]()
    const ends = await within(Promise.allSettled(publishing), 'an answer')
    for (const end of ends) if (end.status === 'rejected') assert.ok(end.reason instanceof SluiceError)
    assert.equal(await assertRejects(() => bus.publish(TOPIC, [makeRecord('a', 4)])), 'shutting_down')
  },
}

async function assertRejects(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.code
    throw thrown
  }
  assert.fail('it was not refused')
}

/** Registers every scenario as a test. */
export function busConformance(name: string, harness: Harness): void {
  for (const [title, scenario] of Object.entries(SCENARIOS))
    test(`${name}: ${title}`, () => scenario(harness))
}
