/** The one way in, with stores and a bus that answer when the test says so: order, repeats, durability, failures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openMemoryBus } from '../bus/memory.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { type Happening, unwatched } from '../core/feed.ts'
import { memberMap, parseJson } from '../core/json.ts'
import { type BusRecord, HEADER, TOPICS } from '../core/record.ts'
import { isUlid, makeUlids } from '../core/ulid.ts'
import { openMemoryPeople } from '../people/memory.ts'
import { Intake, type IntakeOptions, type Origin } from './accept.ts'
import type { Draft } from './draft.ts'
import { draftOf, readItem } from './read-v2.ts'

const AT = 1_800_000_000_000
const clock: Clock = { ...systemClock, now: () => AT }
const WEB: Origin = { source: 'web', correlationId: 'c' }
const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV'

function draft(value: object): Draft {
  const text = JSON.stringify(value)
  return draftOf(readItem({ value: JSON.parse(text), members: memberMap(text) }))
}

const event = (id: string, more: object = {}): Draft =>
  draft({ type: 'person', identifiers: { id }, action: 'event', name: 'n', ...more })
const eventOf = (email: string): Draft =>
  draft({ type: 'person', identifiers: { email }, action: 'event', name: 'n' })
const identify = (id: string, attributes: object = {}): Draft =>
  draft({ type: 'person', identifiers: { id }, action: 'identify', attributes })

/** A promise for each call, settled by the test; `reached` resolves when so many calls have been made. */
class Gate {
  readonly calls: PromiseWithResolvers<void>[] = []
  #waiting: { count: number; done: () => void }[] = []

  pass(): Promise<void> {
    const call = Promise.withResolvers<void>()
    this.calls.push(call)
    this.#waiting = this.#waiting.filter(({ count, done }) => this.calls.length < count || done())
    return call.promise
  }

  reached(count: number): Promise<void> {
    if (this.calls.length >= count) return Promise.resolve()
    return new Promise((done) => this.#waiting.push({ count, done }))
  }

  open(index: number): void {
    this.calls[index]?.resolve()
  }
}

const open: Pick<Gate, 'pass'> = { pass: () => Promise.resolve() }

interface Gates {
  readonly seen?: Pick<Gate, 'pass'>
  readonly remember?: Pick<Gate, 'pass'>
  readonly resolve?: Pick<Gate, 'pass'>
  readonly link?: Pick<Gate, 'pass'>
  readonly publish?: Pick<Gate, 'pass'>
  readonly feed?: IntakeOptions['feed']
}

/** An intake whose every wait can be held; what it says to the world is kept in `published`, `links` and `told`. */
function stand(gates: Gates = {}) {
  const { seen = open, remember = open, resolve = open, link = open, publish = open } = gates
  const published: BusRecord[] = []
  const links: string[] = []
  const told: string[] = []
  const known = new Map<string, string>()
  const people = openMemoryPeople()
  const intake = new Intake({
    bus: {
      publish: async (topic, records) => {
        assert.equal(topic, TOPICS.events)
        published.push(...records) // the order of the calls is what the bus keeps
        await publish.pass()
      },
    },
    ledger: {
      // A store answers with what it knew when it was asked, however long the answer takes.
      seen: async (source, ids) => {
        const found = ids.flatMap((id) => {
          const earlier = known.get(`${source}/${id}`)
          return earlier === undefined ? [] : [[id, earlier] as const]
        })
        await seen.pass()
        return new Map(found)
      },
      remember: async (source, accepted) => {
        await remember.pass()
        for (const [id, earlier] of accepted) known.set(`${source}/${id}`, earlier)
      },
    },
    people: {
      resolve: async (keys) => {
        const roots = await people.resolve(keys)
        await resolve.pass()
        return roots
      },
      link: async (key, canonical) => {
        links.push(`${key} -> ${canonical}`)
        await link.pass()
        await people.link(key, canonical)
      },
    },
    clock,
    ulids: makeUlids(),
    feed: gates.feed ?? unwatched,
    notify: (name, fields) => told.push(`${name} ${fields?.count ?? ''}`.trim()),
  })
  return { intake, published, links, told, known }
}

const failure = (code: 'storage_full' | 'storage_failed') => new SluiceError(code)

test('an operation becomes a record with its source, its correlation id and what Sluice stamps', async () => {
  const { intake, published } = stand()
  const ids = await intake.accept([event('1'), identify('1')], WEB)
  const [first, second] = published
  assert.deepEqual([first?.id, second?.id], ids)
  assert.ok(isUlid(ids[0] ?? ''))
  assert.deepEqual(first?.headers, { [HEADER.source]: 'web', [HEADER.correlationId]: 'c' })
  assert.equal(second?.headers[HEADER.stamped], '1')
  assert.equal(first?.at, AT)
  assert.equal(
    first?.value,
    `{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","id":"${ids[0]}","timestamp":${AT / 1000}}`,
  )
})

test('what is said beside an event, and when it came in, is in its record as in any other', async () => {
  const { intake, published } = stand()
  await intake.accept(
    [
      { ...event('1'), headers: { [HEADER.preflight]: '[]' } },
      { ...event('1'), at: 7_000 },
    ],
    WEB,
  )
  const [first, second] = published
  const said = { [HEADER.source]: 'web', [HEADER.correlationId]: 'c' }
  assert.deepEqual(first?.headers, { ...said, [HEADER.preflight]: '[]' })
  assert.deepEqual([second?.headers, second?.at], [said, AT])
  assert.match(second?.value ?? '', /"timestamp":7[,}]/)
})

test('no operation is nothing published and nothing asked', async () => {
  const resolve = new Gate()
  const { intake, published } = stand({ resolve })
  assert.deepEqual(await intake.accept([], WEB), [])
  assert.deepEqual([published.length, resolve.calls.length], [0, 0])
})

test('the answer waits until the bus says that it is durable', async () => {
  const publish = new Gate()
  const { intake } = stand({ publish })
  let answered = false
  const accepted = intake.accept([event('1')], WEB).then(() => {
    answered = true
  })
  await publish.reached(1)
  await Promise.resolve()
  assert.equal(answered, false)
  publish.open(0)
  await accepted
})

test('a request whose questions take long is not overtaken by a later one that has none to ask', async () => {
  const seen = new Gate()
  const { intake, published } = stand({ seen })
  const slow = intake.accept([event('1', { id: ULID })], WEB)
  const quick = intake.accept([event('1')], WEB)
  await seen.reached(1)
  assert.equal(published.length, 0)
  seen.open(0)
  const [[slowId], [quickId]] = await Promise.all([slow, quick])
  assert.deepEqual(
    published.map(({ id }) => id),
    [slowId, quickId],
  )
})

test('who comes while the line is busy is asked for together with the others who came', async () => {
  const resolve = new Gate()
  const { intake, published } = stand({ resolve })
  const all = [intake.accept([event('0')], WEB)]
  await resolve.reached(1)
  for (let n = 1; n < 50; n += 1) all.push(intake.accept([event(String(n))], WEB))
  resolve.open(0)
  await resolve.reached(2)
  resolve.open(1)
  await Promise.all(all)
  assert.equal(resolve.calls.length, 2)
  assert.deepEqual(
    published.map(({ key }) => key),
    Array.from({ length: 50 }, (_, n) => `id:${n}`),
  )
})

test('requests that come in any order and wait in any way are published in the order in which they came', async () => {
  const wait = fc.constantFrom('none', 'seen', 'email')
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(wait, { minLength: 2, maxLength: 12 }),
      async (scheduler, waits) => {
        const gate = { pass: () => scheduler.schedule(Promise.resolve()) }
        const { intake, published } = stand({
          seen: gate,
          resolve: gate,
          link: gate,
          publish: gate,
          remember: gate,
        })
        const accepted = waits.map((kind, n) => {
          const name = { name: `n${n}` }
          if (kind === 'email') return intake.accept([identify('1', { email: `${n}@x.io`, ...name })], WEB)
          return intake.accept([event('1', kind === 'seen' ? { id: `own-${n}`, ...name } : name)], WEB)
        })
        await scheduler.waitFor(Promise.all(accepted))
        const order = published.map(({ value }) => /"name":"n(\d+)"/.exec(value)?.[1])
        assert.deepEqual(
          order,
          waits.map((_, n) => String(n)),
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('a link is made when the operation that holds both keys is durable, and before anything goes by it', async () => {
  const [link, publish] = [new Gate(), new Gate()]
  const { intake, published, links } = stand({ link, publish })
  const accepted = intake.accept([identify('1', { email: 'a@x.io' })], WEB)
  await Promise.race([publish.reached(1), link.reached(1)])
  const next = intake.accept([eventOf('a@x.io')], WEB)
  assert.deepEqual(links, [])
  publish.open(0)
  await link.reached(1)
  assert.deepEqual([links, published.length], [['email:a@x.io -> id:1'], 1])
  link.open(0)
  await accepted
  assert.equal(published[0]?.headers[HEADER.alsoKeys], '["email:a@x.io"]')
  await publish.reached(2)
  publish.open(1)
  await next
  assert.equal(published[1]?.key, 'id:1')
})

test('an anonymous_id that belongs to a person is ordered with her, also when nobody else is named beside it', async () => {
  const { intake, published } = stand()
  await intake.accept([identify('1', { anonymous_id: 'a' })], WEB)
  const anonymous = { type: 'person', identifiers: { anonymous_id: 'a' }, action: 'event', name: 'n' }
  await intake.accept([draft(anonymous)], WEB)
  assert.deepEqual(
    published.map(({ kind, key }) => [kind, key]),
    [
      ['person.identify', 'id:1'],
      ['anonymous.event', 'id:1'],
    ],
  )
})

test('what the log refuses makes no link: the next ones go by the keys under which others still wait', async () => {
  const publish = new Gate()
  const { intake, published, links } = stand({ publish })
  const refused = Promise.allSettled([intake.accept([identify('1', { email: 'a@x.io' })], WEB)])
  await publish.reached(1)
  publish.calls[0]?.reject(failure('storage_full'))
  await refused
  const next = intake.accept([eventOf('a@x.io')], WEB)
  await publish.reached(2)
  publish.open(1)
  await next
  assert.deepEqual([links, published[1]?.key], [[], 'email:a@x.io'])
})

test('what follows an identify goes by the key that it made, in the same request and in the next', async () => {
  const { intake, published } = stand()
  await Promise.all([
    intake.accept([identify('1', { email: 'a@x.io' }), eventOf('A@x.io')], WEB),
    intake.accept([eventOf('a@x.io')], WEB),
  ])
  await intake.accept([eventOf('a@x.io')], WEB)
  assert.deepEqual(
    published.map(({ key }) => key),
    ['id:1', 'id:1', 'id:1', 'id:1'],
  )
})

test('two requests with one id publish it once, and both wait until it is durable', async () => {
  const publish = new Gate()
  const { intake, published, told } = stand({ publish })
  let answered = 0
  const both = [0, 1].map(async () => {
    const ids = await intake.accept([event('1', { id: ULID })], WEB)
    answered += 1
    return ids
  })
  await publish.reached(1)
  await new Promise(setImmediate)
  assert.equal(answered, 0)
  publish.open(0)
  assert.deepEqual(await Promise.all(both), [[ULID], [ULID]])
  assert.equal(published.length, 1)
  assert.deepEqual(told, ['ingest.accepted 1', 'ingest.repeated 1'])
})

test('an id given twice in one request is published once', async () => {
  const { intake, published } = stand()
  const ids = await intake.accept([event('1', { id: ULID }), event('1', { id: ULID.toLowerCase() })], WEB)
  assert.deepEqual([ids, published.length], [[ULID, ULID], 1])
})

test('a repeat is recognised while the ledger is still being told of the first, and after', async () => {
  const remember = new Gate()
  const { intake, published } = stand({ remember })
  await intake.accept([event('1', { id: 'mine' })], WEB)
  await remember.reached(1)
  await intake.accept([event('1', { id: 'mine' })], WEB)
  remember.open(0)
  await intake.idle()
  await intake.accept([event('1', { id: 'mine' })], WEB)
  assert.equal(published.length, 1)
})

test('a repeat that asked the ledger just before it was told of the first is recognised too', async () => {
  const seen = new Gate()
  const remember = new Gate()
  const { intake, published } = stand({ seen, remember })
  const first = intake.accept([event('1', { id: 'mine' })], WEB)
  await seen.reached(1)
  seen.open(0)
  await first
  await remember.reached(1)
  const repeat = intake.accept([event('1', { id: 'mine' }), event('1', { id: 'other' })], WEB)
  await seen.reached(2)
  remember.open(0)
  await new Promise(setImmediate)
  seen.open(1)
  const [[one], [again]] = await Promise.all([first, repeat])
  assert.equal(again, one)
  assert.equal(published.length, 2, 'mine once, and the other')
})

test('one id of two sources is two operations', async () => {
  const { intake, published } = stand()
  await intake.accept([event('1', { id: 'mine' })], WEB)
  await intake.accept([event('1', { id: 'mine' })], { ...WEB, source: 'app' })
  const [web, app] = published
  assert.equal(published.length, 2)
  assert.notEqual(web?.id, app?.id)
})

test('a device is used last when it is said to be, or when that was received; not when it is delivered', async () => {
  const { intake, published } = stand()
  const device = (more: object) =>
    draft({
      type: 'person',
      identifiers: { id: '1' },
      action: 'add_device',
      device: { token: 't', platform: 'ios', ...more },
    })
  const gone = draft({
    type: 'person',
    identifiers: { id: '1' },
    action: 'delete_device',
    device: { token: 't' },
  })
  await intake.accept([device({}), device({ last_used: '' }), device({ last_used: '7' }), gone], WEB)
  assert.deepEqual(
    published.map(({ value }) => (JSON.parse(value) as { device: { last_used?: unknown } }).device.last_used),
    [AT / 1000, AT / 1000, '7', undefined],
  )
})

test('a foreign id is one ULID for ever, also when each try is stamped anew', async () => {
  const one = stand()
  const [first] = await one.intake.accept([event('1', { id: 'mine', timestamp: 1_700_000_000 })], WEB)
  const [again] = await one.intake.accept([event('1', { id: 'mine', timestamp: 1_700_000_009 })], WEB)
  const other = stand()
  const [elsewhere] = await other.intake.accept([event('1', { id: 'mine', timestamp: 1_700_000_000 })], WEB)
  assert.deepEqual([again, elsewhere], [first, first])
  assert.deepEqual((parseJson(one.published[0]?.value ?? '') as { id: string }).id, first)
})

test('an Idempotency-Key tells every operation of a request by its place, events and others', async () => {
  const { intake, published } = stand()
  const origin = { ...WEB, idempotencyKey: 'k' }
  const ids = await intake.accept([identify('1'), event('1'), event('1')], origin)
  assert.deepEqual(await intake.accept([identify('1'), event('1'), event('1')], origin), ids)
  assert.deepEqual([published.length, new Set(ids).size], [3, 3])
})

test('when the bus is full both twins are told so, nothing is remembered, and the next try is published', async () => {
  const publish = new Gate()
  const { intake, published, known } = stand({ publish })
  const twins = [0, 1].map(() => intake.accept([event('1', { id: ULID })], WEB))
  const outcome = Promise.allSettled(twins)
  await publish.reached(1)
  await new Promise(setImmediate) // the second has been placed by now
  publish.calls[0]?.reject(failure('storage_full'))
  for (const result of await outcome)
    assert.ok(result.status === 'rejected' && result.reason.code === 'storage_full')
  await intake.idle()
  assert.equal(known.size, 0)
  const retried = intake.accept([event('1', { id: ULID })], WEB)
  await publish.reached(2)
  publish.open(1)
  assert.deepEqual(await retried, [ULID])
  assert.equal(published.length, 2)
})

test('a store that fails fails the requests in the line, frees their ids, and the next ones go by what is owed', async () => {
  const link = new Gate()
  const { intake, published, links } = stand({ link })
  const failing = intake.accept([identify('1', { email: 'a@x.io' }), event('1', { id: ULID })], WEB)
  const outcome = Promise.allSettled([failing])
  await link.reached(1)
  link.calls[0]?.reject(failure('storage_failed'))
  const [result] = await outcome
  assert.ok(result?.status === 'rejected' && result.reason.code === 'storage_failed')
  assert.equal(published.length, 2)
  const next = intake.accept([eventOf('a@x.io'), event('1', { id: ULID })], WEB)
  await Promise.race([link.reached(2), next])
  assert.deepEqual([published.length, links.length], [2, 2], 'nothing is placed before the link is written')
  link.open(1)
  assert.equal((await next)[1], ULID)
  assert.deepEqual(
    published.slice(2).map(({ key }) => key),
    ['id:1', 'id:1'],
  )
})

test('what the log has is answered, also where there is no room for its links, and the next ones wait for that', async () => {
  const link = new Gate()
  const { intake, published } = stand({ link })
  const said = intake.accept([identify('1', { email: 'a@x.io' }), event('1')], WEB)
  await link.reached(1)
  link.calls[0]?.reject(failure('storage_full'))
  assert.equal((await said).length, 2)
  const refused = assert.rejects(intake.accept([eventOf('a@x.io')], WEB), { code: 'storage_full' })
  await Promise.race([link.reached(2), refused])
  link.calls[1]?.reject(failure('storage_full'))
  await refused
  assert.equal(published.length, 2)
  const taken = intake.accept([eventOf('a@x.io')], WEB)
  await link.reached(3)
  link.open(2)
  await taken
  assert.equal(published[2]?.key, 'id:1')
})

test('a ledger that cannot remember is told of, and the operation is answered all the same', async () => {
  const remember = { pass: () => Promise.reject(failure('storage_full')) }
  const { intake, told } = stand({ remember })
  assert.deepEqual(await intake.accept([event('1', { id: ULID })], WEB), [ULID])
  await intake.idle()
  assert.deepEqual(told, ['ingest.accepted 1', 'ingest.forgot'])
})

test('idle waits for the ledger', async () => {
  const remember = new Gate()
  const { intake, known } = stand({ remember })
  await intake.accept([event('1', { id: ULID })], WEB)
  const idle = intake.idle().then(() => known.size)
  remember.open(0)
  assert.equal(await idle, 1)
})

test('the feed is told of what is new, and only while somebody looks', async () => {
  const happenings: Happening[] = []
  let watched = false
  const feed = {
    get watched() {
      return watched
    },
    tell: (news: readonly Happening[]) => happenings.push(...news),
  }
  const { intake } = stand({ feed })
  await intake.accept([event('1')], WEB)
  watched = true
  const [id] = await intake.accept([event('2', { id: ULID }), event('2', { id: ULID })], WEB)
  assert.deepEqual(happenings, [
    { at: AT, what: 'accepted', id, key: 'id:2', kind: 'person.event', source: 'web', correlationId: 'c' },
  ])
})

test('through the bus in memory, a hundred requests at once leave a hundred records in their order', async () => {
  const bus = openMemoryBus({ clock, lanes: 1 })
  const ledger = { seen: async () => new Map<string, string>(), remember: async () => {} }
  const people = openMemoryPeople()
  const ulids = makeUlids()
  const intake = new Intake({ bus, ledger, people, clock, ulids, feed: unwatched, notify: () => {} })
  const accepted = await Promise.all(
    Array.from({ length: 100 }, (_, n) => intake.accept([event(`${n % 3}`)], WEB)),
  )
  const records = await bus.read(TOPICS.events, { from: 0, limit: 1000 })
  assert.deepEqual(
    records.map(({ id }) => id),
    accepted.flat(),
  )
  await bus[Symbol.asyncDispose]()
})

test('whether things can be stored is told for a while, and until something is', async () => {
  let now = 0
  let fault: SluiceError | undefined
  const intake = new Intake({
    ...{ people: openMemoryPeople(), ulids: makeUlids(), feed: unwatched, notify: () => {} },
    bus: { publish: () => (fault === undefined ? Promise.resolve() : Promise.reject(fault)) },
    ledger: { seen: async () => new Map(), remember: async () => {} },
    clock: { ...clock, mono: () => now },
  })
  const offer = () => intake.accept([event('1')], WEB).catch(() => {})
  const seen: unknown[] = []
  for (const code of ['storage_full', 'too_large', undefined, 'bus_unavailable'] as const) {
    fault = code && new SluiceError(code)
    await offer()
    seen.push(intake.refusing)
  }
  now = 10_001
  assert.deepEqual(
    [...seen, intake.refusing],
    ['storage_full', 'storage_full', undefined, 'bus_unavailable', undefined],
  )
})
