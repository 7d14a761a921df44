import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SluiceError } from '../core/errors.ts'
import { writeOnThread } from './sqlite-thread.ts'

test('a thread that ends with nothing to write is told of at once, and closing it does not wait', {
  timeout: 10_000,
}, async (t) => {
  const told = Promise.withResolvers<SluiceError>()
  const directory = join(tmpdir(), 'sluice-no-such-directory', 'log')
  const writer = writeOnThread({ directory, maxBytes: undefined, checkpointBytes: undefined }, told.resolve)
  const alive = setInterval(() => {}, 1_000)
  t.after(() => clearInterval(alive))
  assert.equal((await told.promise).code, 'storage_failed')
  await writer.close()
})
