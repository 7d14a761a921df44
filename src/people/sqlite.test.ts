import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { test } from 'node:test'
import { SluiceError } from '../core/errors.ts'
import { type Disk, realDisk } from '../sqlite/disk.ts'
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

/** What SQLite makes of EIO in the midst of a statement. */
const MALFORMED = 11

/** A disk on which reading fails as long as `fails` says so. */
function unreadable(fails: () => boolean): Disk {
  return {
    ...realDisk,
    database: (path, timeoutMs) => {
      const db = realDisk.database(path, timeoutMs)
      const prepare = db.prepare.bind(db)
      db.prepare = (sql) => {
        const statement = prepare(sql)
        const all = statement.all.bind(statement)
        const value = (...values: SQLInputValue[]) => {
          if (fails()) throw Object.assign(new Error('disk I/O error'), { errcode: MALFORMED })
          return all(...values)
        }
        Object.defineProperty(statement, 'all', { value })
        return statement
      }
      return db
    },
  }
}

test('what the last link was said by is kept with it, and not with one that says nothing new', () =>
  withDirectory(async (directory) => {
    {
      await using people = openSqlitePeople({ directory })
      assert.equal(await people.lastBy(), undefined)
      await Promise.all([people.link('b', 'a', 'first'), people.link('c', 'a', 'second')])
      await people.link('c', 'b', 'third')
    }
    await using people = openSqlitePeople({ directory })
    assert.equal(await people.lastBy(), 'second')
  }))

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

test('a file that cannot be read stops the process: who is whom is not to be guessed', () =>
  withDirectory(async (directory) => {
    const told: string[] = []
    const broken = { is: false }
    const disk = unreadable(() => broken.is)
    await using people = openSqlitePeople({ directory, disk, onFatal: ({ code }) => told.push(code) })
    assert.deepEqual(await people.resolve(['a']), ['a'])
    broken.is = true
    await assert.rejects(people.resolve(['b']), { code: 'log_damaged' })
    await assert.rejects(people.link('c', 'd'), { code: 'log_damaged' })
    await assert.rejects(Array.fromAsync(people.links()), { code: 'log_damaged' })
    assert.deepEqual(told, ['log_damaged'])
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
