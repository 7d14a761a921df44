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
  ...appRoutes(newState),
].filter(({ path }) => !path.startsWith('/v1/api/'))

/** Both spell a parameter their own way. */
const plain = (operation: string): string => operation.replace(/:\w+|\{\w+\}/g, '*').replace(/\?.*$/, '')

test('every emulated route stands in the coverage table, and none of them as a "no"', () => {
  const covered = new Map(COVERAGE.map(({ operation, emulated }) => [plain(operation), emulated]))
  const missing = routes
    .map(({ method, path }) => plain(`${method} ${path}`))
    .filter((operation) => (covered.get(operation) ?? 'no') === 'no')
  assert.deepEqual(missing, [])
})

test('every route of Track v1 and v2 in the table exists', () => {
  const existing = new Set(routes.map(({ method, path }) => plain(`${method} ${path}`)))
  const invented = COVERAGE.filter(({ area, emulated }) => area.startsWith('track') && emulated !== 'no')
    .map(({ operation }) => plain(operation))
    .filter((operation) => /^[A-Z]+ \//.test(operation) && !existing.has(operation))
  assert.deepEqual(invented, [])
})
