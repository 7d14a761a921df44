import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appRoutes } from './app-api.ts'
import { COVERAGE } from './coverage.ts'
import type { Route } from './route.ts'
import { newState } from './state.ts'
import { metricRoutes } from './track-metrics.ts'
import { trackV1Routes } from './track-v1.ts'
import { trackV2Routes } from './track-v2.ts'

const nothing = () => {}

const routes: readonly Route[] = [
  ...trackV1Routes(nothing),
  ...metricRoutes(nothing),
  ...trackV2Routes(nothing),
  ...appRoutes({ state: newState(), write: nothing, now: () => 0 }),
].filter(({ path }) => !/^\/v1\/api\/|^\/_emulator|\*$/.test(path))

/** Both spell a parameter their own way. */
const plain = (operation: string): string => operation.replace(/:\w+|\{\w+\}/g, '*').replace(/\?.*$/, '')

/** They are routes only to say that they are not emulated. */
const SENDS = ['POST /v1/send/*', 'POST /v1/campaigns/*/triggers']

test('every emulated route stands in the coverage table, and none but the sends as a "no"', () => {
  const covered = new Map(COVERAGE.map(({ operation, emulated }) => [plain(operation), emulated]))
  const missing = routes
    .map(({ method, path }) => plain(`${method} ${path}`))
    .filter((operation) => (covered.get(operation) ?? 'no') === 'no')
  assert.deepEqual(missing, SENDS)
})

test('every route of Track and the App API in the table exists', () => {
  const existing = new Set(routes.map(({ method, path }) => plain(`${method} ${path}`)))
  const invented = COVERAGE.filter(({ area, emulated }) => /^(track|app)/.test(area) && emulated !== 'no')
    .map(({ operation }) => plain(operation))
    .filter((operation) => /^[A-Z]+ \//.test(operation) && !existing.has(operation))
  assert.deepEqual(invented, [])
})

/** What is not known of Customer.io, in words that the note about each must have. */
const OPEN = [
  ['the body of a 401', /401 is not documented/],
  ['too large a body', /statuses are not documented/],
  ['texts and reasons of v2', /texts and reasons/],
  ['a batch of nothing but bad items, and its most items', /207 or 400 is not known, nor how many items/],
  [
    'a 429 of Track and Pipelines',
    /429 of the Track and Pipelines APIs is not documented, nor whether they send Retry-After/,
  ],
  ['an identify of v1 that is too large', /specification knows no 400 there/],
  ['errors of the strict mode', /in the meta shape, whose texts/],
  ['how long a ULID is remembered', /window is not documented/],
  ['milliseconds for seconds', /timestamp in milliseconds/],
  ['the status of a redirect', /301 unless told/],
] as const

test('every question that the documents leave open has a choice in the table, and is called uncertain', () => {
  for (const [question, words] of OPEN) {
    const found = COVERAGE.find(({ note }) => words.test(note))
    assert.match(found?.note ?? '', /Uncertain/, question)
  }
})
