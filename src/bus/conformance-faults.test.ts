/** The suite is only believed because it fails when it must: here are buses with one planted fault each. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { silent } from '../core/notices.ts'
import type { BusRecord, Place, Received } from '../core/record.ts'
import type { Bus, SubscribeOptions, Subscription } from './bus.ts'
import { type Harness, patience, SCENARIOS } from './conformance.ts'
import { MEMORY_FEATURES, openMemoryBus } from './memory.ts'
import { openSqliteBus, SQLITE_FEATURES } from './sqlite.ts'

const root = mkdtempSync(join(tmpdir(), 'sluice-faults-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** What a fault may change of a bus: the rest goes through. */
interface Fault {
  publish?(bus: Bus, topic: string, records: readonly BusRecord[]): Promise<void>
  receive?(batch: readonly Received[], subscription: Subscription): Promise<readonly Received[]>
  settle?(subscription: Subscription, places: readonly Place[]): Promise<number>
  options?(given: SubscribeOptions): SubscribeOptions
  share?(subscription: Subscription): number
}

function withFault(bus: Bus, fault: Fault): Bus {
  return {
    features: bus.features,
    publish: (topic, records) =>
      (fault.publish ?? ((to, ...rest) => to.publish(...rest)))(bus, topic, records),
    lag: (topic, group) => bus.lag(topic, group),
    read: (topic, range) => bus.read(topic, range),
    subscribe: async (topic, group, options = {}) =>
      faulty(await bus.subscribe(topic, group, fault.options?.(options) ?? options), fault),
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  }
}

function faulty(subscription: Subscription, fault: Fault): Subscription {
  return {
    get share() {
      return fault.share?.(subscription) ?? subscription.share
    },
    settle: (places) => fault.settle?.(subscription, places) ?? subscription.settle(places),
    async *[Symbol.asyncIterator]() {
      for await (const batch of subscription) yield (await fault.receive?.(batch, subscription)) ?? batch
    },
    [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
  }
}

/** Opens the SQLite bus with the fault in it; `forgetful` loses what a group has settled when it is opened again. */
function harnessWith(fault: Fault, forgetful = false): Harness {
  const directories = new WeakMap<Bus, string>()
  const open = async (directory = mkdtempSync(join(root, 'd-'))): Promise<Bus> => {
    const bus = withFault(
      await openSqliteBus({ directory, clock: systemClock, notify: silent, onFatal: () => {} }),
      fault,
    )
    directories.set(bus, directory)
    return bus
  }
  return {
    features: SQLITE_FEATURES,
    lanes: 16,
    open: () => open(),
    reopen: async (bus) => {
      const directory = directories.get(bus) ?? assert.fail()
      await bus[Symbol.asyncDispose]()
      if (forgetful) {
        const { DatabaseSync } = await import('node:sqlite')
        const db = new DatabaseSync(join(directory, 'log.db'))
        db.exec('DELETE FROM progress')
        db.close()
      }
      return open(directory)
    },
  }
}

let count = 0

const FAULTS: Readonly<Record<string, Harness>> = {
  'settles before it hands out': harnessWith({
    receive: async (batch, subscription) => {
      await subscription.settle(batch)
      return batch
    },
  }),
  'orders by arrival of the batch, not by key': harnessWith({ receive: async (batch) => batch.toReversed() }),
  'forgets how far a group is': harnessWith({}, true),
  'loses one record in a thousand': harnessWith({
    publish: (bus, topic, records) => {
      count += records.length
      return bus.publish(topic, count % 1_000 < records.length ? records.slice(1) : records)
    },
  }),
  'does not fence: a late settle is counted': harnessWith({
    settle: async (subscription, places) => {
      await subscription.settle(places)
      return places.length
    },
  }),
  'takes lanes away without asking': harnessWith({
    options: ({ onRevoke, ...rest }) => rest,
  }),
  'shares its budget by the members it knew first': harnessWith({
    share: ({ share }) => (share > 0 ? 1 : 0),
  }),
  'answers before the record is durable': harnessWith({
    publish: async (bus, topic, records) => {
      if (records.length === 1) setImmediate(() => void bus.publish(topic, records).catch(() => {}))
      else await bus.publish(topic, records)
    },
  }),
  'commits the highest settled, not the lowest unsettled': {
    ...harnessWith({
      settle: async (subscription, places) => subscription.settle(upTo(places)),
    }),
  },
}

/** Everything below the highest place, as a careless offset commit would have it. */
function upTo(places: readonly Place[]): Place[] {
  return places.flatMap((place) =>
    Array.from({ length: place.offset + 1 }, (_, offset) => ({ ...place, offset })),
  )
}

/** A scenario hangs where a fault withholds records: that is a failure too, and need not be waited out for long. */
patience.ms = 2_000

const fails = (scenario: (harness: Harness) => Promise<void>, harness: Harness): Promise<boolean> =>
  scenario(harness).then(
    () => false,
    () => true,
  )

for (const [name, harness] of Object.entries(FAULTS))
  test(`the suite fails on a bus that ${name}`, async (t) => {
    const found: string[] = []
    for (const [title, scenario] of Object.entries(SCENARIOS)) {
      if (await fails(scenario, harness)) found.push(title)
      if (found.length > 0) break
    }
    assert.ok(found.length > 0, 'no scenario noticed')
    t.diagnostic(found.join('; '))
  })

test('the suite passes on the same harness without a fault', async () => {
  for (const scenario of Object.values(SCENARIOS)) await scenario(harnessWith({}))
  const memory: Harness = {
    features: MEMORY_FEATURES,
    lanes: 16,
    open: async () => openMemoryBus({ clock: systemClock }),
  }
  for (const scenario of Object.values(SCENARIOS)) await scenario(memory)
})
