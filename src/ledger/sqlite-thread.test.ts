import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SluiceError } from '../core/errors.ts'
import { deadEntry } from './conformance-sample.ts'
import { openSqliteLedger } from './sqlite.ts'
import { readOnThread, writeOnThread } from './sqlite-thread.ts'

test('a thread that ends with nothing to write is told of at once, and closing it does not wait', {
  timeout: 10_000,
}, async (t) => {
  const told = Promise.withResolvers<SluiceError>()
  const writer = writeOnThread(
    { directory: join(tmpdir(), 'sluice-no-such-directory', 'ledger') },
    told.resolve,
  )
  const alive = setInterval(() => {}, 1_000)
  t.after(() => clearInterval(alive))
  assert.equal((await told.promise).code, 'storage_failed')
  await writer.close()
})

test('what looks through the letters is not done by the event loop', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  t.after(() => rmSync(directory, { recursive: true }))
  await using ledger = await openSqliteLedger({ directory, threaded: true })
  await ledger.record(['L1', 'L2'].map((id, offset) => deadEntry(id, { offset })))
  const { dead } = ledger
  const looks = [() => dead.groups(), () => dead.list({ code: 'none', limit: 1 }), () => dead.ids({})]
  for (const look of looks) {
    let isAnswered = false
    const answered = look().then(() => {
      isAnswered = true
    })
    for (let step = 0; step < 100; step += 1) await null // within these the event loop never turns
    assert.equal(isAnswered, false, String(look))
    await answered
  }
})

test('a reader that is closed answers nobody, and begins no thread for it', async () => {
  const reader = readOnThread({ directory: join(tmpdir(), 'sluice-no-such-directory') }, assert.fail)
  await reader.close()
  await assert.rejects(reader.groups(), { code: 'shutting_down' })
})

test('a reader that cannot begin fails who asks and nobody else, and another begins when it can', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  t.after(() => rmSync(parent, { recursive: true }))
  const directory = join(parent, 'data')
  const reader = readOnThread({ directory }, assert.fail)
  for (let tries = 0; tries < 2; tries += 1) await assert.rejects(reader.groups(), { code: 'internal' })
  mkdirSync(directory)
  assert.deepEqual(await reader.groups(), [])
  await reader.close()
})
