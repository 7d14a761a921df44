/** A lane goes to another member while its records are still being looked up: they are that member's then, and not sent here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryBus } from '../bus/memory.ts'
import { systemClock as clock } from '../core/clock.ts'
import { unwatched } from '../core/feed.ts'
import { silent } from '../core/notices.ts'
import { type BusRecord, TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import type { Remote } from '../customerio/http.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { policiesWith } from '../preflight/rules.ts'
import { GROUP } from './replay.ts'
import { Delivery } from './worker.ts'

const ulids = makeUlids()

function eventOf(n: number): BusRecord {
  const id = ulids(clock.now())
  const value = `{"type":"person","identifiers":{"id":"p${n}"},"action":"event","name":"e","id":"${id}"}`
  return { id, key: `id:p${n}`, kind: 'person.event', at: clock.now(), headers: {}, value }
}

test('records of a lane that goes while they are looked up are not sent', async () => {
  await using bus = openMemoryBus({ clock, lanes: 2 })
  await bus.publish(
    TOPICS.events,
    Array.from({ length: 20 }, (_, n) => eventOf(n)),
  )
  const sent: string[] = []
  const called = Promise.withResolvers<void>()
  const remote: Remote = {
    send: async ({ body }) => {
      sent.push(...(body?.match(/"p\d+"/g) ?? []))
      called.resolve()
      return { status: 200, body: '{}', retryAfter: undefined, location: undefined, ms: 1 }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const ledger = await openSqliteLedger({ directory: ':memory:' })
  const find = ledger.find.bind(ledger)
  ledger.find = async (id) => {
    asked.resolve()
    await answer.promise
    return find(id)
  }
  await using worker = new Delivery({
    policies: policiesWith({}),
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
    drainMs: 1_000,
    onFatal: (error) => assert.fail(String(error)),
  })
  const started = worker.start()
  await asked.promise
  const other = await bus.subscribe(TOPICS.events, GROUP)
  const { value: moved = [] } = await other[Symbol.asyncIterator]().next()
  assert.ok(moved.length > 0 && moved.length < 20)
  answer.resolve()
  await started
  await called.promise
  const theirs = new Set(moved.map(({ key }: BusRecord) => `"${key.slice(3)}"`))
  assert.deepEqual(
    sent.filter((person) => theirs.has(person)),
    [],
  )
  assert.equal(sent.length, 20 - moved.length)
})
