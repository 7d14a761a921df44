import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { character } from '../../test/character.ts'
import { systemClock } from '../core/clock.ts'
import { NOTICES, type NoticeName } from '../core/notices.ts'
import { KINDS } from '../core/operation.ts'
import { batchCall, singleCall } from '../customerio/track.ts'
import { LiveFeed } from './feed.ts'
import { createLog, prettyLine } from './log.ts'
import { createMetrics, registerGauges } from './metrics.ts'
import { createNotify } from './notify.ts'

function stand(format: 'json' | 'pretty' = 'json') {
  const lines: string[] = []
  const log = createLog({ level: 'info', format, write: (line) => lines.push(line) })
  const metrics = createMetrics()
  let now = 0
  const passing = { mono: () => (now += 60_000) } // so that nothing is told too often
  return { lines, metrics, notify: createNotify(log, metrics, passing) }
}

test('a notice is one log line and one counter', async () => {
  const { lines, metrics, notify } = stand()
  notify('delivery.dead', { id: '01', kind: 'person.event', code: 'upstream_rejected', reason: 'bad' })
  assert.equal(lines.length, 1)
  const { level, msg, id, reason } = JSON.parse(lines[0] ?? '')
  assert.deepEqual([level, msg, id, reason], ['warn', 'delivery.dead', '01', 'bad'])
  assert.match(await metrics.registry.metrics(), /sluice_delivery_dead_total\{code="upstream_rejected"\} 1/)
})

test('one thing that is told over and over writes few lines, and the next says how many were left out', async () => {
  const lines: string[] = []
  const metrics = createMetrics()
  let now = 0
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(line) })
  const notify = createNotify(log, metrics, { mono: () => now })
  for (let n = 0; n < 1_000; n += 1) notify('ingest.refused', { code: 'unauthorized', detail: String(n) })
  assert.equal(lines.length, 20)
  notify('ingest.refused', { code: 'bad_request' })
  notify('delivery.dead', { code: 'unauthorized' })
  for (let n = 0; n < 100; n += 1) notify('delivery.attempted', { code: 'ok' }) // of this level, who asked for it wants all
  assert.equal(lines.length, 122)
  now = 10_000
  notify('ingest.refused', { code: 'unauthorized' })
  notify('ingest.refused', { code: 'unauthorized' })
  const [first, second] = lines.slice(-2).map((line) => JSON.parse(line).left_out)
  assert.deepEqual([first, second], [980, undefined])
  assert.match(await metrics.registry.metrics(), /ingest_refused_total\{code="unauthorized"\} 1002/)
})

test('a notice that sums adds its field, and below the level writes no line', async () => {
  const { lines, metrics, notify } = stand()
  notify('ingest.accepted', { source: 'web', count: 40 })
  notify('ingest.accepted', { source: 'web', count: 2 })
  assert.deepEqual(lines, [])
  assert.match(await metrics.registry.metrics(), /sluice_ingest_accepted_total\{source="web"\} 42/)
})

/** A line end of every kind, terminal escapes of 7 and 8 bits, a turned direction, and things without width. */
const HOSTILE =
  'a\r\nERROR forged \u001b[31mred\u009b31m\u0085b\u2028c\u2029d\u202etxt\u2066e\u200bf\ufeff\u0000g"h'

test('no value and no name can forge a line or speak to the terminal', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { lines, notify } = stand(format)
    notify('ingest.refused', { code: HOSTILE, [HOSTILE]: 'name' })
    assert.equal(lines.length, 1)
    const [line = ''] = lines
    assert.match(line, /^[\x20-\x7e]+\n$/, format)
    if (format === 'json') assert.equal(JSON.parse(line).code, HOSTILE)
  }
})

test('any text comes through a line of JSON unchanged, and is one line of either form', () => {
  const { lines, notify } = stand()
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 60 }), (detail) => {
      lines.length = 0
      notify('ingest.refused', { code: 'x', detail })
      const [line = ''] = lines
      assert.equal(JSON.parse(line).detail, detail.toWellFormed())
      for (const text of [line, prettyLine(line)])
        assert.equal(text.split(/[\r\n\u0085\u2028\u2029\v\f]/).length, 2)
    }),
  )
})

test('a field cannot stand in the place of what the line says itself', () => {
  const { lines, notify } = stand()
  notify('delivery.dead', { level: 'info', msg: 'gateway.started', time: 'never', code: 'x' })
  const { level, msg, msg_ } = JSON.parse(lines[0] ?? '')
  assert.deepEqual([level, msg, msg_], ['warn', 'delivery.dead', 'gateway.started'])
  assert.equal(lines[0]?.match(/"msg":/g)?.length, 1)
})

test('secrets are not written, neither under their name nor within a text', () => {
  const named = [
    'authorization',
    'Authorization',
    'X-API-Key',
    'apiKey',
    'api_key',
    'app_api_key',
    'adminToken',
  ]
  const more = ['password', 'cookie', 'Set-Cookie', 'signing_key', 'webhookSigningKey', 'clientSecret']
  const within = [
    'sent Basic Q0FOQVJZOkNBTkFSWQ== to',
    'header bearer CANARY.x-y~z/+=',
    'https://CANARY:CANARY@track.customer.io/api refused',
  ]
  for (const format of ['json', 'pretty'] as const) {
    const { lines, notify } = stand(format)
    for (const name of [...named, ...more]) notify('ingest.refused', { code: 'x', [name]: 'CANARY' })
    for (const detail of within) notify('ingest.refused', { code: 'x', detail })
    assert.equal(lines.length, named.length + more.length + within.length)
    for (const line of lines) assert.ok(!/CANARY|Q0FOQVJZ/.test(line) && line.includes('[redacted]'), line)
    assert.ok(lines.at(-1)?.includes('track.customer.io/api'))
  }
})

test('an id of a megabyte does not make a line of a megabyte', () => {
  const { lines, notify } = stand()
  notify('delivery.dead', { id: 'x'.repeat(1_000_000), code: 'x' })
  assert.ok((lines[0] ?? '').length < 2_200)
})

test('a sum that is none counts nothing, and never throws at who tells', async () => {
  const { metrics, notify } = stand()
  for (const count of [Number.NaN, -1, Number.POSITIVE_INFINITY, 'many', undefined, 3])
    notify('bus.fenced', { count })
  assert.match(await metrics.registry.metrics(), /sluice_bus_fenced_total 3\n/)
})

test('every notice of the table can be told, at its level, and has a counter of its own', async () => {
  const lines: string[] = []
  const metrics = createMetrics()
  const notify = createNotify(
    createLog({ level: 'debug', format: 'json', write: (line) => lines.push(line) }),
    metrics,
  )
  const names = Object.keys(NOTICES) as NoticeName[] // the keys of the table are the names
  for (const name of names) notify(name, { count: 1 })
  const told = lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    told.map(({ level, msg }) => [msg, level]),
    names.map((name) => [name, NOTICES[name].level]),
  )
  const text = await metrics.registry.metrics()
  for (const name of names)
    assert.match(text, new RegExp(`^sluice_${NOTICES[name].counter}_total(\\{[^}]*\\})? 1$`, 'm'))
})

test('a series of a closed set is there before anything has happened, and begins at 0', async () => {
  const text = await createMetrics(false).registry.metrics()
  for (const series of [
    'sluice_delivery_outcomes_total{outcome="dead"} 0',
    'sluice_delivery_calls_total{endpoint="batch",code="upstream_rate_limited"} 0',
    'sluice_delivery_breaker_changes_total{state="open"} 0',
    'sluice_delivery_dead_total{code="upstream_rejected"} 0',
  ])
    assert.ok(text.includes(`${series}\n`), series)
  const identifiers = '{"identifiers":{"id":"1"}}'
  const singles = Object.keys(KINDS).flatMap((kind) => [
    singleCall(kind, '{}'),
    singleCall(kind, identifiers),
  ])
  for (const { endpoint } of [batchCall([]), ...singles])
    assert.ok(text.includes(`sluice_delivery_calls_total{endpoint="${endpoint}",code="ok"} 0\n`), endpoint)
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.ok(series.length < 200, `${series.length} series`)
})

test('the pretty form is one line for a person', () => {
  assert.equal(
    prettyLine(
      '{"level":"warn","time":"2026-11-24T09:14:02.000Z","id":"01","detail":"two words","msg":"delivery.dead"}',
    ),
    '09:14:02Z warn  delivery.dead id=01 detail="two words"\n',
  )
})

const NOTHING = {
  accepted: 0,
  delivered: 0,
  coalesced: 0,
  suppressed: 0,
  dead: 0,
  pending: 0,
  duplicate: 0,
  missing: 0,
}

test('gauges tell the conservation figure and the state of the way to Customer.io', async () => {
  const metrics = createMetrics()
  const conservation = { ...NOTHING, accepted: 5, delivered: 3, dead: 1, pending: 1 }
  registerGauges(metrics, {
    conservation: async () => conservation,
    oldestAgeSeconds: async () => 7,
    dead: async () => ({ waiting: 3 }),
    upstream: () => ({ state: 'open', rate_per_s: 50, in_flight: 2 }),
  })
  const text = await metrics.registry.metrics()
  for (const line of [
    'sluice_operations{state="missing"} 0',
    'sluice_operations{state="pending"} 1',
    'sluice_backlog_oldest_seconds 7',
    'sluice_dead_letters_waiting 3',
    'sluice_upstream_state{state="open"} 1',
    'sluice_upstream_state{state="closed"} 0',
  ])
    assert.ok(text.includes(line), line)
})

test('a figure that cannot be had is left out or NaN, and takes no other along', async () => {
  const metrics = createMetrics()
  let broken = false
  const conservation = async () => {
    if (broken) throw new Error('the disk')
    return { ...NOTHING, accepted: 5, delivered: 5 }
  }
  const upstream = () => {
    if (broken) throw new Error('closed')
    return { state: 'closed', rate_per_s: 50, in_flight: 2 }
  }
  const dead = async () => ({ waiting: 0 })
  registerGauges(metrics, { conservation, upstream, dead, oldestAgeSeconds: async () => 7 })
  assert.match(await metrics.registry.metrics(), /sluice_operations\{state="delivered"\} 5/)
  broken = true
  const text = await metrics.registry.metrics()
  assert.ok(!text.includes('sluice_operations{') && !text.includes('sluice_upstream_state{'))
  assert.match(text, /sluice_upstream_rate Nan/i)
  assert.match(text, /sluice_backlog_oldest_seconds 7/)
  broken = false
  assert.match(await metrics.registry.metrics(), /sluice_upstream_rate 50/)
})

test('a figure that takes too long is left out, and keeps no other waiting', async () => {
  const metrics = createMetrics()
  const waits = () => new Promise<never>(() => {})
  const upstream = () => ({ state: 'closed', rate_per_s: 50, in_flight: 2 })
  const asked: number[] = []
  const sleep = (ms: number) => {
    asked.push(ms)
    return systemClock.sleep(0)
  }
  registerGauges(
    metrics,
    { conservation: waits, upstream, oldestAgeSeconds: waits, dead: async () => ({ waiting: 3 }) },
    { ...systemClock, sleep },
  )
  const text = await metrics.registry.metrics()
  assert.deepEqual(new Set(asked), new Set([2_000]))
  assert.ok(!text.includes('sluice_operations{'))
  assert.match(text, /sluice_backlog_oldest_seconds Nan/i)
  assert.match(text, /sluice_upstream_rate 50/)
  assert.match(text, /sluice_dead_letters_waiting 3/)
})

test('the feed is watched only while somebody listens', () => {
  const feed = new LiveFeed()
  assert.equal(feed.watched, false)
  const seen: string[] = []
  const stop = feed.watch((happenings) => seen.push(...happenings.map(({ id }) => id)))
  feed.tell([{ at: 0, what: 'accepted', id: '01', key: 'id:1', kind: 'person.event' }])
  stop()
  feed.tell([{ at: 0, what: 'accepted', id: '02', key: 'id:1', kind: 'person.event' }])
  assert.deepEqual(seen, ['01'])
  assert.equal(feed.watched, false)
})
