import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
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

/** In a process of its own, since SQLite asks only once where files may be made. */
const SORTING = `
  const { openDatabase } = await import(${JSON.stringify(new URL('./database.ts', import.meta.url).href)})
  const db = openDatabase({ path: process.argv[1], migrations: ${JSON.stringify(MIGRATIONS)} })
  db.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
    INSERT INTO filling SELECT CAST(printf('%0500d', 20000 - i) AS BLOB) FROM n")
  console.log(db.prepare('SELECT bytes FROM filling ORDER BY bytes').all().length)`

test('what is sorted goes to no file, for which there may be no place', () => {
  const [directory, files] = [
    mkdtempSync(join(tmpdir(), 'sluice-database-')),
    mkdtempSync(join(tmpdir(), 'sluice-sorting-')),
  ]
  const before = statSync(files).mtimeMs // a file that is made and removed at once changes it
  const args = ['--input-type=module', '-e', SORTING, join(directory, 'a.db')]
  const sorted = execFileSync(process.execPath, args, { env: { SQLITE_TMPDIR: files }, encoding: 'utf8' })
  assert.equal(sorted.trim(), '20000')
  assert.equal(statSync(files).mtimeMs, before)
})
