import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Happening } from '../core/feed.ts'
import type { Received } from '../core/record.ts'
import { makeUlids } from '../core/ulid.ts'
import { createServer } from '../http/server.ts'
import type { DeadLetter, DeadSelection, Entry, Ledger } from '../ledger/ledger.ts'
import { healthRoutes } from './health.ts'
import { type AdminDeps, adminRoutes } from './routes.ts'
import type { Status } from './status.ts'
import { tailStream } from './tail.ts'

const entry = (id: string, changes: Partial<Entry> = {}): Entry => ({
  id,
  key: 'id:42',
  kind: 'person.event',
  headers: { source: 'default' },
  receivedAt: 1_000,
  endedAt: 2_000,
  topic: 'customerio.events',
  lane: 3,
  offset: 7,
  outcome: 'delivered',
  attempts: [{ at: 1_500, ms: 40, status: 200, code: 'ok' }],
  ...changes,
})

const letter = (id: string, changes: Partial<DeadLetter> = {}): DeadLetter => ({
  ...entry(id, { outcome: 'dead' }),
  state: 'waiting',
  value: '{"n":12345678901234567890}',
  refusal: { code: 'upstream_rejected', reason: 'invalid' },
  replays: 0,
  ...changes,
})

const record = (id: string, changes: Partial<Received> = {}): Received => ({
  id,
  key: 'id:42',
  kind: 'person.event',
  at: 1_000,
  headers: {},
  value: '{"kept":"in the log"}',
  topic: 'customerio.events',
  lane: 3,
  offset: 7,
  epoch: 1,
  ...changes,
})

const STATUS: Status = {
  version: '1',
  env: 'development',
  started_at: '2026-11-24T00:00:00.000Z',
  uptime_s: 1,
  roles: ['ingest'],
  upstream: {
    url: 'http://x',
    region: 'us',
    state: 'closed',
    rate_per_s: 1,
    ceiling_per_s: 2,
    concurrency: 1,
    in_flight: 0,
    last_status: null,
  },
  conservation: {
    accepted: 0,
    delivered: 0,
    coalesced: 0,
    suppressed: 0,
    dead: 0,
    pending: 0,
    duplicate: 0,
    missing: 0,
  },
  backlog: { pending: 0, oldest_age_s: null, in_per_s: 0, out_per_s: 0, drains_in_s: 0 },
  inbox: [],
  dead: { waiting: 0, replaying: 0 },
  log: { bytes: 1 },
}

/** A ledger over arrays: what the admin API asks of one, and nothing else. */
function fakeLedger(entries: readonly Entry[], letters: readonly DeadLetter[]): Ledger {
  const asked = async () => assert.fail('the admin API has no business with this')
  const matches = (found: DeadLetter, query: DeadSelection) =>
    (['state', 'code', 'kind'] as const).every((name) => {
      const value = name === 'code' ? found.refusal.code : found[name]
      return query[name] === undefined || query[name] === value
    }) &&
    (query.keys ?? [found.key]).includes(found.key) &&
    found.endedAt >= (query.since ?? 0)
  return {
    record: asked,
    recorded: asked,
    reached: asked,
    counts: asked,
    seen: asked,
    remember: asked,
    trim: asked,
    find: async (id) => entries.find((found) => found.id === id),
    recent: async (limit) => entries.slice(0, limit),
    dead: {
      list: async (query) => {
        const all = letters.filter((found) => matches(found, query))
        const start = query.after ? all.findIndex(({ id }) => id === query.after) + 1 : 0
        return all.slice(start, start + query.limit)
      },
      find: async (id) => letters.find((found) => found.id === id),
      groups: async () => [],
      waiting: asked,
      startReplay: asked,
      ids: async (selection) => letters.filter((found) => matches(found, selection)).map(({ id }) => id),
      drop: asked,
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

interface Setup {
  readonly entries?: readonly Entry[]
  readonly letters?: readonly DeadLetter[]
  readonly log?: readonly Received[]
  readonly pending?: readonly Received[]
  readonly deps?: Partial<AdminDeps>
}

function setup({ entries = [], letters = [], log = [], pending = [], deps = {} }: Setup = {}) {
  const acted: { readonly verb: string; readonly ids: readonly string[] }[] = []
  const act = (verb: string) => async (ids: readonly string[]) => {
    acted.push({ verb, ids })
    return ids.length
  }
  const listeners = new Set<(happenings: readonly Happening[]) => void>()
  const http = createServer({ clock: systemClock, ulids: makeUlids() })
  http.app.register(
    adminRoutes({
      token: 'secret',
      remote: false,
      ledger: fakeLedger(entries, letters),
      people: { resolve: async (keys) => keys.map((key) => (key === 'email:ada@x.co' ? 'id:42' : key)) },
      bus: { read: async (topic, { from }) => log.filter((r) => r.topic === topic && r.offset === from) },
      attemptsOf: () => [],
      findPending: async (id) => pending.find((found) => found.id === id),
      replay: act('replay'),
      drop: act('drop'),
      status: async () => STATUS,
      busReport: async () => ({ bus: 'sqlite', topics: [], groups: [] }),
      feed: {
        watch: (listener) => {
          listeners.add(listener)
          return () => listeners.delete(listener)
        },
      },
      ...deps,
    }),
  )
  const ask = async (path: string, body?: unknown) => {
    const answer = await http.app.inject({
      method: body === undefined ? 'GET' : 'POST',
      url: `/admin/v1${path}`,
      headers: { authorization: 'Bearer secret' },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    })
    return { status: answer.statusCode, body: answer.json() }
  }
  return { http, ask, acted, listeners, [Symbol.asyncDispose]: () => http.stop() }
}

test('without the token, or with another, the answer is 401 as problem+json', async () => {
  await using admin = setup()
  for (const authorization of [undefined, 'Bearer secret2', 'Bearer ', 'Basic c2VjcmV0']) {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await admin.http.app.inject({ url: '/admin/v1/status', headers })
    assert.equal(answer.statusCode, 401)
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
    assert.equal(answer.json().code, 'unauthorized')
  }
})

test('a gateway without a token refuses everybody', async () => {
  await using admin = setup({ deps: { token: undefined } })
  for (const token of ['secret', 'undefined', '']) {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await admin.http.app.inject({ url: '/admin/v1/status', headers })
    assert.equal(answer.statusCode, 401)
    assert.match(answer.json().hint, /SLUICE_ADMIN_TOKEN/)
  }
})

test('another machine is refused even with the token, unless the configuration allows it', async () => {
  const remoteAddress = '10.0.0.9'
  const headers = { authorization: 'Bearer secret' }
  await using closed = setup()
  const refused = await closed.http.app.inject({ url: '/admin/v1/status', headers, remoteAddress })
  assert.equal(refused.statusCode, 403)
  await using open = setup({ deps: { remote: true } })
  const taken = await open.http.app.inject({ url: '/admin/v1/status', headers, remoteAddress })
  assert.equal(taken.statusCode, 200)
  for (const local of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
    const answer = await closed.http.app.inject({ url: '/admin/v1/status', headers, remoteAddress: local })
    assert.equal(answer.statusCode, 200, local)
  }
})

test('the guard stands before every route of the prefix', async () => {
  await using admin = setup()
  const paths = ['/status', '/operations', '/operations/x', '/tail', '/dead-letters', '/dead-letters/groups']
  for (const path of paths) {
    const answer = await admin.http.app.inject({ url: `/admin/v1${path}` })
    assert.equal(answer.statusCode, 401, path)
  }
  for (const path of ['/dead-letters/replay', '/dead-letters/drop']) {
    const answer = await admin.http.app.inject({ method: 'POST', url: `/admin/v1${path}`, payload: '{}' })
    assert.equal(answer.statusCode, 401, path)
  }
})

test('the status is told as it is', async () => {
  await using admin = setup()
  assert.deepEqual(await admin.ask('/status'), { status: 200, body: STATUS })
})

test('an operation is traced in whatever state it is', async () => {
  const settled = entry('SETTLED')
  await using admin = setup({
    entries: [settled, entry('TRIMMED', { offset: 8 }), entry('DEAD', { outcome: 'dead' })],
    letters: [letter('DEAD', { replays: 2 })],
    log: [record('SETTLED'), record('ANOTHER', { offset: 8 })],
    pending: [record('PENDING')],
  })
  const traced = await admin.ask('/operations/SETTLED')
  assert.deepEqual(traced.body, { ...settled, state: 'delivered', value: '{"kept":"in the log"}' })
  assert.equal((await admin.ask('/operations/TRIMMED')).body.value, undefined)
  const dead = await admin.ask('/operations/DEAD')
  assert.deepEqual(
    [dead.body.state, dead.body.replays, dead.body.value],
    ['dead', 2, '{"n":12345678901234567890}'],
  )
  const pending = await admin.ask('/operations/PENDING')
  assert.deepEqual(
    [pending.body.state, pending.body.receivedAt, pending.body.attempts],
    ['pending', 1000, []],
  )
  assert.equal((await admin.ask('/operations/UNKNOWN')).status, 404)
})

test('a dead letter on its way again is traced as replaying, one given up as dropped', async () => {
  for (const state of ['replaying', 'dropped'] as const) {
    await using admin = setup({
      entries: [entry('D', { outcome: 'dead' })],
      letters: [letter('D', { state })],
    })
    assert.equal((await admin.ask('/operations/D')).body.state, state)
  }
})

test('recent operations are limited', async () => {
  await using admin = setup({ entries: [entry('A'), entry('B')] })
  const { body } = await admin.ask('/operations?limit=1')
  assert.deepEqual(body, { data: [entry('A')], next_cursor: null })
  assert.equal((await admin.ask('/operations?limit=0')).status, 400)
})

test('dead letters come page by page, and the pages together are all of them', async () => {
  const letters = ['A', 'B', 'C', 'D', 'E'].map((id) => letter(id))
  await using admin = setup({ letters })
  const seen: string[] = []
  let after: string | null = ''
  while (after !== null) {
    const { body } = await admin.ask(`/dead-letters?limit=2${after && `&after=${after}`}`)
    seen.push(...body.data.map(({ id }: DeadLetter) => id))
    after = body.next_cursor
  }
  assert.deepEqual(seen, ['A', 'B', 'C', 'D', 'E'])
})

test('a filter that does not exist is refused rather than ignored', async () => {
  await using admin = setup({ letters: [letter('A')] })
  assert.equal((await admin.ask('/dead-letters?codes=x')).status, 400)
  assert.equal((await admin.ask('/dead-letters?state=gone')).status, 400)
  const { status, body } = await admin.ask('/dead-letters?since=yesterday')
  assert.deepEqual([status, body.code], [400, 'bad_request'])
  assert.match(body.detail, /^since: must be milliseconds since 1970, or RFC 3339 .* you gave "yesterday"/)
  for (const since of ['5 May', '', '%20', '2026'])
    assert.equal((await admin.ask(`/dead-letters?since=${since}`)).status, since === '2026' ? 200 : 400)
  assert.equal((await admin.ask('/dead-letters?since=1970-01-01T00:00:03Z')).body.data.length, 0)
  assert.equal((await admin.ask('/dead-letters?since=2000')).body.data.length, 1)
})

test('letters of a person are found by an identifier of before, those too that came before it was known whose it is', async () => {
  const letters = [letter('A'), letter('B', { key: 'email:ada@x.co' }), letter('C', { key: 'id:7' })]
  await using admin = setup({ letters })
  const { body } = await admin.ask('/dead-letters?key=email:ada@x.co')
  assert.deepEqual(
    body.data.map(({ id }: DeadLetter) => id),
    ['A', 'B'],
  )
  await admin.ask('/dead-letters/replay', { key: 'email:ada@x.co' })
  assert.deepEqual(admin.acted, [{ verb: 'replay', ids: ['A', 'B'] }])
})

test('letters are found by the key they have where the bus, which has the links, is away', async () => {
  const resolve = async () => {
    throw new SluiceError('bus_unavailable')
  }
  await using admin = setup({ letters: [letter('A')], deps: { people: { resolve } } })
  const { body } = await admin.ask('/dead-letters?key=id:42')
  assert.equal(body.data.length, 1)
})

test('only letters that wait are replayed or dropped', async () => {
  const letters = [letter('A'), letter('B', { state: 'replaying' }), letter('C', { state: 'dropped' })]
  for (const verb of ['replay', 'drop']) {
    await using admin = setup({ letters })
    const { body } = await admin.ask(`/dead-letters/${verb}`, { ids: ['A', 'B', 'C', 'unknown'] })
    assert.deepEqual(body, { count: 1, ids: ['A'], dry_run: false })
    assert.deepEqual(admin.acted, [{ verb, ids: ['A'] }])
  }
})

test('a selection of thousands is worked through in pages, and a hundred ids are named', async () => {
  const letters = Array.from({ length: 2345 }, (_, index) => letter(`L${index}`))
  await using admin = setup({ letters: [...letters, letter('OTHER', { kind: 'person.delete' })] })
  const { body } = await admin.ask('/dead-letters/drop', { kind: 'person.event' })
  assert.equal(body.count, 2345)
  assert.equal(body.ids.length, 100)
  assert.deepEqual(
    admin.acted.map(({ ids }) => ids.length),
    [1000, 1000, 345],
  )
})

test('a dry run counts and does nothing', async () => {
  await using admin = setup({ letters: [letter('A'), letter('B')] })
  const { body } = await admin.ask('/dead-letters/replay', { code: 'upstream_rejected', dry_run: true })
  assert.deepEqual(body, { count: 2, ids: ['A', 'B'], dry_run: true })
  assert.deepEqual(admin.acted, [])
})

test('a selection that says nothing, or two things, is refused', async () => {
  await using admin = setup({ letters: [letter('A')] })
  for (const selection of [
    {},
    { dry_run: false },
    { ids: [] },
    { ids: ['A'], kind: 'x' },
    { all: true },
    'A',
  ])
    assert.equal((await admin.ask('/dead-letters/drop', selection)).status, 400, JSON.stringify(selection))
  assert.deepEqual(admin.acted, [])
})

test('an error of the storage reaches the caller with its code', async () => {
  const full = async () => {
    throw new SluiceError('storage_full')
  }
  await using admin = setup({ letters: [letter('A')], deps: { replay: full } })
  const { status, body } = await admin.ask('/dead-letters/replay', { ids: ['A'] })
  assert.deepEqual([status, body.code], [503, 'storage_full'])
})

const happening = (id: string): Happening => ({
  at: 1,
  what: 'accepted',
  id,
  key: 'id:42',
  kind: 'person.event',
})

test('the tail is watched only while somebody reads it, and ends when the server stops', async () => {
  const admin = setup()
  const { host, port } = await admin.http.listen({ host: '127.0.0.1', port: 0 })
  const answer = await fetch(`http://${host}:${port}/admin/v1/tail`, {
    headers: { authorization: 'Bearer secret' },
  })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  assert.deepEqual(await reader?.read(), { done: false, value: '\n' })
  assert.equal(admin.listeners.size, 1)
  for (const listener of admin.listeners) listener([happening('A'), happening('B')])
  const { value } = (await reader?.read()) ?? {}
  assert.deepEqual(
    value
      ?.trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
    ['A', 'B'],
  )
  await admin.http.stop()
  assert.equal((await reader?.read())?.done, true)
  assert.equal(admin.listeners.size, 0)
})

test('a reader that goes away is no longer told anything', async () => {
  await using admin = setup()
  const { host, port } = await admin.http.listen({ host: '127.0.0.1', port: 0 })
  const leaving = new AbortController()
  const headers = { authorization: 'Bearer secret' }
  const answer = await fetch(`http://${host}:${port}/admin/v1/tail`, { headers, signal: leaving.signal })
  await answer.body?.getReader().read()
  leaving.abort()
  while (admin.listeners.size > 0) await nextTurn()
})

test('a reader that is too slow misses lines, and is told how many', async () => {
  let tell: (happenings: readonly Happening[]) => void = () => {}
  const stream = tailStream({
    watch: (listener) => {
      tell = listener
      return () => {}
    },
  })
  const crowd = Array.from({ length: 1000 }, (_, index) => happening(`H${index}`))
  let told = 0
  while (stream.readableLength < 1024 * 1024) {
    tell(crowd)
    told += crowd.length
  }
  tell(crowd)
  tell(crowd)
  const readAll = () => {
    let text = ''
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk)
    return text
  }
  const held = readAll()
  tell([happening('LATER')])
  const lines = (held + readAll()).trim().split('\n')
  assert.equal(lines.length, told + 2)
  assert.deepEqual(JSON.parse(lines.at(-2) ?? ''), { skipped: 2000 })
  assert.equal(JSON.parse(lines.at(-1) ?? '').id, 'LATER')
  stream.destroy()
  await once(stream, 'close')
})

test('health needs no token, and readiness says why it is not there', async () => {
  await using http = createServer({ clock: systemClock, ulids: makeUlids() })
  let readiness = { ready: true, reasons: [] as string[] }
  http.app.register(
    healthRoutes({
      ready: async () => readiness,
      metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: async () => 'up 1\n' },
    }),
  )
  assert.equal((await http.app.inject({ url: '/livez' })).statusCode, 200)
  assert.equal((await http.app.inject({ url: '/readyz' })).statusCode, 200)
  readiness = { ready: false, reasons: ['the disk is full'] }
  const unready = await http.app.inject({ url: '/readyz' })
  assert.deepEqual([unready.statusCode, unready.json().reasons], [503, ['the disk is full']])
  const metrics = await http.app.inject({ url: '/metrics' })
  assert.equal(metrics.body, 'up 1\n')
  assert.match(String(metrics.headers['content-type']), /^text\/plain; version=0\.0\.4/)
})
