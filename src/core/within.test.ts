import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import { within } from './within.ts'

test('work that ends in time is told from work that does not, and keeps no timer', async () => {
  assert.equal(await within(systemClock, 600_000, new Promise((resolve) => setImmediate(resolve))), true)
  assert.equal(await within(systemClock, 0, new Promise(() => {})), false)
  await assert.rejects(within(systemClock, 600_000, Promise.reject(new Error('as it does'))), /as it does/)
})
