import assert from 'node:assert/strict'
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { silent } from '../core/notices.ts'
import type { Bus } from './bus.ts'
import { busConformance, makeRecord } from './conformance.ts'
import { openSqliteBus, SQLITE_FEATURES, type SqliteBus, type SqliteBusOptions } from './sqlite.ts'

const TOPIC = 'customerio.events'
const root = mkdtempSync(join(tmpdir(), 'sluice-bus-'))
after(() => rmSync(root, { recursive: true, force: true }))

const makeDirectory = () => mkdtempSync(join(root, 'd-'))

const open = (directory: string, more: Partial<SqliteBusOptions> = {}): Promise<SqliteBus> =>
  openSqliteBus({ directory, clock: systemClock, notify: silent, onFatal: () => {}, ...more })

/** What a dead process leaves behind: the files as they are, with nothing closed. */
function crash(directory: string): string {
  const left = makeDirectory()
  cpSync(directory, left, { recursive: true, filter: (name) => !name.endsWith('-shm') })
  return left
}

const directories = new Map<Bus, string>()

busConformance('sqlite', {
  features: SQLITE_FEATURES,
  lanes: 16,
  open: async () => {
    const directory = makeDirectory()
    const bus = await open(directory)
    directories.set(bus, directory)
    return bus
  },
  reopen: async (bus) => {
    const directory = crash(directories.get(bus) ?? assert.fail())
    await bus[Symbol.asyncDispose]()
    const again = await open(directory)
    directories.set(again, directory)
    return again
  },
  openSmall: async (records) => {
    const directory = makeDirectory()
    const bus = await open(directory, { maxBytes: records * 1024 })
    return { bus, makeRoom: async () => void (await bus.trim(Number.POSITIVE_INFINITY)) }
  },
})

/** A directory with some commits in it, and the offsets that were acknowledged. */
async function written(commits = 60, size = 20): Promise<string> {
  const directory = makeDirectory()
  await using bus = await open(directory)
  for (let n = 0; n < commits; n += 1)
    await bus.publish(
      TOPIC,
      Array.from({ length: size }, (_, i) => makeRecord(`k${i}`, n)),
    )
  return crash(directory)
}

async function damageOf(work: () => Promise<unknown>): Promise<SluiceError> {
  try {
    await work()
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown
    throw thrown
  }
  assert.fail('the damage went unnoticed')
}

const readAll = async (bus: Bus) => {
  const found: number[] = []
  for (;;) {
    const records = await bus.read(TOPIC, { from: (found.at(-1) ?? -1) + 1, limit: 10_000 })
    if (records.length === 0) return found
    found.push(...records.map(({ offset }) => offset))
  }
}

test('one flipped bit in the WAL, which SQLite forgives in silence, is named with its offsets', async () => {
  const directory = await written()
  const wal = join(directory, 'log.db-wal')
  const bytes = readFileSync(wal)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  writeFileSync(wal, bytes)
  const silent = join(makeDirectory(), 'log.db')
  copyFileSync(join(directory, 'log.db'), silent)
  copyFileSync(wal, `${silent}-wal`)
  const bare = new DatabaseSync(silent)
  assert.equal(
    bare.prepare('PRAGMA integrity_check').get()?.integrity_check,
    'ok',
    'SQLite itself is content',
  )
  const kept = Number(bare.prepare('SELECT max(first + count) AS head FROM chunk').get()?.head)
  bare.close()
  assert.ok(kept < 1_200, 'and acknowledged records are gone')

  const error = await damageOf(() => open(directory))
  assert.equal(error.code, 'log_damaged')
  assert.deepEqual(error.details, { topic: TOPIC, from: kept, to: 1_199 })
})

test('a log cut short, a log gone, and an anchor gone are each noticed', async () => {
  const cut = await written()
  writeFileSync(join(cut, 'log.db-wal'), readFileSync(join(cut, 'log.db-wal')).subarray(0, 100_000))
  assert.equal((await damageOf(() => open(cut))).details.to, 1_199)

  const gone = await written()
  for (const name of ['log.db', 'log.db-wal']) rmSync(join(gone, name), { force: true })
  assert.deepEqual((await damageOf(() => open(gone))).details, { topic: TOPIC, from: 0, to: 1_199 })

  const adrift = await written()
  rmSync(join(adrift, 'log.anchor'))
  assert.equal((await damageOf(() => open(adrift))).code, 'log_damaged')
})

test('an altered chunk is noticed, at the start or when it is read, and never handed out', async () => {
  const directory = await written(5)
  const db = new DatabaseSync(join(directory, 'log.db'))
  db.exec(`UPDATE chunk SET body = replace(body, '{"n":2}', '{"n":7}') WHERE first = 40`)
  db.close()
  const error = await damageOf(async () => {
    await using bus = await open(directory)
    await readAll(bus)
  })
  assert.deepEqual(error.details, { topic: TOPIC, from: 40, to: 59 })
})

test('any byte of the database or the WAL may be altered: what was acknowledged is there, or named as missing', async () => {
  const directory = await written(30, 5)
  const checkpointed = await written(30, 5)
  const db = new DatabaseSync(join(checkpointed, 'log.db'))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  let noticed = 0
  for (const [from, name] of [
    [directory, 'log.db-wal'],
    [checkpointed, 'log.db'],
  ] as const) {
    const whole = readFileSync(join(from, name))
    for (let at = 7; at < whole.length; at += Math.max(1, Math.floor(whole.length / 60))) {
      const copy = crash(from)
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ 0x41
      writeFileSync(join(copy, name), bytes)
      noticed += (await isWholeOrNamed(copy, `${name} byte ${at}`)) ? 0 : 1
      rmSync(copy, { recursive: true })
    }
  }
  assert.ok(noticed > 20, `${noticed} damages noticed`)
})

/** True when all 150 records are there as they were; false when something was refused by name; else the test fails. */
async function isWholeOrNamed(directory: string, what: string): Promise<boolean> {
  try {
    await using bus = await open(directory)
    const offsets = await readAll(bus)
    assert.deepEqual(
      offsets,
      Array.from({ length: 150 }, (_, n) => n),
      `silent loss: ${what}`,
    )
    return true
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown
    assert.ok(thrown instanceof Error, what)
    return false
  }
}

test('a crash between commit and anchor is repaired: the log may be ahead', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  await bus.publish(TOPIC, [makeRecord('a', 1)])
  const anchor = readFileSync(join(directory, 'log.anchor'))
  await bus.publish(TOPIC, [makeRecord('a', 2)])
  const left = crash(directory)
  await bus[Symbol.asyncDispose]()
  writeFileSync(join(left, 'log.anchor'), anchor)
  await using again = await open(left)
  assert.equal((await again.lag(TOPIC, 'g')).published, 2)
})

test('a loss that is accepted by its offsets is a gap: the rest is delivered, and later records go on above it', async () => {
  const directory = await written(10)
  writeFileSync(
    join(directory, 'log.db-wal'),
    readFileSync(join(directory, 'log.db-wal')).subarray(0, 60_000),
  )
  const { details } = await damageOf(() => open(directory))
  const told: string[] = []
  const acceptLoss = `${details.topic}:${details.from}-${details.to}`
  await using bus = await open(directory, { acceptLoss, notify: (name) => told.push(name) })
  assert.ok(told.includes('bus.lost'))
  await bus.publish(TOPIC, [makeRecord('a', 1)])
  const offsets = await readAll(bus)
  assert.deepEqual(offsets, [
    ...Array.from({ length: Number(details.from) }, (_, n) => n),
    Number(details.to) + 1,
  ])
  assert.equal((await bus.lag(TOPIC, 'new')).unsettled, offsets.length)
})

test('a disk that fails ends it: the call is in doubt, everything after is refused, and the owner is told once', async () => {
  const directory = makeDirectory()
  const fatal: SluiceError[] = []
  const bus = await open(directory, { onFatal: (error) => fatal.push(error) })
  await bus.publish(TOPIC, [makeRecord('a', 1)])
  // A table that is gone stands in for a disk that answers with an error: neither is "full".
  const other = new DatabaseSync(join(directory, 'log.db'))
  other.exec('DROP TABLE chunk')
  other.close()
  for (let n = 0; n < 3; n += 1) {
    const error = await damageOf(() => bus.publish(TOPIC, [makeRecord('a', 2)]))
    assert.equal(error.code, 'storage_failed')
  }
  assert.equal(fatal.length, 1)
  await bus[Symbol.asyncDispose]()
})

test('what is settled in the same moment in which a publication is refused is durable all the same', async () => {
  const directory = makeDirectory()
  const bus = await open(directory, { maxBytes: 300 * 1024 })
  const subscription = await bus.subscribe(TOPIC, 'g')
  const records = Array.from({ length: 20 }, (_, n) => makeRecord(`k${n}`, n))
  await bus.publish(TOPIC, records)
  const { value: found = [] } = await subscription[Symbol.asyncIterator]().next()
  const tooMuch = Array.from({ length: 500 }, (_, n) =>
    makeRecord(`k${n}`, n, { value: JSON.stringify('x'.repeat(1_000)) }),
  )
  const [refused, settled] = await Promise.allSettled([
    bus.publish(TOPIC, tooMuch),
    subscription.settle(found),
  ])
  assert.deepEqual([refused.status, settled.status], ['rejected', 'fulfilled'])
  const left = crash(directory)
  await bus[Symbol.asyncDispose]()
  await using again = await open(left)
  assert.deepEqual(
    [(await again.lag(TOPIC, 'g')).published, (await again.lag(TOPIC, 'g')).unsettled],
    [20, 0],
  )
})

test('what every group has settled is removed after its time, and nothing else; the count stays', async () => {
  const directory = makeDirectory()
  await using bus = await open(directory)
  for (let n = 0; n < 10; n += 1) await bus.publish(TOPIC, [makeRecord('a', n)])
  const subscription = await bus.subscribe(TOPIC, 'g')
  const { value: records = [] } = await subscription[Symbol.asyncIterator]().next()
  await subscription.settle(records.slice(0, 6))
  assert.equal(await bus.trim(0), 0, 'nothing is old enough')
  assert.equal(await bus.trim(Number.POSITIVE_INFINITY), 6)
  const lag = await bus.lag(TOPIC, 'g')
  assert.deepEqual([lag.published, lag.unsettled], [10, 4])
  assert.deepEqual(await readAll(bus), [6, 7, 8, 9])
})
