import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from './database.ts'

const MIGRATIONS = ['CREATE TABLE filling (bytes BLOB) STRICT']

test('opening makes no checkpoint of its own, whose errors SQLite would keep to itself', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-database-'))
  const [path, left] = [join(directory, 'a.db'), join(directory, 'b.db')]
  using db = openDatabase({ path, migrations: MIGRATIONS, shrinks: true })
  // More than the 1000 pages after which SQLite makes one with the next commit.
  db.prepare('INSERT INTO filling VALUES (zeroblob(?))').run(1500 * 4096)
  for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${left}${end}`)
  const before = readFileSync(left)
  using again = openDatabase({ path: left, migrations: MIGRATIONS, shrinks: true })
  assert.equal(again.prepare('SELECT count(*) AS rows FROM filling').get()?.rows, 1)
  assert.ok(readFileSync(left).equals(before))
})

test('its files are for their owner alone, in a directory that all may look into', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-database-'))
  chmodSync(directory, 0o755)
  using db = openDatabase({ path: join(directory, 'log.db'), migrations: MIGRATIONS })
  db.exec('INSERT INTO filling VALUES (zeroblob(1))')
  const modes = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mode & 0o777])
  assert.deepEqual(Object.fromEntries(modes), { 'log.db': 0o600, 'log.db-shm': 0o600, 'log.db-wal': 0o600 })
})
