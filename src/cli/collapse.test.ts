import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Happening } from '../core/feed.ts'
import { bannerLines } from './banner.ts'
import { collapse } from './collapse.ts'

const happening = (id: string, more: Partial<Happening> = {}): Happening => ({
  at: 0,
  what: 'accepted',
  id,
  key: 'id:42',
  kind: 'person.event',
  ...more,
})
const crowd = (count: number, more: Partial<Happening> = {}) =>
  Array.from({ length: count }, (_, n) => happening(`N${n}`, more))

const plain = (_: string, text: string) => text

test('few of a sort are told one by one, in their order', () => {
  const mixed = [happening('A'), happening('B', { what: 'ended', outcome: 'dead' }), happening('C')]
  const lines = collapse(mixed, plain)
  assert.deepEqual(
    lines.map((line) => line.split(/\s+/)[5]),
    ['A', 'B', 'C'],
  )
})

test('a crowd becomes one line with its count, and does not hide what is of another sort', () => {
  const dead = happening('D', { what: 'ended', outcome: 'dead' })
  const lines = collapse([...crowd(300), dead, ...crowd(12)], plain)
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', /N0.*×312$/)
  assert.match(lines[1] ?? '', /✖ dead .* D/)
})

test('calls that failed and calls that went well are two sorts', () => {
  const attempts = [
    ...crowd(10, { what: 'attempted', status: 200, code: 'ok' }),
    ...crowd(10, { what: 'attempted', status: 503, code: 'upstream_unavailable' }),
  ]
  assert.equal(collapse(attempts, plain).length, 2)
})

const FACTS = {
  url: 'http://127.0.0.1:8246',
  emulatorUrl: 'http://127.0.0.1:8247',
  dataDir: '/app/.sluice',
  ephemeral: false,
  tookMs: 412,
}

test('the banner names every address and key, and what to try', () => {
  const text = bannerLines(FACTS, plain).join('\n')
  assert.match(text, /ready in 412 ms/)
  assert.match(text, /CUSTOMERIO_SITE_ID=dev {2}CUSTOMERIO_API_KEY=dev {2}CUSTOMERIO_TRACK_URL=http:\/\/127/)
  assert.match(text, /sluice trigger welcome {3}then/)
  assert.match(text, /\/app\/\.sluice/)
})

test('at other ports, what to try names them', () => {
  const text = bannerLines({ ...FACTS, url: 'http://127.0.0.1:9000', ephemeral: true }, plain).join('\n')
  assert.match(text, /sluice trigger welcome --url http:\/\/127\.0\.0\.1:9000 /)
  assert.match(text, /nothing is kept/)
})
