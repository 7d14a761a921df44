import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Disk, realDisk } from '../sqlite/disk.ts'
import { LedgerFile } from './sqlite-file.ts'

/** A file in memory whose turns are counted: one turn is one commit. */
function stand() {
  let turns = 0
  const turn = async () => {
    turns += 1
  }
  const file = new LedgerFile({ directory: ':memory:', turn })
  const remember = (id: string) => () =>
    file.db.prepare("INSERT INTO clients VALUES ('s', ?, 'o', 0)").run(id).changes
  const count = () => Number(file.db.prepare('SELECT count(*) AS n FROM clients').get()?.n)
  return { file, remember, count, turns: () => turns }
}

test('writes of one turn share a commit, and each gets its own answer', async () => {
  const { file, remember, count, turns } = stand()
  const answers = await Promise.all(['a', 'b', 'c'].map((id) => file.write(remember(id))))
  assert.deepEqual(answers, [1, 1, 1])
  assert.deepEqual([count(), turns()], [3, 1])
  await file.close()
})

test('one commit takes 2000 rows at most, unless a single call brings more', async () => {
  const { file, remember, turns } = stand()
  const sizes = [1500, 500, 1, 5000, 1]
  await Promise.all(sizes.map((rows, id) => file.write(remember(String(id)), rows)))
  assert.equal(turns(), 4)
  await file.close()
})

test('a call that fails is undone alone; its neighbours of the same turn are stored', async () => {
  const { file, remember, count } = stand()
  const failing = () => {
    remember('half')()
    throw new TypeError('a defect')
  }
  const results = await Promise.allSettled([
    file.write(remember('a')),
    file.write(failing),
    file.write(remember('b')),
  ])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal(count(), 2)
  await file.close()
})

test('after an error of the disk every later write is refused, and reading goes on', async () => {
  const { file, remember, count } = stand()
  const broken = () => {
    throw Object.assign(new Error('disk I/O error'), { errcode: 1034 })
  }
  const asked = [file.write(broken), file.write(remember('a'))]
  for (const write of asked) await assert.rejects(write, { code: 'storage_failed' })
  await assert.rejects(file.write(remember('b')), { code: 'storage_failed' })
  assert.equal(file.read(count), 0)
  await file.close()
})

test('an error of the disk at a read stops the process too', async () => {
  const told: string[] = []
  const file = new LedgerFile({ directory: ':memory:', onFatal: ({ code }) => told.push(code) })
  const unreadable = () => {
    throw Object.assign(new Error('disk I/O error'), { errcode: IO_ERROR_READ })
  }
  for (let time = 0; time < 2; time += 1)
    assert.throws(() => file.read(unreadable), { code: 'storage_failed' })
  assert.deepEqual(told, ['storage_failed'])
  await assert.rejects(
    file.write(() => 0),
    { code: 'storage_failed' },
  )
  await file.close()
})

test('a full disk refuses what was asked for, and not what is asked later', async () => {
  const { file, remember } = stand()
  const full = () => {
    throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
  }
  await assert.rejects(file.write(full), { code: 'storage_full' })
  assert.equal(await file.write(remember('a')), 1)
  await file.close()
})

test('closing twice is closing once', async () => {
  const { file, remember } = stand()
  const asked = file.write(remember('a'))
  await Promise.all([file.close(), file.close()])
  assert.equal(await asked, 1)
})

/** A disk on which this statement fails with SQLite's code, as long as `fails` says so. */
function failing(statement: string, errcode: number, fails: () => boolean): Disk {
  return {
    ...realDisk,
    database: (path, timeoutMs) => {
      const db = realDisk.database(path, timeoutMs)
      const exec = db.exec.bind(db)
      db.exec = (sql) => {
        if (sql.includes(statement) && fails()) throw Object.assign(new Error('the disk'), { errcode })
        exec(sql)
      }
      return db
    },
  }
}

const FULL = 13
const IO_ERROR_READ = 266
const IO_ERROR_FSYNC = 1034

test('a checkpoint that fails stops the process: SQLite would keep it to itself', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  const told: string[] = []
  const disk = failing('wal_checkpoint', IO_ERROR_FSYNC, () => true)
  const file = new LedgerFile({ directory, disk, onFatal: ({ code }) => told.push(code) })
  for (let n = 0; told.length === 0 && n < 1_000; n += 1) await file.write(() => n)
  assert.deepEqual(told, ['storage_failed'])
  await assert.rejects(
    file.write(() => 0),
    { code: 'storage_failed' },
  )
  await file.close()
  rmSync(directory, { recursive: true })
})

test('on a full disk the ledger writes in the place of its reserve, so that delivery can drain', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  const reserve = join(directory, 'ledger.reserve')
  const file = new LedgerFile({ directory, disk: failing('COMMIT', FULL, () => existsSync(reserve)) })
  assert.equal(await file.write(() => 'stored'), 'stored')
  await file.close()
  rmSync(directory, { recursive: true })
})

test('what goes wrong after a commit stops the process, and does nothing of the commit again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  const reserve = join(directory, 'ledger.reserve')
  const told: string[] = []
  const once = { free: () => 2 ** 30 }
  const disk = { ...failing('COMMIT', FULL, () => existsSync(reserve)), free: () => once.free() }
  const file = new LedgerFile({ directory, disk, onFatal: ({ code }) => told.push(code) })
  file.db.exec('CREATE TABLE done (n INTEGER)')
  once.free = () => {
    throw Object.assign(new Error('EIO: i/o error, statfs'), { code: 'EIO' })
  }
  const note = (n: number) => () => file.db.prepare('INSERT INTO done VALUES (?)').run(n).changes
  assert.deepEqual(await Promise.all([file.write(note(1)), file.write(note(2))]), [1, 1])
  const done = file.db.prepare('SELECT n FROM done ORDER BY n').all()
  assert.deepEqual(
    done.map(({ n }) => n),
    [1, 2],
  )
  assert.deepEqual(told, ['storage_failed'])
  await file.close()
  rmSync(directory, { recursive: true })
})
