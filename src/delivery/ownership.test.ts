/** What is in the hands of a worker when its lanes are taken away: it may be anywhere between the bus and the call. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeRecord } from '../bus/conformance.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { unwatched } from '../core/feed.ts'
import { silent } from '../core/notices.ts'
import { TOPICS } from '../core/record.ts'
import type { Remote, Reply } from '../customerio/http.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { policiesWith } from '../preflight/rules.ts'
import { GROUP } from './replay.ts'
import { Delivery } from './worker.ts'

const PEOPLE = 32

const eventOf = (n: number) =>
  makeRecord(`id:${n}`, n, {
    value: `{"type":"person","identifiers":{"id":"${n}"},"action":"event","name":"e","timestamp":1}`,
  })

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A worker with a backlog of one event of each person, and a second member that takes half of the lanes when asked to. */
async function stand(send: (body: string) => Promise<Reply>) {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  /** Nothing is waited for longer than 5 ms, the end of a drain included. */
  const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal) }
  const bus = openMemoryBus({ clock })
  await bus.publish(
    TOPICS.events,
    Array.from({ length: PEOPLE }, (_, n) => eventOf(n)),
  )
  const ledger = await openSqliteLedger({ directory: ':memory:' })
  const find = ledger.find.bind(ledger)
  ledger.find = async (id) => {
    asked.resolve()
    await answer.promise
    return find(id)
  }
  const sent = new Set<string>()
  const remote: Remote = {
    send: async ({ body = '' }) => {
      for (const [, id] of body.matchAll(/"id":"(\d+)"/g)) sent.add(String(id))
      return send(body)
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const delivery = new Delivery({
    bus,
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
    policies: policiesWith(),
    sizes: { batchItems: PEOPLE / 2 },
    onFatal: (error) => assert.fail(String(error)),
  })
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
  return { delivery, started, sent, asked, answer, takeHalf }
}

const OK: Reply = { status: 200, body: '{}', retryAfter: undefined, location: undefined, ms: 1 }

test('what is being looked up when its lane goes is not sent', async () => {
  const { delivery, started, sent, asked, answer, takeHalf } = await stand(async () => OK)
  await asked.promise
  const theirs = await takeHalf()
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
  const { delivery, started, answer, takeHalf } = await stand(async (body) => {
    calls += 1
    if (calls === 2) flying.resolve()
    const gate = gates[calls - 1]
    if (gate) await gate.promise
    else for (const [, id] of body.matchAll(/"id":"(\d+)"/g)) again.add(String(id))
    return { ...OK, status: gate ? 503 : 200 }
  })
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
