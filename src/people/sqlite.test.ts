import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { SluiceError } from '../core/errors.ts'
import { testPeople } from './conformance.ts'
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

test('a file from before keys moved alone is read as it was meant', () =>
  withDirectory(async (directory) => {
    const old = new DatabaseSync(join(directory, 'people.db'))
    old.exec(`CREATE TABLE links (key TEXT PRIMARY KEY, canonical TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX links_by_canonical ON links (canonical);
      INSERT INTO links VALUES ('b', 'a'), ('c', 'a');
      PRAGMA user_version = 1`)
    old.close()
    await using people = openSqlitePeople({ directory })
    await people.link('a', 'z')
    await people.link('c', 'x')
    assert.deepEqual(await people.resolve(['a', 'b', 'c', 'd']), ['z', 'z', 'x', 'd'])
  }))

test('what a failed transaction had learnt is forgotten', () =>
  withDirectory(async (directory) => {
    await using people = openSqlitePeople({ directory, maxPages: 12 })
    const links = ['b', 'x'.repeat(90_000)].map((key) => people.link(key, 'a'))
    for (const { status } of await Promise.allSettled(links)) assert.equal(status, 'rejected')
    assert.deepEqual(await people.resolve(['b']), ['b'])
    await people.link('b', 'a')
    assert.deepEqual(await people.resolve(['b']), ['a'])
  }))

test('a file that may not grow refuses the link as storage_full and goes on as before', () =>
  withDirectory(async (directory) => {
    await using people = openSqlitePeople({ directory, maxPages: 12 })
    await people.link('email:kept@x.io', 'id:1')
    const long = 'x'.repeat(60_000)
    await assert.rejects(
      people.link(`email:${long}`, 'id:2'),
      (thrown) => thrown instanceof SluiceError && thrown.code === 'storage_full',
    )
    assert.deepEqual(await people.resolve(['email:kept@x.io', `email:${long}`]), ['id:1', `email:${long}`])
  }))
