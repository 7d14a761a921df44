import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { Outcome } from '../core/outcome.ts'
import { TOPICS } from '../core/record.ts'
import { cases, ledgerConformance } from './conformance.ts'
import { deadEntry, entry, NOON, replayed } from './conformance-sample.ts'
import type { Ledger } from './ledger.ts'
import { MIGRATIONS } from './schema.ts'
import { openSqliteLedger } from './sqlite.ts'
import { decodeBatch, batchOf as togetherOf } from './sqlite-batch.ts'

ledgerConformance('SQLite', (directory) => openSqliteLedger({ directory }))
const onThread = (directory: string) => openSqliteLedger({ directory, threaded: true })
ledgerConformance('SQLite on a thread', onThread, cases) // the laws are of what both share

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const batchOf = (size: number, from = 0) =>
  Array.from({ length: size }, (_, i) => entry(`S${from + i}`, { offset: from + i }))

/** All figures counted from the tables, duplicates among them, which no ledger shows. */
function recountTables(directory: string): Record<string, number> {
  using db = new DatabaseSync(join(directory, 'ledger.db'), { readOnly: true })
  const count = (sql: string) => Number(db.prepare(`SELECT count(*) AS n FROM ${sql}`).get()?.n)
  const batched = db
    .prepare('SELECT body FROM batches')
    .all()
    .flatMap(({ body }) => decodeBatch(String(body)))
  const ended = (outcome: Outcome) =>
    count(`entries WHERE outcome = '${outcome}'`) +
    batched.filter((entry) => entry.outcome === outcome).length
  const rows = count('entries') + batched.length
  assert.equal(count('ids'), rows)
  return {
    delivered: ended('delivered'),
    coalesced: ended('coalesced'),
    suppressed: ended('suppressed'),
    dead: count("letters WHERE state <> 'replaying'"),
    replaying: count("letters WHERE state = 'replaying'"),
    duplicate: count('duplicates'),
  }
}

test('the figures are those of the tables', async (t) => {
  const directory = temporary(t)
  await using ledger = await openSqliteLedger({ directory })
  await ledger.record([...batchOf(20), ...batchOf(20), entry('S1', { topic: 'customerio.track' })])
  await ledger.record(['D1', 'D2', 'D3'].map((id) => deadEntry(id)))
  await ledger.record([entry('S2', { lane: 3 }), entry('S2', { lane: 3 })])
  await ledger.dead.startReplay(['D1', 'D2'])
  await ledger.record([replayed(entry('D1')), replayed(entry('D1'))])
  await ledger.dead.drop(['D3'])
  const counts = await ledger.counts()
  assert.deepEqual({ ...counts }, recountTables(directory))
  assert.deepEqual(counts, {
    delivered: 21,
    coalesced: 0,
    suppressed: 0,
    dead: 1,
    replaying: 1,
    duplicate: 2,
  })
})

test('trim removes the places of old duplicates too, and counts them neither gone nor back', async (t) => {
  const directory = temporary(t)
  await using ledger = await openSqliteLedger({ directory })
  await ledger.record([entry('S1'), entry('S1', { offset: 2, endedAt: NOON - 1 })])
  assert.equal(await ledger.trim(NOON), 0)
  assert.equal(recountTables(directory).duplicate, 0)
  assert.equal((await ledger.counts()).duplicate, 1)
})

/** Records one batch after the other and says so after each, until it is killed. Every tenth entry is dead. */
const RECORDER = `
  import { deadEntry, entry } from './conformance-sample.ts'
  import { openSqliteLedger } from './sqlite.ts'
  const ledger = await openSqliteLedger({ directory: process.argv[1] })
  for (let from = 0; ; from += 100) {
    const place = (i) => ({ offset: from + i })
    const make = (_, i) => (i % 10 === 0 ? deadEntry : entry)('S' + (from + i), place(i))
    await ledger.record(Array.from({ length: 100 }, make))
    process.stdout.write(from + 100 + '\\n')
  }`

test('a process that is killed loses nothing of what was acknowledged, and its figures stay right', async (t) => {
  const directory = temporary(t)
  const child = spawn(process.execPath, ['--input-type=module', '--eval', RECORDER, directory], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let acknowledged = 0
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line)
    if (acknowledged >= 2_000) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  assert.ok(acknowledged >= 2_000)

  await using ledger = await openSqliteLedger({ directory })
  for (let i = 0; i < acknowledged; i += 1) assert.equal((await ledger.find(`S${i}`))?.offset, i)
  assert.deepEqual({ ...(await ledger.counts()) }, recountTables(directory))
})

test('a full disk stores nothing of a call, keeps what was there, and is used again after a trim', async (t) => {
  const directory = temporary(t)
  await using ledger = await openSqliteLedger({ directory, maxPages: 200 })
  let stored = 0
  const fill = async () => {
    for (; ; stored += 200) await ledger.record(batchOf(200, stored))
  }
  await assert.rejects(fill(), { code: 'storage_full' })
  assert.ok(stored > 0)
  assert.equal((await ledger.counts()).delivered, stored)
  assert.equal(await ledger.find(`S${stored}`), undefined)
  assert.equal(await ledger.trim(NOON + 1000), stored)
  await ledger.record(batchOf(200, stored))
  assert.equal((await ledger.counts()).delivered, stored + 200)
})

test('a file of a later version, and one that is no database, are refused by name', async (t) => {
  const directory = temporary(t)
  const path = join(directory, 'ledger.db')
  const db = new DatabaseSync(path)
  db.exec('PRAGMA user_version = 99')
  db.close()
  await assert.rejects(openSqliteLedger({ directory }), { code: 'newer_format' })
  writeFileSync(path, 'x'.repeat(8192))
  await assert.rejects(openSqliteLedger({ directory }), { code: 'log_damaged' })
})

test('a ledger of format 1, with a row for each operation, is read, repeated into and trimmed', async (t) => {
  const directory = temporary(t)
  {
    using db = new DatabaseSync(join(directory, 'ledger.db'))
    db.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
    db.prepare(`INSERT INTO entries VALUES (7, 'O1', 'id:42', 'person.event', '{}', ?, ?, ?, 0, 1, 'delivered',
      '[[1,2,200,"ok"]]', NULL, NULL, 0)`).run(NOON, NOON, TOPICS.events)
    db.exec("UPDATE counts SET value = 1 WHERE name = 'delivered'")
  }
  await using ledger = await openSqliteLedger({ directory })
  await ledger.record([entry('O1'), entry('O1', { offset: 2 }), entry('N1')])
  assert.deepEqual((await ledger.find('O1'))?.attempts, [{ at: 1, ms: 2, status: 200, code: 'ok' }])
  assert.deepEqual(
    (await ledger.recent(5)).map(({ id }) => id),
    ['N1', 'O1'],
  )
  const { delivered, duplicate } = await ledger.counts()
  assert.deepEqual([delivered, duplicate], [2, 1])
  assert.equal(await ledger.trim(NOON + 1_000), 2)
  assert.equal(recountTables(directory).delivered, 0)
})

test('a ledger of format 2, which does not say how far its lanes had come, learns it when it is opened', async (t) => {
  const directory = temporary(t)
  {
    using db = new DatabaseSync(join(directory, 'ledger.db'))
    db.exec(`${MIGRATIONS[0]}; ${MIGRATIONS[1]}; PRAGMA user_version = 2`)
    const { body } = togetherOf([entry('B1', { lane: 3, offset: 4 }), entry('B2', { lane: 5, offset: 9 })])
    db.prepare('INSERT INTO batches VALUES (1, 2, ?, ?)').run(NOON, body)
    db.prepare("INSERT INTO duplicates VALUES ('B1', ?, 3, 12, ?)").run(TOPICS.events, NOON)
  }
  await using ledger = await openSqliteLedger({ directory })
  const reached = await ledger.reached(TOPICS.events)
  assert.deepEqual([reached.get(3), reached.get(5), reached.size], [12, 9, 2])
})

test('a ledger in memory works as one on disk', async () => {
  await using ledger: Ledger = await openSqliteLedger({ directory: ':memory:' })
  await ledger.record([entry('M1'), entry('M1', { topic: TOPICS.replay })])
  assert.deepEqual(await ledger.recent(5), [entry('M1')])
})
