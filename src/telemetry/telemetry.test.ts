import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveFeed } from './feed.ts'
import { createLog, prettyLine } from './log.ts'
import { createMetrics, registerGauges } from './metrics.ts'
import { createNotify } from './notify.ts'

function stand(format: 'json' | 'pretty' = 'json') {
  const lines: string[] = []
  const log = createLog({ level: 'info', format, write: (line) => lines.push(line) })
  const metrics = createMetrics()
  return { lines, metrics, notify: createNotify(log, metrics) }
}

test('a notice is one log line and one counter', async () => {
  const { lines, metrics, notify } = stand()
  notify('delivery.dead', { id: '01', kind: 'person.event', code: 'upstream_rejected', reason: 'bad' })
  assert.equal(lines.length, 1)
  const { level, msg, id, reason } = JSON.parse(lines[0] ?? '')
  assert.deepEqual([level, msg, id, reason], ['warn', 'delivery.dead', '01', 'bad'])
  assert.match(await metrics.registry.metrics(), /sluice_delivery_dead_total\{code="upstream_rejected"\} 1/)
})

test('a notice that sums adds its field, and below the level writes no line', async () => {
  const { lines, metrics, notify } = stand()
  notify('ingest.accepted', { source: 'web', count: 40 })
  notify('ingest.accepted', { source: 'web', count: 2 })
  assert.deepEqual(lines, [])
  assert.match(await metrics.registry.metrics(), /sluice_ingest_accepted_total\{source="web"\} 42/)
})

test('no value can forge a line or speak to the terminal', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { lines, notify } = stand(format)
    notify('ingest.refused', { code: 'x', detail: 'a\r\nERROR forged \u001b[31mred\u2028b\u009b31m' })
    assert.equal(lines.length, 1)
    const [line = ''] = lines
    assert.equal(line.trimEnd().split(/[\r\n]/).length, 1)
    assert.ok(!line.includes('\u001b'))
    if (format === 'pretty') assert.ok(!/[\u2028\u009b]/.test(line), line)
  }
})

test('secrets are not written', () => {
  const { lines, notify } = stand()
  notify('ingest.refused', { code: 'x', authorization: 'Basic c2VjcmV0' })
  assert.ok(!lines[0]?.includes('c2VjcmV0'))
})

test('the pretty form is one line for a person', () => {
  assert.equal(
    prettyLine(
      '{"level":"warn","time":"2026-11-24T09:14:02.000Z","id":"01","detail":"two words","msg":"delivery.dead"}',
    ),
    '09:14:02 warn  delivery.dead id=01 detail="two words"\n',
  )
})

test('gauges tell the conservation figure and the state of the way to Customer.io', async () => {
  const metrics = createMetrics()
  const conservation = {
    accepted: 5,
    delivered: 3,
    coalesced: 0,
    suppressed: 0,
    dead: 1,
    pending: 1,
    duplicate: 0,
    missing: 0,
  }
  registerGauges(metrics, {
    conservation: async () => conservation,
    oldestAgeSeconds: async () => 7,
    upstream: () => ({ state: 'open', rate_per_s: 50, in_flight: 2 }),
  })
  const text = await metrics.registry.metrics()
  for (const line of [
    'sluice_operations{state="missing"} 0',
    'sluice_operations{state="pending"} 1',
    'sluice_backlog_oldest_seconds 7',
    'sluice_upstream_state{state="open"} 1',
    'sluice_upstream_state{state="closed"} 0',
  ])
    assert.ok(text.includes(line), line)
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
