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
].filter(({ path }) => !path.startsWith('/v1/api/') && !path.startsWith('/_emulator'))

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
