/** The worker between a bus and a Customer.io: lanes that are taken away, and people with much more queued than others. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { cases } from '../../test/cases.ts'
import type { Bus, Subscription } from '../bus/bus.ts'
import { makeRecord } from '../bus/conformance-stand.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { LANES } from '../bus/topic.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { unwatched } from '../core/feed.ts'
import { silent } from '../core/notices.ts'
import { type BusRecord, TOPICS } from '../core/record.ts'
import type { Remote, Reply } from '../customerio/http.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { policiesWith } from '../preflight/rules.ts'
import type { Sizes } from './options.ts'
import { GROUP } from './replay.ts'
import { Delivery } from './worker.ts'

const PEOPLE = 32

const eventOf = (person: number | string, n = 0) =>
  makeRecord(`id:${person}`, n, {
    value: `{"type":"person","identifiers":{"id":"${person}"},"action":"event","name":"e","timestamp":1,"attributes":{"n":${n}}}`,
  })

const oneOfEach = () => Array.from({ length: PEOPLE }, (_, n) => eventOf(n))

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

type Around = (real: Subscription) => Subscription | Promise<Subscription>

const aroundSubscriptions = (bus: Bus, around: Around): Bus => ({
  features: bus.features,
  publish: (...args) => bus.publish(...args),
  lag: (...args) => bus.lag(...args),
  read: (...args) => bus.read(...args),
  subscribe: async (...args) => around(await bus.subscribe(...args)),
  [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
})

interface Given {
  readonly backlog: readonly BusRecord[]
  readonly replays?: readonly BusRecord[]
  /** Of those, the people whose replay had ended when the last process died. */
  readonly ended?: ReadonlySet<string>
  readonly sizes: Partial<Sizes>
  readonly send: (body: string) => Promise<Reply>
  /** What stands between the worker and its subscriptions. */
  readonly around?: Around
  /** What the ledger waits for before it records anything. */
  readonly beforeRecord?: Promise<void>
}

/** A worker with a backlog, which asks the ledger for all of it and waits, and a second member that takes half of the lanes when asked to. */
async function stand(given: Given) {
  const { backlog, replays = [], ended = new Set(), sizes, send, around = (real) => real } = given
  const { beforeRecord } = given

  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  /** Nothing is waited for longer than 5 ms, the end of a drain included. */
  const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal) }
  const bus = openMemoryBus({ clock })
  await bus.publish(TOPICS.events, backlog)
  if (replays.length > 0) await bus.publish(TOPICS.replay, replays)
  const ledger = await openSqliteLedger({ directory: ':memory:' })
  for (const { id, key, kind, headers } of replays.filter((replay) => ended.has(replay.key))) {
    const place = { topic: TOPICS.events, lane: 0, offset: 0 }
    const end = { outcome: 'delivered', attempts: [], receivedAt: 1, endedAt: 2 } as const
    await ledger.record([{ id, key, kind, headers, ...place, ...end }])
  }
  const record = ledger.record.bind(ledger)
  ledger.record = async (...given) => {
    await beforeRecord
    return record(...given)
  }
  const recorded = ledger.recorded.bind(ledger)
  ledger.recorded = async (of) => {
    asked.resolve()
    await answer.promise
    return recorded(of)
  }
  ledger.reached = async () => new Map(Array.from({ length: LANES }, (_, lane) => [lane, 1_000_000]))
  const sent = new Set<string>()
  const remote: Remote = {
    send: async ({ body = '' }) => {
      for (const [, id] of body.matchAll(/"id":"(\w+)"/g)) sent.add(String(id))
      return send(body)
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const delivery = new Delivery({
    bus: aroundSubscriptions(bus, around),
    ledger,
    remote,
    clock,
    random: () => 0.5,
    notify: silent,
    feed: unwatched,
    ceiling: 1_000,
    concurrency: 4,
    lingerMs: 0,
    drainMs: 50,
    policies: policiesWith({ aged_event: 'off' }), // they are of 1970
    sizes,
    onFatal: (error) => assert.fail(String(error)),
  })
  after(() => delivery[Symbol.asyncDispose]()) // of a test that fails, too: it would keep the process alive
  const started = delivery.start()
  /** The people whose lanes are the other's now. */
  const takeHalf = async () => {
    const other = await bus.subscribe(TOPICS.events, GROUP)
    while (other.share < 0.5) await turns(1)
    const theirs = new Set<string>()
    for await (const records of other) {
      for (const { key } of records) theirs.add(key.slice(3))
      if (theirs.size > 0) break
    }
    return theirs
  }
  const unsettled = async () => (await bus.lag(TOPICS.events, GROUP)).unsettled
  return { bus, delivery, started, sent, asked, answer, takeHalf, unsettled }
}

const OK: Reply = { status: 200, body: '{}', retryAfter: undefined, location: undefined, ms: 1 }

const HALF = { batchItems: PEOPLE / 2 }

test('what is being looked up when its lane goes is not sent', async () => {
  const { delivery, started, sent, asked, answer, takeHalf } = await stand({
    backlog: oneOfEach(),
    sizes: HALF,
    send: async () => OK,
  })
  await asked.promise
  const theirs = await takeHalf()
  assert.ok(theirs.size > 0 && theirs.size < PEOPLE)
  answer.resolve()
  await started
  while (sent.size + theirs.size < PEOPLE) await turns(1)
  await turns(20)
  assert.deepEqual(
    [...sent].filter((id) => theirs.has(id)),
    [],
  )
  await delivery[Symbol.asyncDispose]()
})

test('what failed is not tried again after its lane has gone, though another call is still under way', async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const flying = Promise.withResolvers<void>()
  const again = new Set<string>()
  let calls = 0
  const send = async (body: string) => {
    calls += 1
    if (calls === 2) flying.resolve()
    const gate = gates[calls - 1]
    if (gate) await gate.promise
    else for (const [, id] of body.matchAll(/"id":"(\d+)"/g)) again.add(String(id))
    return { ...OK, status: gate ? 503 : 200 }
  }
  const { delivery, started, answer, takeHalf } = await stand({ backlog: oneOfEach(), sizes: HALF, send })
  answer.resolve()
  await started
  await flying.promise
  const theirs = await takeHalf()
  gates[0]?.resolve()
  while (again.size === 0) await turns(1)
  await turns(100)
  assert.deepEqual(
    [...again].filter((id) => theirs.has(id)),
    [],
  )
  gates[1]?.resolve()
  await delivery[Symbol.asyncDispose]()
})

test('whoever has ten windows queued keeps nobody waiting behind them, and none of hers is overtaken or lost', async () => {
  const WINDOW = cases(100, 200)
  const hot = Array.from({ length: 10 * WINDOW }, (_, n) => eventOf('hot', n))
  const effects: number[] = []
  let before = Number.POSITIVE_INFINITY
  const send = async (body: string) => {
    for (const [, id, n] of body.matchAll(/"id":"(\w+)".*?"n":(\d+)/g))
      if (id === 'hot') effects.push(Number(n))
      else before = Math.min(before, effects.length)
    return OK
  }
  const backlog = [...hot, eventOf('other')]
  const { delivery, started, answer, unsettled } = await stand({
    backlog,
    sizes: { windowOps: WINDOW },
    send,
  })
  answer.resolve()
  await started
  let held = 0
  for (let left = backlog.length; left > 0; left = await unsettled()) {
    held = Math.max(held, delivery.state().held)
    await turns(1)
  }
  assert.deepEqual(
    effects,
    hot.map((_, n) => n),
  )
  assert.ok(before < WINDOW, `${before} of hers went first`)
  assert.ok(held < WINDOW / 4, `${held} held`)
  await delivery[Symbol.asyncDispose]()
})

test('a bus that takes no word of what is settled, as Kafka while it is away, does not hold up the end', async () => {
  const { delivery, started, answer, sent } = await stand({
    backlog: oneOfEach(),
    sizes: {},
    send: async () => OK,
    around: (real) => ({
      share: 1,
      settle: () => new Promise(() => {}),
      [Symbol.asyncIterator]: () => real[Symbol.asyncIterator](),
      [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
    }),
  })
  answer.resolve()
  await started
  while (sent.size < PEOPLE) await turns(1)
  await delivery[Symbol.asyncDispose]()
})

test('what opens after a stop that could not wait for it is closed, and reads nothing', async () => {
  const opened = Promise.withResolvers<void>()
  const open = new Set<Subscription>()
  const { delivery, started, answer, sent } = await stand({
    backlog: oneOfEach(),
    sizes: {},
    send: async () => OK,
    around: async (real) => {
      open.add(real)
      await opened.promise
      return {
        share: 1,
        settle: (places) => real.settle(places),
        [Symbol.asyncIterator]: () => real[Symbol.asyncIterator](),
        [Symbol.asyncDispose]: async () => {
          open.delete(real)
          await real[Symbol.asyncDispose]()
        },
      }
    },
  })
  answer.resolve()
  while (open.size === 0) await turns(1)
  await delivery[Symbol.asyncDispose]()
  opened.resolve()
  await started
  assert.deepEqual([open.size, sent.size], [0, 0])
})

test('a barrier leaves only when what went before it is settled, and what follows only when the barrier is', async () => {
  const merge = {
    kind: 'person.merge',
    headers: { 'also-keys': '["id:old"]' },
    value:
      '{"type":"person","action":"merge","primary":{"id":"kept"},"secondary":{"id":"old"},"attributes":{"n":2}}',
  }
  const calls: string[] = []
  let gate = Promise.withResolvers<void>()
  const { bus, delivery, started, answer, unsettled } = await stand({
    backlog: [eventOf('old', 1), makeRecord('id:kept', 2, merge), eventOf('kept', 3)],
    sizes: {},
    send: async (body) => {
      for (const [, n] of body.matchAll(/"n":(\d+)/g)) calls.push(String(n))
      if (calls.at(-1) === '2') gate = Promise.withResolvers()
      return OK
    },
    around: (real) => ({
      share: 1,
      settle: async (places) => {
        await gate.promise
        return real.settle(places)
      },
      [Symbol.asyncIterator]: () => real[Symbol.asyncIterator](),
      [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
    }),
  })
  answer.resolve()
  await started
  /** Resolves when a call has left for somebody else: whatever could go has gone by then. */
  const other = async (n: number) => {
    await bus.publish(TOPICS.events, [eventOf('other', n)])
    while (!calls.includes(String(n))) await turns(1)
  }
  while (calls.length < 1) await turns(1)
  await other(10)
  assert.deepEqual(calls, ['1', '10'])
  gate.resolve()
  while (!calls.includes('2')) await turns(1)
  await other(11)
  assert.deepEqual(calls, ['1', '10', '2', '11'])
  gate.resolve()
  while ((await unsettled()) > 0) await turns(1)
  assert.deepEqual(calls, ['1', '10', '2', '11', '3'])
  await delivery[Symbol.asyncDispose]()
})

test('a log that is not the last one brings no more into memory than may be held, whatever the ledger expects of it', async () => {
  const gate = Promise.withResolvers<void>()
  const { delivery, started, answer } = await stand({
    backlog: Array.from({ length: 400 }, (_, n) => eventOf(n)),
    sizes: { windowOps: 40 },
    send: () => gate.promise.then(() => OK),
  })
  answer.resolve()
  await started
  await delivery.recovered
  while (delivery.state().held < 120) await turns(1)
  await turns(20)
  assert.equal(delivery.state().held, 120)
  gate.resolve()
  await delivery[Symbol.asyncDispose]()
})

test('a replay under way tells nothing of what the last process had ended', async () => {
  const { delivery, started, sent, answer } = await stand({
    backlog: oneOfEach(),
    replays: [eventOf('replayed')],
    sizes: {},
    send: async () => OK,
  })
  await started
  while (!sent.has('replayed')) await turns(1)
  let isKnown = false
  void delivery.recovered.then(() => {
    isKnown = true
  })
  await turns(20)
  assert.equal(isKnown, false)
  answer.resolve()
  await delivery.recovered
  await delivery[Symbol.asyncDispose]()
})

test('a replay that had ended when the process died is settled and not sent again', async () => {
  const { bus, delivery, started, sent, answer } = await stand({
    backlog: [],
    replays: [eventOf('ended'), eventOf('waiting')],
    ended: new Set(['id:ended']),
    sizes: {},
    send: async () => OK,
  })
  answer.resolve()
  await started
  while ((await bus.lag(TOPICS.replay, GROUP)).unsettled > 0) await turns(1)
  assert.deepEqual([...sent], ['waiting'])
  await delivery[Symbol.asyncDispose]()
})

test('of a replay that lies on the bus twice one is sent, though the other comes while the end of it is on its way to the disk', async () => {
  const calls: string[] = []
  const gate = Promise.withResolvers<void>()
  const twice = eventOf('twice', 1)
  const { bus, delivery, started, answer } = await stand({
    backlog: [],
    replays: [twice, twice],
    sizes: {},
    send: async (body) => {
      for (const [, person] of body.matchAll(/"id":"(\w+)"/g)) calls.push(String(person))
      return OK
    },
    beforeRecord: gate.promise,
  })
  answer.resolve()
  await started
  while (calls.length === 0) await turns(1)
  await bus.publish(TOPICS.replay, [twice])
  await bus.publish(TOPICS.events, [eventOf('live')])
  while (!calls.includes('live')) await turns(1)
  await turns(20)
  gate.resolve()
  while ((await bus.lag(TOPICS.replay, GROUP)).unsettled > 0) await turns(1)
  assert.deepEqual(calls, ['twice', 'live'])
  await delivery[Symbol.asyncDispose]()
})

test('what travels with a replay frees its person once: nothing overtakes what left after it', async () => {
  const calls: string[] = []
  const gates = new Map(['1', '3'].map((n) => [n, Promise.withResolvers<void>()]))
  const disk = Promise.withResolvers<void>()
  const { bus, delivery, started, answer } = await stand({
    backlog: [eventOf('a', 1)],
    sizes: {},
    send: async (body) => {
      const ns = [...body.matchAll(/"n":(\d+)/g)].map(([, n]) => String(n))
      calls.push(ns.join(' '))
      for (const n of ns) await gates.get(n)?.promise
      return OK
    },
    beforeRecord: disk.promise,
  })
  const called = async (n: string) => {
    while (!calls.some((ns) => ns.split(' ').includes(n))) await turns(1)
  }
  answer.resolve()
  await started
  await called('1')
  await bus.publish(TOPICS.replay, [eventOf('a', 20)])
  while (delivery.state().held < 2) await turns(1)
  await bus.publish(TOPICS.events, [eventOf('a', 21)])
  while (delivery.state().held < 3) await turns(1)
  gates.get('1')?.resolve()
  await called('21')
  await bus.publish(TOPICS.events, [eventOf('a', 3)])
  await called('3')
  disk.resolve()
  while ((await bus.lag(TOPICS.replay, GROUP)).unsettled > 0) await turns(1)
  await bus.publish(TOPICS.events, [eventOf('a', 4), eventOf('other', 5)])
  await called('5')
  gates.get('3')?.resolve()
  await called('4')
  assert.deepEqual(calls, ['1', '20 21', '3', '5', '4'])
  await delivery[Symbol.asyncDispose]()
})

test('whoever waits for figures does not wait for ever when the process ends before they are known', async () => {
  const { delivery, started, asked, answer } = await stand({
    backlog: oneOfEach(),
    sizes: {},
    send: async () => OK,
  })
  await started
  await asked.promise
  const ended = delivery[Symbol.asyncDispose]()
  await assert.rejects(delivery.recovered, { code: 'shutting_down' }) // figures of by now would not add up
  answer.resolve()
  await ended
})
