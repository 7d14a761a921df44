import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { systemClock as clock } from '../core/clock.ts'
import type { SluiceError } from '../core/errors.ts'
import { silent } from '../core/notices.ts'
import { openSqliteBus } from './sqlite.ts'
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

test('a program that is given on the command line has a thread as any other', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-eval-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const code = `
    import { systemClock as clock } from '../core/clock.ts'
    import { openSqliteBus } from './sqlite.ts'
    await using bus = await openSqliteBus({ directory: ${JSON.stringify(directory)}, lanes: 1, clock, threaded: true, notify: () => {}, onFatal: () => {} })
    const record = { id: '', key: 'a', kind: '', at: 1, headers: {}, value: '{}' }
    await bus.publish('t', [record])
    console.log((await bus.read('t', { from: 0, limit: 9 })).length)`
  const words = ['--input-type=module', '--eval', code]
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: import.meta.dirname })
  assert.equal(stdout, '1\n')
})

test('whoever reads from the beginning while the thread trims it takes nothing for damaged', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-trim-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const stop = { notify: silent, onFatal: assert.fail }
  await using bus = await openSqliteBus({ directory, lanes: 1, clock, threaded: true, ...stop })
  const record = { id: '', key: 'a', kind: '', at: 1, headers: {}, value: '{}' }
  for (let n = 0; n < 3; n += 1) await bus.publish('t', [record])
  const trimmed = bus.trim(Number.POSITIVE_INFINITY)
  for (let turn = 0; turn < 3; turn += 1) await clock.sleep(0) // the thread has the order
  for (const start = clock.mono(); clock.mono() < start + 200; ); // and has obeyed it, which is not known here yet
  assert.deepEqual(await bus.read('t', { from: 0, limit: 9 }), [])
  assert.equal(await trimmed, 3)
})
