/** The suite is only believed because it fails when it must: here are buses with one planted fault each. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { silent } from '../core/notices.ts'
import type { BusRecord, Place, Received } from '../core/record.ts'
import type { Bus, Features, SubscribeOptions, Subscription } from './bus.ts'
import { SCENARIOS } from './conformance.ts'
import { type Harness, patience } from './conformance-stand.ts'
import { MEMORY_FEATURES, openMemoryBus } from './memory.ts'
import { openSqliteBus } from './sqlite.ts'
import { SQLITE_FEATURES } from './sqlite-bus.ts'

const root = mkdtempSync(join(tmpdir(), 'sluice-faults-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** What a fault may change of a bus: the rest goes through. */
interface Fault {
  publish?(bus: Bus, topic: string, records: readonly BusRecord[]): Promise<void>
  receive?(batch: readonly Received[], subscription: Subscription): Promise<readonly Received[]>
  settle?(subscription: Subscription, places: readonly Place[]): Promise<number>
  options?(given: SubscribeOptions): SubscribeOptions
  readonly forgetful?: boolean
  share?(subscription: Subscription): number
}

function withFault(bus: Bus, fault: Fault): Bus {
  const lives = new Lives()
  const named = (group: string) => (fault.forgetful ? lives.named(group) : group)
  return {
    features: bus.features,
    publish: (topic, records) =>
      (fault.publish ?? ((to, ...rest) => to.publish(...rest)))(bus, topic, records),
    lag: (topic, group) => bus.lag(topic, named(group)),
    read: (topic, range) => bus.read(topic, range),
    subscribe: async (topic, group, options = {}) => {
      const real = await bus.subscribe(topic, named(group), fault.options?.(options) ?? options)
      return faulty(real, fault, lives.begin(group))
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  }
}

/** Under which name a group goes that begins a new life whenever its last member has left. */
class Lives {
  readonly #members = new Map<string, number>()
  readonly #lives = new Map<string, number>()

  named(group: string): string {
    return `${group} ${this.#lives.get(group) ?? 0}`
  }

  /** Returns what is to be called at the end. */
  begin(group: string): () => void {
    this.#members.set(group, (this.#members.get(group) ?? 0) + 1)
    return () => {
      const left = (this.#members.get(group) ?? 0) - 1
      this.#members.set(group, left)
      if (left === 0) this.#lives.set(group, (this.#lives.get(group) ?? 0) + 1)
    }
  }
}

function faulty(subscription: Subscription, fault: Fault, onEnd: () => void): Subscription {
  return {
    get share() {
      return fault.share?.(subscription) ?? subscription.share
    },
    settle: (places) => fault.settle?.(subscription, places) ?? subscription.settle(places),
    async *[Symbol.asyncIterator]() {
      for await (const batch of subscription) yield (await fault.receive?.(batch, subscription)) ?? batch
    },
    [Symbol.asyncDispose]: async () => {
      await subscription[Symbol.asyncDispose]()
      onEnd()
    },
  }
}

/** A bus and its faults: those of every base are tried, so that no scenario leans on what only one of them does. */
interface Base {
  readonly features: Features
  open(directory: string): Promise<Bus>
}

const BASES: Readonly<Record<string, Base>> = {
  memory: { features: MEMORY_FEATURES, open: async () => openMemoryBus({ clock: systemClock }) },
  sqlite: {
    features: SQLITE_FEATURES,
    open: (directory) => openSqliteBus({ directory, clock: systemClock, notify: silent, onFatal: () => {} }),
  },
}

function harnessWith(base: Base, fault: Fault): Harness {
  const directories = new WeakMap<Bus, string>()
  const open = async (directory = mkdtempSync(join(root, 'd-'))): Promise<Bus> => {
    const bus = withFault(await base.open(directory), fault)
    directories.set(bus, directory)
    return bus
  }
  const reopen = async (bus: Bus) => {
    await bus[Symbol.asyncDispose]()
    return open(directories.get(bus))
  }
  return {
    features: base.features,
    lanes: 16,
    open: () => open(),
    ...(base.features.persistent && { reopen }),
  }
}

interface Planted {
  /** How the name of the scenario begins that must find it. */
  readonly foundBy: string
  /** Only where the bus has this feature; without it the scenario says nothing. */
  readonly needs?: 'persistent'
  /** The scenario waits for what the fault withholds: nothing else tells of it. */
  readonly withholds?: true
  readonly fault: Fault
}

const published = new WeakMap<Bus, number>()

const EARLY: Fault = {
  publish: async (bus, topic, records) => {
    if (records.length === 1) setImmediate(() => void bus.publish(topic, records).catch(() => {}))
    else await bus.publish(topic, records)
  },
}

const FAULTS: Readonly<Record<string, Planted>> = {
  'settles before it hands out': {
    foundBy: 'settling out of order',
    fault: {
      receive: async (batch, subscription) => {
        await subscription.settle(batch)
        return batch
      },
    },
  },
  'orders by arrival of the batch, not by key': {
    foundBy: 'records with one key arrive in the order',
    fault: { receive: async (batch) => batch.toReversed() },
  },
  'forgets how far a group is when its last member leaves': {
    foundBy: 'what is not settled comes again',
    fault: { forgetful: true },
  },
  'loses one record in four hundred': {
    foundBy: 'records with one key arrive in the order',
    withholds: true,
    fault: {
      publish: (bus, topic, records) => {
        const count = (published.get(bus) ?? 0) + records.length
        published.set(bus, count)
        return bus.publish(topic, count % 400 < records.length ? records.slice(1) : records)
      },
    },
  },
  'does not fence: a late settle is counted': {
    foundBy: 'settling under an epoch that has ended',
    fault: {
      settle: async (subscription, places) => {
        await subscription.settle(places)
        return places.length
      },
    },
  },
  'takes lanes away without asking': {
    foundBy: 'a lane that is taken away is drained first',
    withholds: true,
    fault: { options: ({ onRevoke, ...rest }) => rest },
  },
  'shares its budget by the members it knew first': {
    foundBy: 'the members of a group share one whole',
    fault: { share: ({ share }) => (share > 0 ? 1 : 0) },
  },
  'answers before the record is durable': {
    foundBy: 'closing the bus leaves no publication',
    fault: EARLY,
  },
  'has nothing on the disk when it answers': {
    foundBy: 'records published before a crash',
    needs: 'persistent',
    withholds: true,
    fault: EARLY,
  },
  'commits the highest settled, not the lowest unsettled': {
    foundBy: 'settling out of order',
    fault: { settle: async (subscription, places) => subscription.settle(upTo(places)) },
  },
}

/** Everything below the highest place, as a careless offset commit would have it. */
function upTo(places: readonly Place[]): Place[] {
  return places.flatMap((place) =>
    Array.from({ length: place.offset + 1 }, (_, offset) => ({ ...place, offset })),
  )
}

test('the suite passes on the same bus without a fault', async () => {
  for (const scenario of Object.values(SCENARIOS))
    await scenario(harnessWith(BASES.memory ?? assert.fail(), {}))
})

interface Trial extends Planted {
  readonly name: string
  run(fault: Fault): Promise<void>
}

const TRIALS: readonly Trial[] = Object.entries(BASES).flatMap(([base, kind]) =>
  Object.entries(FAULTS)
    .filter(([, { needs }]) => needs === undefined || kind.features[needs])
    .map(([name, planted]) => {
      const [, scenario] =
        Object.entries(SCENARIOS).find(([title]) => title.startsWith(planted.foundBy)) ?? []
      assert.ok(scenario, `no scenario: ${planted.foundBy}`)
      return {
        ...planted,
        name: `on a bus (${base}) that ${name}`,
        run: (fault) => scenario(harnessWith(kind, fault)),
      }
    }),
)

/**
 * Where a fault withholds something its scenario hangs, which is a failure too: it hangs when the same scenarios have passed
 * twice beside it without a fault, however fast the machine is.
 */
suite('the suite fails', { concurrency: true }, () => {
  const over = new AbortController()
  const passed = Promise.withResolvers<void>()
  const waiting = TRIALS.filter(({ withholds }) => withholds)
  before(() => {
    patience.over = over.signal
    const pass = () => Promise.all(waiting.map(({ run }) => run({})))
    passed.resolve(
      pass()
        .then(pass)
        .then(() => {}),
    )
    passed.promise.finally(() => over.abort()).catch(() => {}) // the test below tells of it
  })
  for (const { name, run, fault } of TRIALS)
    test(name, () => assert.rejects(run(fault), assert.AssertionError))
  test('and passes beside them where there is no fault', () => passed.promise)
})
