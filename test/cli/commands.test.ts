/** Each command against answers from a table: what it asks, what it says, how it ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Status } from '../../src/admin/status.ts'
import { DEAD_URL, type FakeSluice, fakeSluice, type Reply } from './fake-sluice.ts'
import { Terminal, type TerminalOptions } from './terminal.ts'

const ID = '01JD8E3V5Q6Z7X8Y9A0B1C2D3E'
const BEARER = 'Bearer dev'
const BASIC = `Basic ${Buffer.from('dev:dev').toString('base64')}`

const trace = (changes: object = {}) => ({
  id: ID,
  key: 'id:42',
  kind: 'person.event',
  state: 'delivered',
  headers: { source: 'default', 'correlation-id': 'c-1' },
  receivedAt: 1000,
  endedAt: 2270,
  topic: 'customerio.events',
  lane: 3,
  offset: 18422,
  outcome: 'delivered',
  attempts: [
    { at: 1040, ms: 12, status: 429, code: 'upstream_rate_limited', detail: 'slow down' },
    { at: 2232, ms: 38, status: 200, code: 'ok' },
  ],
  value: '{"n":12345678901234567890}',
  ...changes,
})

const status = (changes: Partial<Status> = {}): Status => ({
  version: '0.1.0',
  env: 'development',
  started_at: '2026-11-24T00:00:00.000Z',
  uptime_s: 273_600,
  roles: ['ingest', 'delivery'],
  upstream: {
    url: 'http://127.0.0.1:8247',
    region: 'us',
    state: 'closed',
    rate_per_s: 97.4,
    ceiling_per_s: 900,
    concurrency: 64,
    in_flight: 3,
    last_status: 200,
  },
  conservation: {
    accepted: 100,
    delivered: 90,
    coalesced: 5,
    suppressed: 0,
    dead: 1,
    pending: 4,
    duplicate: 0,
    missing: 0,
  },
  backlog: { pending: 4, oldest_age_s: 7, in_per_s: 182.2, out_per_s: 190, drains_in_s: 600 },
  inbox: [{ topic: 'customerio.track', pending: 0 }],
  dead: { waiting: 1, replaying: 0 },
  log: { bytes: 12 * 1024 * 1024 },
  ...changes,
})

type Replies = Readonly<Record<string, Reply>>

interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  readonly asked: FakeSluice['asked']
}

async function run(replies: Replies, words: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  await using fake = await fakeSluice(replies)
  const env = { SLUICE_URL: fake.url, SLUICE_EMULATOR_URL: fake.url, ...options.env }
  const ran = await new Terminal({ ...options, env }).run(...words)
  return { ...ran, asked: fake.asked }
}

test('status tells all on one screen, with the account as an equation', async () => {
  const replies = { 'GET /admin/v1/status': { body: status() } }
  const { exit, stdout, asked } = await run(replies, ['status'])
  assert.equal(exit, 0)
  assert.equal(asked[0]?.authorization, BEARER)
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'sluice    0.1.0  development  up 3 d 4 h  roles ingest, delivery',
    'flow      in 182/s  out 190/s',
    'backlog   4  oldest 7.0 s  drains in 10 m',
    'dead      1 waiting (sluice dlq list)  0 replaying',
    'upstream  http://127.0.0.1:8247  (us)  calling  97 of 900 calls/s  3 of 64 at once  last 200',
    'account   100 accepted = 90 delivered + 5 coalesced + 1 dead + 4 pending  none missing',
    'log       12 MB',
  ])
})

test('status says what each state of the way to Customer.io means, and shouts about a loss', async () => {
  const { conservation, upstream } = status()
  const bad = status({
    conservation: { ...conservation, missing: 3 },
    upstream: { ...upstream, state: 'credentials', last_status: 401, last_error: 'upstream_unauthorized' },
    backlog: { pending: 4, oldest_age_s: 7, in_per_s: 1, out_per_s: 0, drains_in_s: null },
  })
  const { stdout } = await run({ 'GET /admin/v1/status': { body: bad } }, ['status'])
  assert.match(stdout, /refuses the credentials .* upstream_unauthorized/)
  assert.match(stdout, /3 MISSING/)
  assert.match(stdout, /not draining/)
})

test('status of a process that does not deliver says so, and no rate that nobody keeps', async () => {
  const upstream = { ...status().upstream, state: 'paused', rate_per_s: 0, concurrency: 0 } as const
  const { stdout } = await run(
    { 'GET /admin/v1/status': { body: status({ roles: ['ingest'], upstream }) } },
    ['status'],
  )
  assert.match(stdout, /^upstream {2}http:\/\/127\.0\.0\.1:8247 {2}\(us\) {2}not called by this process$/m)
})

test('status --watch --json gives a document a line until ^C', async () => {
  await using fake = await fakeSluice({ 'GET /admin/v1/status': { body: status() } })
  const terminal = new Terminal({ env: { SLUICE_URL: fake.url } })
  const ran = terminal.run('status', '--watch', '--json')
  await terminal.said(/\n.*\n/)
  terminal.signal('SIGINT')
  const { exit, stdout } = await ran
  assert.equal(exit, 130)
  for (const line of stdout.trim().split('\n')) assert.deepEqual(JSON.parse(line), status())
})

test('a refused token is exit code 3 with the hint of the gateway', async () => {
  const body = { code: 'unauthorized', detail: 'The admin API needs its bearer token.', hint: 'Set it.' }
  const { exit, stderr } = await run({ 'GET /admin/v1/status': { status: 401, body } }, ['status'])
  assert.equal(exit, 3)
  assert.match(stderr, /needs its bearer token\. {2}unauthorized\n {2}fix {3}Set it\./)
})

test('no answer in time is exit code 124', async () => {
  const never = { 'GET /admin/v1/status': () => {} }
  const { exit, stderr } = await run(never, ['status', '--timeout', '50ms'])
  assert.equal(exit, 124)
  assert.match(stderr, /timed_out/)
})

test('trace tells the life of an operation step by step', async () => {
  const replies = { [`GET /admin/v1/operations/${ID}`]: { body: trace() } }
  const { exit, stdout } = await run(replies, ['trace', ID, '--time', 'unix'])
  assert.equal(exit, 0)
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    `${ID}  person.event  id:42   delivered after 2 attempts, 1.3 s end to end`,
    '  1.000  received   source default  correlation c-1',
    '  1.000  durable    customerio.events  lane 3  offset 18422',
    '  1.040  attempt 1  429  upstream_rate_limited  12 ms  slow down',
    '  2.232  attempt 2  200  ok  38 ms',
    '  2.270  delivered',
    '  {"n":12345678901234567890}',
  ])
})

test('trace and dlq show tell the day of a moment, and --time is obeyed', async () => {
  const replies = {
    [`GET /admin/v1/operations/${ID}`]: { body: trace() },
    [`GET /admin/v1/dead-letters/${ID}`]: { body: letter },
  }
  const first = (text: string, name: string) => text.split('\n').find((line) => line.includes(name))
  const show = async (...words: string[]) =>
    (await run(replies, [...words, ID, '--color', 'never'], { tty: true })).stdout
  assert.match(first(await show('trace'), 'received') ?? '', /^ {2}1970-01-01T00:00:01\.000Z {2}received/)
  assert.match(first(await show('dlq', 'show'), 'received') ?? '', /received {3}1970-01-01T00:00:01\.000Z/)
  assert.match(first(await show('dlq', 'show', '--time', 'unix'), 'received') ?? '', /received {3}1\.000$/)
})

test('trace --json keeps the document, with instants as RFC 3339 and the value untouched', async () => {
  const replies = { [`GET /admin/v1/operations/${ID}`]: { body: trace() } }
  const { stdout } = await run(replies, ['trace', ID, '--json'])
  const document = JSON.parse(stdout)
  assert.equal(document.receivedAt, '1970-01-01T00:00:01.000Z')
  assert.equal(document.attempts[1].at, '1970-01-01T00:00:02.232Z')
  assert.equal(document.value, '{"n":12345678901234567890}')
})

test('trace says what to do next, by the state', async () => {
  const { endedAt: _, ...open } = trace({ state: 'pending', attempts: [] })
  const refusal = { code: 'upstream_rejected', reason: 'invalid', message: 'too long' }
  const cases: readonly [object, RegExp, RegExp][] = [
    [open, /id:42 {3}pending\n/, /waits for delivery/],
    [trace({ state: 'coalesced', into: 'B' }), /coalesced into B/, /sluice trace B/],
    [
      trace({ state: 'dead', outcome: 'dead', refusal }),
      /dead {7}upstream_rejected {2}invalid/,
      /dlq replay/,
    ],
  ]
  for (const [body, told, next] of cases) {
    const { stdout, stderr } = await run({ [`GET /admin/v1/operations/${ID}`]: { body } }, ['trace', ID])
    assert.match(stdout, told)
    assert.match(stderr, next)
  }
})

test('an id that nobody knows is exit code 6', async () => {
  const body = { code: 'not_found', detail: 'No operation x is known.' }
  const { exit } = await run({ 'GET /admin/v1/operations/x': { status: 404, body } }, ['trace', 'x'])
  assert.equal(exit, 6)
})

const happening = (id: string, more: object = {}) =>
  `${JSON.stringify({ at: 1000, what: 'accepted', id, key: 'id:42', kind: 'person.event', ...more })}\n`

const feed = (...lines: string[]) => ({
  'GET /admin/v1/tail': (response: ServerResponse) => {
    response.writeHead(200)
    response.write('\n')
    // A line may come in two pieces.
    const text = lines.join('')
    response.write(text.slice(0, 30))
    setImmediate(() => response.write(text.slice(30)))
  },
})

test('tail lets through what was asked for, as lines of JSON', async () => {
  const replies = feed(
    happening('A'),
    happening('B', { what: 'ended', outcome: 'dead' }),
    '{"skipped":12}\n',
    happening('C', { what: 'attempted', code: 'upstream_unavailable', status: 503 }),
  )
  const { exit, stdout, stderr } = await run(replies, [
    'tail',
    '--status',
    'failed',
    '--limit',
    '2',
    '--json',
  ])
  assert.equal(exit, 0)
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    found.map(({ id, at }) => [id, at]),
    [
      ['B', '1970-01-01T00:00:01.000Z'],
      ['C', '1970-01-01T00:00:01.000Z'],
    ],
  )
  assert.match(stderr, /12 lines left out/)
})

test('tail tells the time of day to whoever looks on, and the date as well to a file', async () => {
  const words = ['tail', '--limit', '1']
  assert.match((await run(feed(happening('A')), words)).stdout, /^1970-01-01T00:00:01\.000Z {2}▸ in/)
  const seen = await run(feed(happening('A')), [...words, '--color', 'never'], { tty: true })
  assert.match(seen.stdout, /^00:00:01Z {2}▸ in/)
})

test('tail waits for a gateway that closes the feed, and goes on', async () => {
  let calls = 0
  const replies = {
    'GET /admin/v1/tail': (response: ServerResponse) => {
      calls += 1
      response.writeHead(200)
      response.end(happening(`N${calls}`))
    },
  }
  const { exit, stdout, stderr } = await run(replies, ['tail', '--limit', '2'])
  assert.equal(exit, 0)
  assert.match(stdout, /N1[\s\S]*N2/)
  assert.match(stderr, /closed the feed/)
})

test('tail without a gateway fails at once instead of waiting for one', async () => {
  const { exit } = await new Terminal({ env: { SLUICE_URL: DEAD_URL } }).run('tail')
  assert.equal(exit, 7)
})

const accepted: Reply = { headers: { 'x-sluice-id': ID } }

test('send goes through the Track API and prints the id alone on stdout', async () => {
  const words = [
    'send',
    'track',
    '42',
    'order',
    '-d',
    'total=19.90',
    '-d',
    'plan=pro',
    '--at',
    '1970-01-01T00:01Z',
  ]
  const { exit, stdout, stderr, asked } = await run({ 'POST /api/v2/entity': accepted }, words)
  assert.deepEqual([exit, stdout], [0, `${ID}\n`])
  assert.match(stderr, new RegExp(`sluice trace ${ID}`))
  assert.equal(asked[0]?.authorization, BASIC)
  assert.equal(
    asked[0]?.body,
    '{"type":"person","identifiers":{"id":"42"},"action":"event","name":"order","timestamp":60,"attributes":{"total":19.90,"plan":"pro"}}',
  )
})

test('send tells what preflight found in what it let pass', async () => {
  const warned: Reply = { headers: { 'x-sluice-id': ID, 'x-sluice-warnings': 'old_event' } }
  const replies = { 'POST /api/v2/entity': warned, 'POST /api/v2/batch': warned }
  const one = await run(replies, ['send', 'track', '42', 'order', '--at', '100h'])
  assert.deepEqual([one.exit, one.stdout], [0, `${ID}\n`])
  assert.match(one.stderr, /^warning {2}old_event .*sluice explain old_event/m)
  const json = await run(replies, ['send', 'track', '42', 'order', '--json'])
  assert.deepEqual(JSON.parse(json.stdout), { id: ID, state: 'accepted', warnings: ['old_event'] })
  const file = await run(replies, ['send', '--file', '-'], { stdin: '{"n":1}\n' })
  assert.match(file.stderr, /^warning {2}old_event .*sluice send --check -/m)
})

test('every verb of send has its own form', async () => {
  const cases: readonly [string[], string][] = [
    [['identify', 'a@b.c'], '{"type":"person","identifiers":{"email":"a@b.c"},"action":"identify"}'],
    [['delete', 'cio_9'], '{"type":"person","identifiers":{"cio_id":"9"},"action":"delete"}'],
    [['suppress', '1'], '{"type":"person","identifiers":{"id":"1"},"action":"suppress"}'],
    [['page', '1', '/x'], '{"type":"person","identifiers":{"id":"1"},"action":"page","name":"/x"}'],
    [
      ['merge', '1', 'a@b.c'],
      '{"type":"person","action":"merge","primary":{"id":"1"},"secondary":{"email":"a@b.c"}}',
    ],
  ]
  for (const [words, body] of cases) {
    const { exit, asked } = await run({ 'POST /api/v2/entity': accepted }, ['send', ...words])
    assert.deepEqual([exit, asked[0]?.body], [0, body])
  }
})

test('an event of somebody anonymous goes through Track v1, with its id', async () => {
  const words = ['send', 'track', 'anon-1', 'seen', '--anonymous', '--id', ID, '-d', 'a=1']
  const { asked } = await run({ 'POST /api/v1/events': accepted }, words)
  assert.equal(
    asked[0]?.body,
    `{"name":"seen","type":"event","anonymous_id":"anon-1","id":"${ID}","data":{"a":1}}`,
  )
})

test('data of send comes from stdin with -, and an id that is no ULID is refused', async () => {
  const big = '{"n":12345678901234567890}'
  const piped = await run({ 'POST /api/v2/entity': accepted }, ['send', 'identify', '1', '--data', '-'], {
    stdin: big,
  })
  assert.ok(piped.asked[0]?.body.includes(big))
  const { exit, asked } = await run({}, ['send', 'track', '1', 'x', '--id', 'nope'])
  assert.deepEqual([exit, asked.length], [2, 0])
  const tty = await run({}, ['send', 'identify', '1', '--data', '-'])
  assert.match(tty.stderr, /Nothing is piped/)
})

test('what Customer.io would refuse is told in its words, with exit code 2', async () => {
  const body = { errors: [{ reason: 'required', field: 'name', message: 'name is required' }] }
  const { exit, stderr } = await run({ 'POST /api/v2/entity': { status: 400, body } }, [
    'send',
    'track',
    '1',
    ' ',
  ])
  assert.equal(exit, 2)
  assert.match(stderr, /name is required {2}bad_request/)
})

test('send --wait follows the operation to its outcome', async () => {
  let looks = 0
  const replies: Replies = {
    'POST /api/v2/entity': accepted,
    [`GET /admin/v1/operations/${ID}`]: (response) => {
      looks += 1
      response.end(JSON.stringify(trace(looks < 3 ? { state: 'pending' } : {})))
    },
  }
  const { exit, stdout } = await run(replies, ['send', 'delete', '42', '--wait'])
  assert.deepEqual([exit, stdout, looks], [0, `${ID}  delivered\n`, 3])
})

test('send --wait ends with 124 when there is no outcome in time, and with 5 when it is dead', async () => {
  const ends = async (changes: object) => {
    const replies = {
      'POST /api/v2/entity': accepted,
      [`GET /admin/v1/operations/${ID}`]: { body: trace(changes) },
    }
    return run(replies, ['send', 'delete', '42', '--wait', '--timeout', '2s'])
  }
  assert.equal((await ends({ state: 'pending' })).exit, 124)
  const dead = await ends({ state: 'dead', refusal: { code: 'upstream_rejected', reason: 'invalid' } })
  assert.equal(dead.exit, 5)
  assert.match(dead.stderr, new RegExp(`sluice dlq show ${ID}`))
})

const LINES = ['{"n":1}', '', 'no json', '{"n":12345678901234567890}', '[4]', '{"n":5}'].join('\n')

test('send --file accounts for every line: sent, refused by Customer.io, unreadable', async () => {
  const errors = [
    { batch_index: 1, reason: 'invalid', field: 'n', message: 'too large' },
    { batch_index: 1, reason: 'required', field: 'name' },
  ]
  const { exit, stdout, stderr, asked } = await run(
    { 'POST /api/v2/batch': { status: 207, body: { errors } } },
    ['send', '--file', '-', '--json'],
    { stdin: LINES },
  )
  assert.equal(asked[0]?.body, '{"batch":[{"n":1},{"n":12345678901234567890},{"n":5}]}')
  assert.deepEqual(JSON.parse(stdout), {
    sent: 2,
    refused: [
      { line: 3, reason: 'not a JSON object' },
      { line: 5, reason: 'not a JSON object' },
      { line: 4, reason: 'n: too large; name: required' },
    ],
  })
  assert.equal(exit, 8)
  assert.match(stderr, /"code":"some_refused"/)
})

test('send --file sends what is good beside a line for which Sluice would refuse the whole batch', async () => {
  const deep = `{"a":${'['.repeat(40)}${']'.repeat(40)}}`
  const stdin = ['{"n":1}', deep, `{"x":"${'y'.repeat(500 * 1024)}"}`, '{"n":4}'].join('\n')
  const replies = { 'POST /api/v2/batch': {} }
  const { exit, stdout, asked } = await run(replies, ['send', '--file', '-', '--json'], { stdin })
  assert.equal(exit, 8)
  assert.deepEqual(
    asked.map(({ body }) => body),
    ['{"batch":[{"n":1}]}', '{"batch":[{"n":4}]}'],
  )
  assert.deepEqual(JSON.parse(stdout), {
    sent: 2,
    refused: [
      { line: 2, reason: 'The body is nested more than 32 levels deep.' },
      { line: 3, reason: 'larger than the 512000 bytes of a batch' },
    ],
  })
})

test('send --check says what preflight finds in each line, and sends nothing', async () => {
  const line = (id: string, more: string) =>
    `{"type":"person","identifiers":{"id":"${id}"},"action":"identify"${more}}`
  const stdin = [
    line('Ada', ',"timestamp":1790000000123'),
    '',
    line('ada', ',"attributes":{"plan":""}'),
    line('Ada', `,"attributes":{"plan":"${'x'.repeat(1001)}"}`),
    '{"type":"person"',
  ].join('\n')
  const { exit, stdout, stderr, asked } = await run({}, ['send', '--check', '-'], { stdin })
  assert.deepEqual([exit, asked.length], [2, 0])
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((text) => text.split(':')[0]),
    [
      'line 1  fix     time_not_seconds  timestamp',
      'line 3  warn    empty_attribute  attributes.plan',
      'line 3  warn    similar_id  identifiers.id',
      'line 4  refuse  attribute_value_bytes  attributes.plan',
      'line 5  refuse  invalid',
    ],
  )
  assert.match(stderr, /2 of 4 would be refused/)
  const json = await run({}, ['send', '--check', '-', '--json'], { stdin })
  const { checked, refused, fixed, warned, findings } = JSON.parse(json.stdout)
  assert.deepEqual([checked, refused, fixed, warned, findings.length], [4, 2, 1, 1, 5])
  assert.deepEqual(findings[3], {
    line: 4,
    policy: 'refuse',
    rule: 'attribute_value_bytes',
    field: 'attributes.plan',
    limit: 1000,
    message: 'property value cannot be longer than 1000 bytes: that of plan has 1001',
    todo: 'Shorten the value, or say it as the data of an event.',
  })
})

test('send --check keeps to the policies that are set, and takes one operation as well as a file', async () => {
  const env = { SLUICE_PREFLIGHT: 'empty_attribute=refuse,id_spaces=off' }
  const words = ['send', 'identify', ' 42', '-d', 'plan=""', '--check']
  const strict = await run({}, words, { env })
  assert.deepEqual([strict.exit, strict.asked.length], [2, 0])
  assert.match(strict.stdout, /^line 1 {2}refuse {2}empty_attribute {2}attributes\.plan:.*\n$/)
  const lax = await run({}, words)
  assert.deepEqual([lax.exit, lax.stdout.split('\n').length], [0, 3])
  const wrong = await run({}, words, { env: { SLUICE_PREFLIGHT: 'id_bytes=fix' } })
  assert.match(wrong.stderr, /preflight must be rule=policy/)
})

test('explain knows the rules of preflight', async () => {
  const { exit, stdout } = await run({}, ['explain', 'id_bytes'])
  assert.equal(exit, 0)
  assert.match(stdout, /^id_bytes {2}a rule of preflight, refuse unless set otherwise/)
  const json = await run({}, ['explain', 'id_bytes', '--json'])
  assert.equal(JSON.parse(json.stdout).limit, 150)
})

test('send --file cuts batches below 500 KB and 1000 lines, in order', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    const small = Array.from({ length: 1500 }, (_, n) => `{"n":${n}}`)
    const large = Array.from({ length: 40 }, (_, n) => `{"n":${1500 + n},"x":"${'y'.repeat(30_000)}"}`)
    writeFileSync(join(directory, 'ops.ndjson'), [...small, ...large].join('\n'))
    const replies = { 'POST /api/v2/batch': {} }
    const { exit, asked } = await run(replies, ['send', '--file', 'ops.ndjson'], { cwd: directory })
    assert.equal(exit, 0)
    const batches = asked.map(({ body }) => JSON.parse(body).batch)
    assert.deepEqual(
      batches.flat().map(({ n }) => n),
      Array.from({ length: 1540 }, (_, n) => n),
    )
    for (const { body } of asked) assert.ok(Buffer.byteLength(body) <= 500 * 1024)
    for (const batch of batches) assert.ok(batch.length <= 1000)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('send --file that fails in between says where to go on, and --skip goes on there', async () => {
  const lines = Array.from({ length: 2500 }, (_, n) => `{"n":${n}}`).join('\n')
  let calls = 0
  const replies: Replies = {
    'POST /api/v2/batch': (response) => {
      calls += 1
      response.writeHead(calls === 2 ? 503 : 200, { 'x-sluice-code': 'storage_full' }).end('{}')
    },
  }
  const first = await run(replies, ['send', '--file', '-', '--json'], { stdin: lines })
  assert.equal(first.exit, 7)
  assert.equal(JSON.parse(first.stderr.trim().split('\n').at(-1) ?? '').details.done, 1000)
  const second = await run(replies, ['send', '--file', '-', '--skip', '1000'], { stdin: lines })
  const sent = second.asked.flatMap(({ body }) => JSON.parse(body).batch)
  assert.deepEqual([sent.length, sent[0].n], [1500, 1000])
})

const letter = trace({
  state: 'waiting',
  refusal: { code: 'upstream_rejected', reason: 'invalid', field: 'name', message: 'too long' },
  replays: 1,
})
const done = (count: number, dry_run: boolean) => ({ body: { count, ids: [ID], dry_run } })

test('dlq list tells groups; with a condition it asks for letters', async () => {
  const group = {
    group: 'g1',
    code: 'upstream_rejected',
    kind: 'person.event',
    reason: 'invalid',
    count: 212,
    people: 208,
    firstAt: 0,
    lastAt: 1000,
  }
  const groups = await run({ 'GET /admin/v1/dead-letters/groups': { body: { data: [group] } } }, [
    'dlq',
    'list',
  ])
  assert.match(groups.stdout, /^GROUP .*\ng1 {5}212 {4}208 /)
  assert.match(groups.stderr, /212 waiting, by 1 reason\./)
  const page = { data: [letter], next_cursor: ID }
  const words = [
    'dlq',
    'list',
    '--code',
    'upstream_rejected',
    '--since',
    '1970-01-01T00:00:01Z',
    '--limit',
    '1',
  ]
  const letters = await run({ 'GET /admin/v1/dead-letters': { body: page } }, words)
  assert.equal(letters.asked[0]?.path, '/admin/v1/dead-letters?code=upstream_rejected&since=1000&limit=1')
  assert.match(letters.stderr, new RegExp(`--after ${ID}`))
  const json = await run({ 'GET /admin/v1/dead-letters': { body: page } }, [
    'dlq',
    'list',
    '--letters',
    '--json',
  ])
  assert.equal(JSON.parse(json.stdout).next_cursor, ID)
})

test('dlq show tells a letter whole', async () => {
  const replies = { [`GET /admin/v1/dead-letters/${ID}`]: { body: letter } }
  const { stdout, stderr } = await run(replies, ['dlq', 'show', ID])
  assert.match(stdout, /state {6}waiting, replayed 1 time\n/)
  assert.match(stdout, /message {4}too long/)
  assert.match(stdout, /value {6}\{"n":12345678901234567890\}/)
  assert.match(stderr, /Next: sluice dlq replay/)
})

test('dlq replay of one letter asks nobody; of many it asks, and without a person it refuses', async () => {
  const replies = { 'POST /admin/v1/dead-letters/replay': done(1, false) }
  const one = await run(replies, ['dlq', 'replay', ID])
  assert.deepEqual([one.exit, one.stdout], [0, `${ID}\n`])
  assert.deepEqual(
    one.asked.map(({ body }) => JSON.parse(body)),
    [{ ids: [ID] }],
  )
  const many = await run(replies, ['dlq', 'replay', '--all'], { stdin: '' })
  assert.equal(many.exit, 2)
  assert.match(many.stderr, /Replay 1 dead letter\? Nobody is there to answer.*\n {2}fix {3}Give --yes/)
  assert.deepEqual(
    many.asked.map(({ body }) => JSON.parse(body)),
    [{ since: 0, dry_run: true }],
  )
  const yes = await run(replies, ['dlq', 'drop', '--kind', 'person.event', '--yes'], { stdin: '' })
  assert.equal(yes.exit, 6, 'this gateway knows no drop')
})

test('dlq drop --dry-run says what would be done and does nothing', async () => {
  const replies = { 'POST /admin/v1/dead-letters/drop': done(31, true) }
  const { exit, stdout, stderr, asked } = await run(replies, ['dlq', 'drop', 'g1', '-n'])
  assert.deepEqual([exit, stdout], [0, `${ID}\n`])
  assert.match(stderr, /would drop 31 dead letters, the first 1 listed/)
  assert.deepEqual(
    asked.map(({ body }) => JSON.parse(body)),
    [{ group: 'g1', dry_run: true }],
  )
})

test('dlq replay without saying which, or in two ways, is wrong usage', async () => {
  for (const words of [[], [ID, '--all'], ['--all', '--code', 'x']]) {
    const { exit, asked } = await run({}, ['dlq', 'replay', ...words])
    assert.deepEqual([exit, asked.length], [2, 0], words.join(' '))
  }
})

test('dlq replay of a letter that does not wait is a conflict', async () => {
  const replies = { 'POST /admin/v1/dead-letters/replay': { body: { count: 0, ids: [], dry_run: false } } }
  assert.equal((await run(replies, ['dlq', 'replay', ID])).exit, 9)
})

test('dlq of a group that there is not is exit code 6, and a dry run of a letter that does not wait 9', async () => {
  for (const verb of ['replay', 'drop'] as const)
    for (const more of [['--yes'], ['--dry-run']]) {
      const none = { body: { count: 0, ids: [], dry_run: true } }
      const replies = { [`POST /admin/v1/dead-letters/${verb}`]: none }
      const group = await run(replies, ['dlq', verb, 'g9', ...more])
      assert.equal(group.exit, 6, more.join())
      assert.match(group.stderr, /No dead letters wait in a group g9\./)
      assert.equal((await run(replies, ['dlq', verb, ID, ...more])).exit, 9)
      assert.equal((await run(replies, ['dlq', verb, '--all', ...more])).exit, 0, 'nothing is an answer too')
    }
})

test('what could never be found is wrong usage, and nobody is asked', async () => {
  const cases: readonly [words: string, hint: RegExp][] = [
    ['dlq list --code upstream_rejcted', /Did you mean upstream_rejected\?/],
    ['dlq drop --kind person.evnt --yes', /Did you mean person\.event\?/],
    ['dlq list --since 5', /--since must be a span back from now such as 15m, or an instant .* you gave "5"/],
    ['trigger burst --for 10s', /--for goes with rate_limit and outage/],
    ['tail --status faild', /Did you mean failed\?/],
    ['tail --status 503,42', /It must be accepted, ok/],
    ['tail --kind evnt', /Did you mean event\?/],
  ]
  for (const [words, hint] of cases) {
    const { exit, stderr, asked } = await run({}, words.split(' '))
    assert.deepEqual([exit, asked.length], [2, 0], words)
    assert.match(stderr, hint)
  }
})

test('a person is named to dlq as to send, or by a key', async () => {
  const replies = { 'GET /admin/v1/dead-letters': { body: { data: [], next_cursor: null } } }
  const keys = {
    '42': 'id:42',
    'id:42': 'id:42',
    'Ada@Example.com': 'email:ada@example.com',
    'object:1:a': 'object:1:a',
  }
  for (const [person, key] of Object.entries(keys)) {
    const { asked } = await run(replies, ['dlq', 'list', '--person', person])
    assert.equal(asked[0]?.path, `/admin/v1/dead-letters?key=${encodeURIComponent(key)}`)
  }
})

test('dlq list with a limit tells letters, which are what it is about', async () => {
  const replies = { 'GET /admin/v1/dead-letters': { body: { data: [letter], next_cursor: null } } }
  const { exit, asked } = await run(replies, ['dlq', 'list', '--limit', '5'])
  assert.deepEqual([exit, asked[0]?.path], [0, '/admin/v1/dead-letters?limit=5'])
  assert.equal((await run(replies, ['dlq', 'list', '--limit', '0'])).exit, 2)
})

test('nobody is asked where the question could not be read', async () => {
  const replies = { 'POST /admin/v1/dead-letters/drop': done(3, true) }
  const { exit, stderr } = await run(replies, ['dlq', 'drop', '--all']) // a terminal in front, stderr in a file
  assert.equal(exit, 2)
  assert.match(stderr, /Nobody is there to answer/)
})

test('every fault of chaos becomes one rule of the emulator', async () => {
  const cases: readonly [string, object][] = [
    [
      'set 429 --percent 30 --retry-after 2 --path /api/v2',
      { kind: 'status', status: 429, percent: 30, retryAfter: 2, path: '/api/v2' },
    ],
    ['latency 400ms --jitter 200ms', { kind: 'latency', ms: 400, jitter: 200 }],
    ['latency 2s', { kind: 'latency', ms: 2000 }],
    ['cut --percent 15', { kind: 'cut', percent: 15 }],
    ['reset-connections --percent 10', { kind: 'reset', percent: 10 }],
    ['outage --for 30s', { kind: 'outage', status: 503, forMs: 30_000 }],
    ['rate-limit --rps 50', { kind: 'rate_limit', rps: 50 }],
    ['redirect http://eu.test', { kind: 'redirect', to: 'http://eu.test' }],
  ]
  for (const [words, rule] of cases) {
    const replies: Replies = {
      'POST /_emulator/faults': (response, { body }) =>
        response.end(JSON.stringify({ data: [{ id: 3, ...JSON.parse(body) }] })),
    }
    const { exit, stdout, asked } = await run(replies, ['emulator', 'chaos', ...words.split(' ')])
    assert.equal(exit, 0, words)
    assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), rule)
    assert.match(stdout, /^3 {2}/)
  }
  for (const wrong of ['set teapot', 'latency 400', 'outage --for 30'])
    assert.equal((await run({}, ['emulator', 'chaos', ...wrong.split(' ')])).exit, 2, wrong)
})

test('an emulator that does not answer is told with the option that names another', async () => {
  const env = { SLUICE_EMULATOR_URL: DEAD_URL }
  const { exit, stderr } = await new Terminal({ env }).run('emulator', 'people')
  assert.equal(exit, 7)
  assert.match(stderr, /No emulator answers at .*\n.*\n {2}fix {3}.*--emulator-url\./)
})

test('the clock of the emulator is told, and moved on', async () => {
  const time = { now: '2026-12-25T12:00:00.000Z', ahead_ms: 31 * 86_400_000 }
  const replies: Replies = { 'GET /_emulator/clock': { body: time }, 'POST /_emulator/clock': { body: time } }
  const shown = await run(replies, ['emulator', 'clock', '--json'])
  assert.deepEqual(JSON.parse(shown.stdout), time)
  const moved = await run(replies, ['emulator', 'clock', '31d'])
  assert.deepEqual([moved.stdout, moved.asked[0]?.body], [`${time.now}\n`, '{"advanceMs":2678400000}'])
  assert.match(moved.stderr, /31 ?d/)
  assert.equal((await run({}, ['emulator', 'clock', 'tomorrow'])).exit, 2)
})

test('emulator reset asks first, and a dry run only tells', async () => {
  const stats = { people: 2, events: 3, requests: 4 }
  const replies = { 'GET /_emulator/stats': { body: stats }, 'POST /_emulator/reset': {} }
  const dry = await run(replies, ['emulator', 'reset', '-n'], { stdin: '' })
  assert.match(dry.stderr, /Would forget 2 people, 3 events, 4 requests/)
  assert.equal(dry.asked.length, 1)
  assert.equal((await run(replies, ['emulator', 'reset'], { stdin: '' })).exit, 2)
  const yes = await run(replies, ['emulator', 'reset', '--yes'], { stdin: '' })
  assert.deepEqual(
    yes.asked.map(({ path }) => path),
    ['/_emulator/stats', '/_emulator/reset'],
  )
})

test('a person of the emulator is passed on as text, so that its numbers stay what they are', async () => {
  const text = '{"key":"id:42","attributes":{"n":12345678901234567890}}'
  const replies: Replies = { 'GET /_emulator/people/id%3A42': (response) => response.end(text) }
  const { exit, stdout } = await run(replies, ['emulator', 'people', 'id:42'])
  assert.deepEqual([exit, stdout], [0, `${text}\n`])
})

test('the calls that the emulator met are told with their faults, and with their bodies when asked', async () => {
  const call = {
    seq: 7,
    at: 0,
    method: 'POST',
    path: '/api/v2/batch',
    status: null,
    fault: 'cut',
    ms: 12.4,
    body: '{"a":\n1}',
  }
  const replies = { 'GET /_emulator/requests': { body: { data: [call] } } }
  const { stdout, asked } = await run(replies, ['emulator', 'requests', '--path', '/api/v2', '--bodies'])
  assert.equal(asked[0]?.path, '/_emulator/requests?path=%2Fapi%2Fv2')
  assert.match(stdout, /^7 .* POST {2}\/api\/v2\/batch {2}no answer {2}12 ms {2}cut\n {2}\{"a":\\u000a1\}\n$/)
})

test('coverage tells the differences, and with --all everything', async () => {
  const rows = async (...words: string[]) => {
    const { exit, stdout } = await run({}, ['emulator', 'coverage', '--json', ...words])
    assert.equal(exit, 0)
    return JSON.parse(stdout).data.length
  }
  assert.ok((await rows()) < (await rows('--all')))
})

test('the fault of a scenario is taken away even when the scenario fails', async () => {
  const replies: Replies = {
    'GET /admin/v1/status': { body: status() },
    'GET /_emulator/stats': {},
    'POST /_emulator/faults': { status: 201, body: { data: [{ id: 9, kind: 'outage' }] } },
    'POST /api/v2/batch': { status: 503 },
    'DELETE /_emulator/faults/9': {},
  }
  const { exit, asked } = await run(replies, ['trigger', 'outage', '--for', '1s'])
  assert.equal(exit, 7)
  assert.deepEqual([asked.at(-1)?.method, asked.at(-1)?.path], ['DELETE', '/_emulator/faults/9'])
})

test('a scenario refuses a gateway that does not deliver to an emulator', async () => {
  const { upstream } = status()
  const real = status({ upstream: { ...upstream, url: 'https://track.customer.io' } })
  const { exit, stderr, asked } = await run({ 'GET /admin/v1/status': { body: real } }, ['trigger', 'burst'])
  assert.equal(exit, 9)
  assert.match(stderr, /which is no emulator/)
  assert.equal(asked.length, 1)
})

test('a scenario fails when the emulator has not applied what was accepted', async () => {
  const idle = status({
    backlog: { pending: 0, oldest_age_s: null, in_per_s: 0, out_per_s: 0, drains_in_s: 0 },
  })
  const replies = {
    'GET /admin/v1/status': { body: idle },
    'GET /_emulator/stats': {},
    'POST /api/v2/batch': {},
    'GET /_emulator/events': { body: { data: [] } },
  }
  const { exit, stderr } = await run(replies, ['trigger', 'burst', '--n', '10', '--json'])
  assert.equal(exit, 1)
  const failure = JSON.parse(stderr.trim().split('\n').at(-1) ?? '')
  assert.deepEqual([failure.code, failure.details.missing], ['not_conserved', 10])
})

test('trigger --list tells the scenarios, and one that is misspelt is told what was meant', async () => {
  const { stdout } = await new Terminal().run('trigger', '--list', '--json')
  assert.deepEqual(
    JSON.parse(stdout).data.map(({ name }: { name: string }) => name),
    ['welcome', 'burst', 'poison', 'rate_limit', 'outage'],
  )
  const { exit, stderr } = await new Terminal().run('trigger', 'outrage')
  assert.equal(exit, 2)
  assert.match(stderr, /Did you mean outage\?/)
})

test('the second ^C ends the process at once', async () => {
  await using fake = await fakeSluice({ 'GET /admin/v1/status': { body: status() } })
  const terminal = new Terminal({ env: { SLUICE_URL: fake.url } })
  const ran = terminal.run('status', '--watch')
  await terminal.said(/account/)
  terminal.signal('SIGINT')
  terminal.signal('SIGINT')
  assert.equal(terminal.exited, 130)
  await ran
})
