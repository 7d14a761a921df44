/** A process that ends between its log and its people/, and the next one on the same data. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Bus, ReadRange } from '../bus/bus.ts'
import { openMemoryBus } from '../bus/memory.ts'
import { systemClock as clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { unwatched } from '../core/feed.ts'
import { memberMap } from '../core/json.ts'
import { type BusRecord, HEADER, TOPICS, UNREADABLE } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { openMemoryPeople } from '../people/memory.ts'
import { Intake, type IntakeOptions } from './accept.ts'
import type { Draft } from './draft.ts'
import { linkOwed } from './owed-links.ts'
import { draftOf, readItem } from './read-v2.ts'

const WEB = { source: 'web', correlationId: 'c' }
const ulids = makeUlids()

function draft(value: object): Draft {
  const text = JSON.stringify(value)
  return draftOf(readItem({ value: JSON.parse(text), members: memberMap(text) }))
}

const identify = (id: string, email: string) =>
  draft({ type: 'person', identifiers: { id }, action: 'identify', attributes: { email } })
const merge = (primary: string, secondary: string) =>
  draft({ type: 'person', action: 'merge', primary: { id: primary }, secondary: { id: secondary } })
const INTO_ADDRESS = {
  type: 'person',
  action: 'merge',
  primary: { email: 'a@x.io' },
  secondary: { id: '1' },
}
const event = (id: string) => draft({ type: 'person', identifiers: { id }, action: 'event', name: 'n' })

/** A log and what is known of people, which outlive the processes that take operations with them. */
class Machine {
  readonly bus = openMemoryBus({ clock })
  readonly people = openMemoryPeople()
  /** Of notices. */
  readonly told: string[] = []
  #head = 0
  #now = 0

  /** `dies`: whether it ends when the log has what it takes next, before any link is written. */
  async take(drafts: readonly Draft[], dies: boolean, idempotencyKey?: string): Promise<void> {
    const people: IntakeOptions['people'] = dies ? { ...this.people, link: failing } : this.people
    const ledger = { seen: async () => new Map<string, string>(), remember: async () => {} }
    const bus = { publish: (topic: string, records: readonly BusRecord[]) => this.publish(topic, records) }
    const ticking = { ...clock, now: () => (this.#now += 1) }
    const intake = new Intake({
      bus,
      ledger,
      people,
      clock: ticking,
      ulids,
      feed: unwatched,
      notify: () => {},
    })
    await intake
      .accept(drafts, { ...WEB, idempotencyKey })
      .catch((thrown) => assert.equal(thrown.code, 'storage_failed'))
  }

  async publish(topic: string, records: readonly BusRecord[]): Promise<void> {
    this.#head += records.length
    await this.bus.publish(topic, records)
  }

  /** `lost`: offsets that were given up. */
  restart(lost: readonly number[] = []): Promise<void> {
    const read = async (topic: string, { from, limit }: ReadRange) => {
      const records = await this.bus.read(topic, { from, limit: this.#head })
      return records.filter(({ offset }) => !lost.includes(offset)).slice(0, limit)
    }
    return this.#start(read)
  }

  restartDamaged(): Promise<void> {
    return this.#start(() => Promise.reject(new SluiceError('log_damaged')))
  }

  #start(read: Bus['read']): Promise<void> {
    return linkOwed({ head: () => this.#head, read }, this.people, (name) => this.told.push(name))
  }
}

const failing = () => Promise.reject(new SluiceError('storage_failed'))

const ID = fc.constantFrom('1', '2', '3')
const ACT = fc.oneof(
  fc.record({ act: fc.constant(identify), one: ID, other: fc.constantFrom('a@x.io', 'b@x.io', 'c@x.io') }),
  fc.record({ act: fc.constant(merge), one: ID, other: ID }),
  fc.record({ act: fc.constant(event), one: ID, other: fc.constant('') }),
)
const STEP = fc.record({ acts: fc.array(ACT, { minLength: 1, maxLength: 5 }), dies: fc.boolean() })
const NAMES = ['id:1', 'id:2', 'id:3', 'email:a@x.io', 'email:b@x.io', 'email:c@x.io']

test('wherever a process ends, the next one knows who is whom as if it had not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 8 }), async (steps) => {
      const [machine, steady] = [new Machine(), new Machine()]
      for (const { acts, dies } of steps) {
        const said = acts.filter(({ one, other }) => one !== other)
        const drafts = () => said.map(({ act, one, other }) => act(one, other))
        await machine.take(drafts(), dies)
        await machine.restart()
        await steady.take(drafts(), false)
        assert.deepEqual(await machine.people.resolve(NAMES), await steady.people.resolve(NAMES))
      }
    }),
    { seed: 49_079, numRuns: 300 },
  )
})

test('links that were written are not made again, which after later ones would say something else', async () => {
  const machine = new Machine()
  await machine.take([draft(INTO_ADDRESS), identify('2', 'a@x.io'), identify('3', 'a@x.io')], false)
  await machine.restart()
  assert.deepEqual(await machine.people.resolve(['id:1', 'email:a@x.io']), ['id:2', 'id:3'])
})

test('nor are they after others that were lost with their records', async () => {
  const machine = new Machine()
  await machine.take([identify('1', 'a@x.io')], false)
  await machine.take([identify('2', 'a@x.io')], false)
  await machine.restart([1])
  assert.deepEqual(await machine.people.resolve(['email:a@x.io']), ['id:2'])
})

test('a publication of which a part was lost says nothing of the order in which its links were made', async () => {
  const machine = new Machine()
  await machine.take([identify('1', 'a@x.io'), identify('2', 'a@x.io'), event('2')], false)
  await machine.restart([1])
  assert.deepEqual(await machine.people.resolve(['email:a@x.io']), ['id:2'])
})

test('what is said a second time under the same ids is owed a second time', async () => {
  const said = () => [draft(INTO_ADDRESS), identify('2', 'a@x.io'), identify('3', 'a@x.io')]
  const [machine, steady] = [new Machine(), new Machine()]
  for (const { dies, by } of [
    { dies: false, by: machine },
    { dies: true, by: machine },
    { dies: false, by: steady },
    { dies: false, by: steady },
  ])
    await by.take(said(), dies, 'key')
  await machine.restart()
  assert.deepEqual(await machine.people.resolve(NAMES), await steady.people.resolve(NAMES))
})

test('damage in what is delivered refuses no start, and is told', async () => {
  const machine = new Machine()
  await machine.take([identify('1', 'a@x.io')], true)
  await machine.restartDamaged()
  assert.deepEqual(machine.told, ['ingest.unlinked'])
})

test('a stranger on the topic of operations neither hides what is owed nor says who is whom', async () => {
  const machine = new Machine()
  await machine.take([identify('1', 'a@x.io')], true)
  const headers = { [HEADER.links]: 'whatever', [HEADER.linkSpan]: 'x' }
  await machine.publish(TOPICS.events, [{ id: '', key: 'x', kind: '', at: 0, headers, value: '?' }])
  await machine.restart()
  assert.deepEqual(await machine.people.resolve(['email:a@x.io']), ['id:1'])
})

test('what was published beside the line does not hide what is owed', async () => {
  const machine = new Machine()
  await machine.take([event('2'), identify('1', 'a@x.io'), event('1')], true)
  const noise = { id: '', key: 'x', kind: UNREADABLE, at: 0, headers: {}, value: '?' }
  await machine.publish(TOPICS.events, new Array<BusRecord>(1_500).fill(noise))
  await machine.restart()
  assert.deepEqual(await machine.people.resolve(['email:a@x.io']), ['id:1'])
})

test('a log that came from another bus says nothing of the order in which its links were made', async () => {
  const [there, here] = [new Machine(), new Machine()]
  await there.take([identify('1', 'a@x.io')], true)
  const records = await there.bus.read(TOPICS.events, { from: 0, limit: 10 })
  const copies = records.map((record) => ({
    ...record,
    headers: { ...record.headers, [HEADER.copiedFrom]: `${TOPICS.events}/0/0` },
  }))
  await here.publish(TOPICS.events, copies)
  await here.restart()
  assert.deepEqual(await here.people.resolve(['email:a@x.io']), ['email:a@x.io'])
})

test('an empty log owes nothing', async () => {
  const machine = new Machine()
  await machine.restart()
  assert.equal(await machine.people.lastBy(), undefined)
})
