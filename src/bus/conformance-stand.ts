/** What a scenario of the conformance suite is, what it is given, and how it reads and waits. */
import assert from 'node:assert/strict'
import { SluiceError } from '../core/errors.ts'
import type { BusRecord, Place, Received } from '../core/record.ts'
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

export type Scenario = (harness: Harness) => Promise<void>

export const TOPIC = 'customerio.events'
/**
 * A guard against hanging, never a measure of speed: a real broker may rebalance for seconds. `over` ends it before, where
 * something else tells that nothing comes any more.
 */
export const patience = { ms: 30_000, over: new AbortController().signal }

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
export class Reader {
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

export async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = new AbortController()
  const tooLate = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new assert.AssertionError({ message: `${what} did not come` }))
    if (patience.over.aborted) giveUp()
    const timer = setTimeout(giveUp, patience.ms)
    patience.over.addEventListener('abort', giveUp, { signal: late.signal })
    late.signal.addEventListener('abort', () => clearTimeout(timer))
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    late.abort()
  }
}

export const join = async (bus: Bus, group = 'g', options: SubscribeOptions = {}): Promise<Reader> =>
  new Reader(await bus.subscribe(TOPIC, group, options))

export const valuesOf = (records: readonly BusRecord[]) => records.map(({ value }) => value)
export const idsOf = (records: readonly BusRecord[]) => records.map(({ id }) => id)
const byKey = (records: readonly Received[]) => Map.groupBy(records, ({ key }) => key)

/** Many that may be settled and do not come again: where only a position is kept, those at the front of each lane. */
export function someOf(records: readonly Received[], { keepsSettledAbove }: Features): Received[] {
  if (keepsSettledAbove) return records.filter((_, index) => index % 3 !== 0)
  return [...Map.groupBy(records, ({ lane }) => lane).values()].flatMap((lane) => lane.slice(0, 5))
}

export function assertSameOrder(found: readonly Received[], published: readonly BusRecord[]): void {
  const arrived = byKey(found)
  for (const [key, records] of Map.groupBy(published, (record) => record.key))
    assert.deepEqual(idsOf(arrived.get(key) ?? []), idsOf(records), `the order of ${key}`)
}

/** Two keys that lie in different lanes. */
export function keysApart(lanes: number): [string, string] {
  for (let n = 1; ; n += 1) if (laneOf(`k${n}`, lanes) !== laneOf('k0', lanes)) return ['k0', `k${n}`]
}

/** Each look costs a broker a question, and a core what it takes to ask. */
const LOOK_MS = 2

export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience.ms
  while (!(await condition())) {
    assert.ok(performance.now() < deadline && !patience.over.aborted, 'a condition did not come')
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

export async function assertRejects(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.code
    throw thrown
  }
  assert.fail('it was not refused')
}
