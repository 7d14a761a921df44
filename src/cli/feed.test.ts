import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Happening } from '../core/feed.ts'
import { type FeedFilter, feedLine, type Look, matches } from './feed.ts'
import { clockText } from './time.ts'

const base = { at: 0, id: '01J', key: 'id:42', kind: 'person.event', source: 'web' } as const
const accepted: Happening = { ...base, what: 'accepted' }
const ok: Happening = { ...base, what: 'attempted', status: 200, code: 'ok', ms: 41, attempt: 1 }
const failed: Happening = {
  ...base,
  what: 'attempted',
  status: 429,
  code: 'upstream_rate_limited',
  attempt: 1,
}
const cut: Happening = { ...base, what: 'attempted', status: null, code: 'upstream_unreachable' }
const delivered: Happening = { ...base, what: 'ended', outcome: 'delivered' }
const dead: Happening = { ...base, what: 'ended', outcome: 'dead', detail: 'invalid, name' }
const ALL = { accepted, ok, failed, cut, delivered, dead }

const NOTHING: FeedFilter = { kinds: [], people: [], sources: [], statuses: [], text: undefined }

const CASES: readonly [Partial<FeedFilter>, (keyof typeof ALL)[]][] = [
  [{}, ['accepted', 'ok', 'failed', 'cut', 'delivered', 'dead']],
  [{ statuses: ['failed'] }, ['failed', 'cut', 'dead']],
  [{ statuses: ['retrying'] }, ['failed', 'cut']],
  [{ statuses: ['429'] }, ['failed']],
  [{ statuses: ['upstream_unreachable', 'delivered'] }, ['cut', 'delivered']],
  [{ statuses: ['ok'] }, ['ok']],
  [{ statuses: ['accepted'] }, ['accepted']],
  [{ kinds: ['event'], statuses: ['dead'] }, ['dead']],
  [{ kinds: ['person.event'], text: 'INVALID' }, ['dead']],
  [{ kinds: ['vent'] }, []],
  [{ people: ['42'], statuses: ['ok'] }, ['ok']],
  [{ people: ['id:42'], statuses: ['ok'] }, ['ok']],
  [{ people: ['4'] }, []],
  [{ sources: ['app'] }, []],
  [{ sources: ['app', 'web'], statuses: ['ok'] }, ['ok']],
]

for (const [filter, expected] of CASES)
  test(`${JSON.stringify(filter)} lets ${expected.join(', ') || 'nothing'} pass`, () => {
    const passing = Object.entries(ALL).filter(([, happening]) =>
      matches(happening, { ...NOTHING, ...filter }),
    )
    assert.deepEqual(
      passing.map(([name]) => name),
      expected,
    )
  })

test('a line says in words what happened, without a colour', () => {
  const plain: Look = { paint: (_, text) => text, stamp: clockText }
  const lines = Object.fromEntries(
    Object.entries(ALL).map(([name, happening]) => [name, feedLine(happening, plain).slice(11)]),
  )
  const about = 'person.event       id:42                  01J'
  assert.deepEqual(lines, {
    accepted: `▸ in          ${about}  web`,
    ok: `◂ out         ${about}  200 ok  41 ms  attempt 1`,
    failed: `◂ out         ${about}  429 upstream_rate_limited  attempt 1`,
    cut: `◂ out         ${about}  no answer upstream_unreachable`,
    delivered: `✔ delivered   ${about}`,
    dead: `✖ dead        ${about}  invalid, name`,
  })
})
