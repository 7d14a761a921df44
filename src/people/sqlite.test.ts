import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { SluiceError } from '../core/errors.ts'
import { testPeople } from './conformance.ts'
import { openMemoryPeople } from './memory.ts'
import { openSqlitePeople } from './sqlite.ts'

testPeople({ name: 'sqlite', persistent: true, open: (directory) => openSqlitePeople({ directory }) })
testPeople({
  name: 'sqlite with a cache too small to help',
  persistent: true,
  open: (directory) => openSqlitePeople({ directory, cachedKeys: 1 }),
})

const withDirectory = async (work: (directory: string) => Promise<void>) => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-people-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('any sequence of links and questions is answered as by the memory implementation', () => {
  const key = fc.integer({ min: 0, max: 7 }).map((n) => `k${n}`)
  const step = fc.record({ key, canonical: key, ask: fc.array(key, { maxLength: 4 }) })
  return withDirectory((directory) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, cachedKeys) => {
          const run = await mkdtemp(join(directory, 'run-'))
          await using people = openSqlitePeople({ directory: run, cachedKeys })
          await using model = openMemoryPeople()
          for (const { key, canonical, ask } of steps) {
            assert.deepEqual(await people.resolve(ask), await model.resolve(ask))
            await people.link(key, canonical)
            await model.link(key, canonical)
          }
          const all = Array.from({ length: 8 }, (_, n) => `k${n}`)
          assert.deepEqual(await people.resolve(all), await model.resolve(all))
        },
      ),
      { numRuns: 40 },
    ),
  )
})

test('a file that may not grow refuses the link as storage_full and goes on as before', () =>
  withDirectory(async (directory) => {
    await using people = openSqlitePeople({ directory, maxPages: 8 })
    await people.link('email:kept@x.io', 'id:1')
    const long = 'x'.repeat(60_000)
    await assert.rejects(
      people.link(`email:${long}`, 'id:2'),
      (thrown) => thrown instanceof SluiceError && thrown.code === 'storage_full',
    )
    assert.deepEqual(await people.resolve(['email:kept@x.io', `email:${long}`]), ['id:1', `email:${long}`])
  }))
