import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SluiceError } from '../core/errors.ts'
import { writeOnThread } from './sqlite-thread.ts'

test('a thread that ends with nothing to write is told of at once, and closing it does not wait', {
  timeout: 30_000,
}, async () => {
  const told = Promise.withResolvers<SluiceError>()
  const directory = join(tmpdir(), 'sluice-no-such-directory', 'log')
  const writer = writeOnThread({ directory, maxBytes: undefined, checkpointBytes: undefined }, told.resolve)
  const alive = setInterval(() => {}, 1_000)
  assert.equal((await told.promise).code, 'storage_failed')
  clearInterval(alive)
  await writer.close()
})
