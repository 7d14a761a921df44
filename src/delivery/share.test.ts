/** Several workers share one limit by their lanes: together never above it, also while lanes move. Under a clock of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus, Subscription } from '../bus/bus.ts'
import { openMemoryBus } from '../bus/memory.ts'
import type { Clock } from '../core/clock.ts'
import { unwatched } from '../core/feed.ts'
import { silent } from '../core/notices.ts'
import { type BusRecord, TOPICS } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import type { Remote } from '../customerio/http.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import { policiesWith } from '../preflight/rules.ts'
import { Delivery } from './worker.ts'

/** Time that passes only when the test says so. */
class HandClock implements Clock {
  #now = 0
  #sleepers: { due: number; wake: () => void }[] = []

  now = (): number => 1_800_000_000_000 + this.#now
  mono = (): number => this.#now

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0) return new Promise((resolve) => setImmediate(resolve))
    return new Promise((resolve) => {
      this.#sleepers.push({ due: this.#now + ms, wake: resolve })
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async pass(ms: number): Promise<void> {
    for (let n = 0; n < ms; n += 10) {
      this.#now += 10
      const due = this.#sleepers.filter((sleeper) => sleeper.due <= this.#now)
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.due > this.#now)
      for (const { wake } of due) wake()
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const CEILING = 100
/** Customer.io counts its limit over three seconds. */
const WINDOW_MS = 3_000

/** Anonymous events travel one by one, so that calls are what the limit counts. */
const eventOf = (id: string, n: number): BusRecord => ({
  id,
  key: `anonymous_id:${n}`,
  kind: 'anonymous.event',
  at: 0,
  headers: {},
  value: `{"type":"person","identifiers":{"anonymous_id":"${n}"},"action":"event","name":"e","id":"${id}","timestamp":1}`,
})

function most(calls: readonly number[]): number {
  let found = 0
  for (let from = 0, to = 0; to < calls.length; to += 1) {
    while ((calls[to] ?? 0) - (calls[from] ?? 0) > WINDOW_MS) from += 1
    found = Math.max(found, to - from + 1)
  }
  return found
}

/** Workers that come and go, three seconds a round. `around` is what each sees of the bus. Returns when calls were made. */
async function run(rounds: number, around: (bus: Bus) => Bus = (bus) => bus): Promise<number[]> {
  const clock = new HandClock()
  const ulids = makeUlids()
  const bus = openMemoryBus({ clock })
  await bus.publish(
    TOPICS.events,
    Array.from({ length: 3_000 }, (_, n) => eventOf(ulids(n), n)),
  )
  const calls: number[] = []
  const remote: Remote = {
    send: async () => {
      calls.push(clock.mono())
      await clock.sleep(20)
      return { status: 200, body: '{}', retryAfter: undefined, location: undefined, ms: 20 }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const start = async () => {
    const delivery = new Delivery({
      policies: policiesWith({ aged_event: 'off' }), // they are of 1970
      bus: around(bus),
      ledger: await openSqliteLedger({ directory: ':memory:' }),
      remote,
      clock,
      random: () => 0.5,
      notify: silent,
      feed: unwatched,
      ceiling: CEILING,
      concurrency: 16,
      lingerMs: 0,
      drainMs: 100,
      onFatal: (error) => assert.fail(String(error)),
    })
    void delivery.start()
    await clock.pass(10)
    return delivery
  }
  const stop = async (delivery: Delivery | undefined) => {
    const stopped = delivery?.[Symbol.asyncDispose]()
    await clock.pass(200)
    await stopped
  }
  const workers = [await start()]
  for (let round = 0; round < rounds; round += 1) {
    await clock.pass(1_500)
    workers.push(await start())
    await clock.pass(1_500)
    if (round % 2 === 1) await stop(workers.shift())
  }
  await clock.pass(3_000)
  for (const worker of workers) await stop(worker)
  return calls
}

test('workers that come and go never call more often than one would, and use what there is', async () => {
  const calls = await run(4)
  const limit = (CEILING * WINDOW_MS) / 1000
  assert.ok(most(calls) <= limit * 1.05, `${most(calls)} calls in a window of ${limit}`)
  const rate = (calls.length * 1000) / (calls.at(-1) ?? 1)
  assert.ok(rate > CEILING * 0.75, `${Math.round(rate)} calls a second of ${CEILING}`)
})

test('workers that each take the whole limit are caught', async () => {
  const greedy = (bus: Bus): Bus => ({
    features: bus.features,
    publish: (...args) => bus.publish(...args),
    lag: (...args) => bus.lag(...args),
    read: (...args) => bus.read(...args),
    subscribe: async (...args): Promise<Subscription> => {
      const real = await bus.subscribe(...args)
      return {
        share: 1,
        settle: (places) => real.settle(places),
        [Symbol.asyncIterator]: () => real[Symbol.asyncIterator](),
        [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
      }
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  })
  assert.ok(most(await run(1, greedy)) > ((CEILING * WINDOW_MS) / 1000) * 1.5)
})
