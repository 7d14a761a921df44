/** The whole gateway, as an application and an operator meet it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Done, LetterPage, Trace } from '../../src/admin/wire.ts'
import type { Subscription } from '../../src/bus/bus.ts'
import { TOPICS } from '../../src/core/record.ts'
import { type Disk, realDisk } from '../../src/sqlite/disk.ts'
import { busWith } from '../../src/verify/faults.ts'
import { realWorld } from '../../src/world.ts'
import { eventBatch, type StandOptions, stand, temporary } from './stand.ts'

/** With the threads that a process of its own has. */
const open = (options: StandOptions = {}) => stand({ world: realWorld(), ...options })

test('what is said in Track v1 is done at Customer.io, in order, and its story can be told', async () => {
  const { call, admin, drained, emulator, gateway } = await open()
  await call(
    'PUT',
    '/api/v1/customers/42',
    '{"email":"ada@example.com","plan":"pro","big":12345678901234567890}',
  )
  const event = await call('POST', '/api/v1/customers/42/events', '{"name":"order","data":{"total":1.50}}')
  assert.equal(await event.text(), '{}\n')
  await drained()

  const [identify] = emulator.requests()
  assert.match(
    String(identify?.body),
    /"action":"identify","timestamp":\d{10},/,
    'late delivery must not make it new',
  )
  const person = emulator.person('id:42')
  assert.equal(person?.email, 'ada@example.com')
  const [applied] = emulator.events()
  assert.equal(applied?.name, 'order')
  assert.equal(emulator.eventData(applied?.seq ?? 0), '{"total":1.50}', 'to the digit')

  const id = event.headers.get('x-sluice-id') ?? ''
  assert.equal(applied?.id, id, 'the id of the answer is the one that Customer.io dedupes on')
  const trace = await admin<Trace>(`/operations/${id}`)
  assert.equal(trace.state, 'delivered')
  assert.equal(trace.attempts.length, 1)
  assert.deepEqual(await gateway.conservation(), {
    accepted: 2,
    delivered: 2,
    coalesced: 0,
    suppressed: 0,
    dead: 0,
    pending: 0,
    duplicate: 0,
    missing: 0,
  })
})

test('an event that names a person by e-mail stays behind the identify that brings the address', async () => {
  const { call, drained, emulator } = await open()
  emulator.faults.add({ kind: 'status', status: 500, percent: 30 })
  for (let n = 0; n < 10; n += 1) {
    await call('PUT', `/api/v1/customers/u${n}`, { email: `u${n}@example.com`, first_name: `Ada ${n}` })
    await call('POST', `/api/v1/customers/${encodeURIComponent(`u${n}@example.com`)}/events`, {
      name: 'welcome',
    })
  }
  await drained()
  const welcomed = emulator.events()
  assert.equal(welcomed.length, 10)
  assert.ok(
    welcomed.every(({ person }) => person?.startsWith('id:u')),
    'nobody was welcomed before she was known',
  )
})

test('a client that repeats an id is answered and not heard twice', async () => {
  const { call, drained, emulator, gateway } = await open()
  const body = { name: 'order', id: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => call('POST', '/api/v1/customers/42/events', body)),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  await drained()
  assert.equal(emulator.events().length, 1)
  assert.equal((await gateway.conservation()).accepted, 1)
})

test('dead letters are listed, shown, replayed and dropped by the admin API, and the figures always add up', async () => {
  const { call, admin, drained, emulator, gateway } = await open()
  emulator.faults.add({ kind: 'status', status: 400 })
  await call('POST', '/api/v2/batch', eventBatch(['a', 'b', 'c']))
  await drained()
  const { data } = await admin<LetterPage>('/dead-letters')
  assert.equal(data.length, 3)
  emulator.faults.clear()

  const [one, two, three] = data.map(({ id }) => id)
  const dry = await admin<Done>('/dead-letters/replay', { ids: [one], dry_run: true })
  assert.deepEqual([dry.count, (await gateway.conservation()).dead], [1, 3])
  await admin('/dead-letters/replay', { ids: [one, two] })
  await admin('/dead-letters/drop', { ids: [three] })
  await drained()
  assert.equal(emulator.events().length, 2)
  const figures = await gateway.conservation()
  assert.deepEqual([figures.delivered, figures.dead, figures.missing], [2, 1, 0])
})

test('the story of an operation that waits tells what was tried so far', async () => {
  const { call, admin, drained, emulator, told } = await open()
  emulator.faults.add({ kind: 'outage', status: 503 })
  const answer = await call('POST', '/api/v1/customers/42/events', { name: 'order' })
  while (!told.some(([name]) => name === 'delivery.attempted')) await new Promise(setImmediate)
  const trace = await admin<Trace>(`/operations/${answer.headers.get('x-sluice-id')}`)
  assert.equal(trace.state, 'pending')
  assert.deepEqual([trace.attempts[0]?.status, trace.attempts[0]?.code], [503, 'upstream_unavailable'])
  emulator.faults.clear()
  await drained()
})

test('what was not delivered is delivered by the next process', async () => {
  const directory = temporary()
  const first = await open({ directory })
  first.emulator.faults.add({ kind: 'outage', status: 503 })
  await first.call('POST', '/api/v2/batch', eventBatch(['a', 'b', 'a', 'c']))
  await first.gateway.close()
  assert.equal(first.emulator.events().length, 0)
  const second = await open({ directory })
  await second.drained()
  assert.equal(second.emulator.events().length, 4)
  assert.equal((await second.gateway.conservation()).missing, 0)
})

/** A disk that fails as soon as people are linked. */
const UNLINKED: Disk = {
  ...realDisk,
  database: (path, timeoutMs) => {
    const db = realDisk.database(path, timeoutMs)
    const prepare = db.prepare.bind(db)
    db.prepare = (sql) => {
      if (!sql.startsWith('INSERT INTO moves')) return prepare(sql)
      const run = () => {
        throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
      }
      return Object.defineProperty(prepare(sql), 'run', { value: run })
    }
    return db
  },
}

test('who is whom is known after a disk that failed between the log and what is known of people', async () => {
  const directory = temporary()
  const first = await open({ directory, world: { ...realWorld(), disk: UNLINKED } })
  first.emulator.faults.add({ kind: 'outage', status: 503 })
  const merge = await first.call('POST', '/api/v1/merge_customers', {
    primary: { id: '5' },
    secondary: { id: '8' },
  })
  await first.gateway.failed
  await first.gateway.close()
  const second = await open({ directory })
  const event = await second.call('POST', '/api/v1/customers/8/events', { name: 'order' })
  await second.drained()
  const id = event.headers.get('x-sluice-id') ?? ''
  const { key } = await second.admin<Trace>(`/operations/${id}`)
  assert.deepEqual([merge.status, key], [503, 'id:5'])
})

test('damage in what is delivered is told, and stops no start', async () => {
  const directory = temporary()
  const first = await open({ directory })
  await first.call('POST', '/api/v1/customers/1/events', { name: 'order' })
  await first.drained()
  await first.gateway.close()
  {
    using log = new DatabaseSync(join(directory, 'log.db'))
    log.exec(
      "UPDATE chunk SET body = 'another' WHERE topic = (SELECT number FROM topic WHERE name = 'customerio.events')",
    )
  }
  const second = await open({ directory })
  const { status } = await second.call('POST', '/api/v1/customers/1/events', { name: 'order' })
  await second.drained()
  assert.deepEqual([status, second.emulator.events().length], [200, 1])
  assert.ok(second.told.some(([name]) => name === 'ingest.unlinked'))
})

/** Its subscribers are given nothing until then. */
const withSubscriptions = (change: (real: Subscription) => Partial<Subscription>) =>
  busWith((real) => ({
    subscribe: async (...given) => {
      const subscription = await real.subscribe(...given)
      return {
        [Symbol.asyncIterator]: () => subscription[Symbol.asyncIterator](),
        share: subscription.share,
        settle: (places) => subscription.settle(places),
        [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
        ...change(subscription),
      }
    },
  }))

test('a backlog makes nobody wait; figures are told once it is known what of it had ended', async () => {
  const directory = temporary()
  const ended = Promise.withResolvers<void>()
  const deaf = withSubscriptions(() => ({
    settle: async ({ length }) => {
      ended.resolve()
      return length
    },
  }))
  const first = await open({ directory, aroundBus: deaf })
  await first.call('POST', '/api/v2/batch', eventBatch(['a', 'b', 'a', 'c']))
  await ended.promise
  await first.gateway.close()

  const read = Promise.withResolvers<void>()
  const silent = withSubscriptions((real) => ({
    async *[Symbol.asyncIterator]() {
      await read.promise
      yield* real
    },
  }))
  const { gateway, call, drained } = await open({ directory, aroundBus: silent })
  let known = false
  const figures = gateway.conservation().finally(() => (known = true))
  const { status } = await call('POST', '/api/v1/customers/42/events', { name: 'order' })
  const knownBefore = known
  read.resolve()
  assert.deepEqual([status, knownBefore], [200, false])
  assert.deepEqual([(await figures).accepted, (await figures).missing], [5, 0])
  await drained()
})

test('what goes wrong while delivery starts, after the port is open, is heard', async () => {
  const { gateway } = await open({
    aroundBus: busWith((bus) => ({
      subscribe: async (topic, ...rest) => {
        if (topic === TOPICS.events) throw new Error('the disk has failed')
        return bus.subscribe(topic, ...rest)
      },
    })),
  })
  assert.match((await gateway.failed).message, /the disk has failed/)
})

test('a second process on the same data is refused', async () => {
  const directory = temporary()
  await open({ directory })
  await assert.rejects(open({ directory }), { code: 'data_dir_in_use' })
})

test('a data directory that is none, or whose lock cannot be opened, is a wrong setting', async () => {
  const directory = temporary()
  writeFileSync(join(directory, 'file'), '')
  mkdirSync(join(directory, 'odd', 'lock.db'), { recursive: true })
  for (const path of ['file', 'file/below', 'odd'])
    await assert.rejects(open({ directory: join(directory, path) }), { code: 'bad_config' }, path)
})

test('a full log answers 503, is not ready meanwhile, and goes on delivering', async () => {
  const { call, drained, emulator, gateway } = await open({ env: { SLUICE_MAX_LOG_BYTES: '400KB' } })
  emulator.faults.add({ kind: 'outage', status: 503 })
  let accepted = 0
  let refused: Response | undefined
  while (refused === undefined) {
    const batch = Array.from({ length: 20 }, (_, n) => ({
      type: 'person',
      identifiers: { id: `p${n}` },
      action: 'event',
      name: 'n',
      attributes: { padding: randomBytes(675).toString('base64') }, // alike, they would be compressed
    }))
    const answer = await call('POST', '/api/v2/batch', { batch })
    if (answer.status === 200) accepted += 20
    else refused = answer
  }
  assert.equal(refused.status, 503)
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  assert.equal(refused.headers.get('x-sluice-code'), 'storage_full')
  const unready = await fetch(`${gateway.url}/readyz`)
  assert.deepEqual([unready.status, await unready.json()], [503, { ready: false, reasons: ['storage_full'] }])
  emulator.faults.clear()
  await drained()
  assert.equal(emulator.events().length, accepted)
  while ((await call('POST', '/api/v2/batch', eventBatch(['again']))).status !== 200);
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200)
  await drained()
  assert.equal((await gateway.conservation()).missing, 0)
})

test('health and metrics tell the figures; an outage at Customer.io does not make it unready', async () => {
  const { gateway, emulator, call, drained } = await open()
  emulator.faults.add({ kind: 'outage', status: 503, forMs: 300 })
  await call('POST', '/api/v2/batch', eventBatch(['a']))
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200)
  await drained()
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(metrics, /sluice_operations\{state="delivered"\} 1/)
  assert.match(metrics, /sluice_operations\{state="missing"\} 0/)
})

test('headers that are too large are a 431 in the shape of the API that was called', async () => {
  const { gateway } = await open()
  const headers = { cookie: 'a'.repeat(20_000) }
  const shapes = [
    ['/api/v1/customers/1', /^{"meta":{"errors":\["The headers/],
    ['/api/v2/batch', /^{"errors":\[{"reason":"headers_too_large","message":"The headers/],
    ['/v1/track', /^{"meta":{"errors":\["The headers/],
    ['/v1/segments', /^{"errors":\[{"detail":"The headers.*"status":"431"/],
    ['/v1/send/email', /^{"meta":{"error":"The headers/],
    ['/admin/v1/status', /^{"limit":16384,"type":"urn:sluice:error:headers_too_large"/],
  ] as const
  for (const [path, shape] of shapes) {
    const answer = await fetch(`${gateway.url}${path}`, { method: 'POST', headers })
    assert.equal(answer.status, 431, path)
    assert.match(await answer.text(), shape)
  }
})
