import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { cases } from '../../test/cases.ts'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { silent } from '../core/notices.ts'
import type { Received } from '../core/record.ts'
import { realDisk } from '../sqlite/disk.ts'
import type { Bus } from './bus.ts'
import { busConformance } from './conformance.ts'
import { makeRecord } from './conformance-stand.ts'
import { openSqliteBus } from './sqlite.ts'
import { SQLITE_FEATURES, type SqliteBus, type SqliteBusOptions } from './sqlite-bus.ts'

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

/** Text that no compression makes smaller than three quarters of it. */
const noise = (length: number): string => randomBytes(length).toString('base64').slice(0, length)

const directories = new Map<Bus, string>()

const conform = (name: string, more: Partial<SqliteBusOptions>) =>
  busConformance(name, {
    features: SQLITE_FEATURES,
    lanes: 16,
    open: async () => {
      const directory = makeDirectory()
      const bus = await open(directory, more)
      directories.set(bus, directory)
      return bus
    },
    reopen: async (bus) => {
      const directory = crash(directories.get(bus) ?? assert.fail())
      await bus[Symbol.asyncDispose]()
      const again = await open(directory, more)
      directories.set(again, directory)
      return again
    },
    openSmall: async (records) => {
      const directory = makeDirectory()
      const bus = await open(directory, { ...more, maxBytes: records * 1024 })
      return { bus, makeRoom: async () => void (await bus.trim(Number.POSITIVE_INFINITY)) }
    },
  })

conform('sqlite', {})
conform('sqlite on a thread', { threaded: true })

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
  const places = cases(20, 60)
  let noticed = 0
  for (const [from, name] of [
    [directory, 'log.db-wal'],
    [checkpointed, 'log.db'],
  ] as const) {
    const whole = readFileSync(join(from, name))
    for (let at = 7; at < whole.length; at += Math.max(1, Math.floor(whole.length / places))) {
      const copy = crash(from)
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ 0x41
      writeFileSync(join(copy, name), bytes)
      noticed += (await isWholeOrNamed(copy, `${name} byte ${at}`)) ? 0 : 1
      rmSync(copy, { recursive: true })
    }
  }
  assert.ok(noticed > places / 3, `${noticed} damages noticed`)
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

for (const threaded of [false, true]) {
  const where = threaded ? 'on its thread' : 'in this thread'

  test(`a disk that fails ends it, ${where}: the call is in doubt, everything after is refused, the owner is told once`, async () => {
    const directory = makeDirectory()
    const fatal: SluiceError[] = []
    const bus = await open(directory, { threaded, onFatal: (error) => fatal.push(error) })
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

  test(`what is settled in the moment in which a publication is refused is durable all the same, ${where}`, async () => {
    const directory = makeDirectory()
    const bus = await open(directory, { threaded, maxBytes: 300 * 1024 })
    const subscription = await bus.subscribe(TOPIC, 'g')
    const records = Array.from({ length: 20 }, (_, n) => makeRecord(`k${n}`, n))
    await bus.publish(TOPIC, records)
    const { value: found = [] } = await subscription[Symbol.asyncIterator]().next()
    const tooMuch = Array.from({ length: 500 }, (_, n) =>
      makeRecord(`k${n}`, n, { value: JSON.stringify(noise(1_000)) }),
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
}

test('a disk that is too small says how much must be free', async () => {
  const disk = { ...realDisk, free: () => 3.5 * 1024 * 1024 }
  await using bus = await open(makeDirectory(), { disk })
  await assert.rejects(bus.publish(TOPIC, [makeRecord('a', 1)]), {
    code: 'storage_full',
    message: /has 3\.5 MB free; 16\.0 must be/,
  })
})

test('a disk that takes no more, whatever it says is free, says so', async () => {
  const disk = { ...realDisk, free: () => 2 ** 30, reserve: () => false }
  await using bus = await open(makeDirectory(), { disk })
  await assert.rejects(bus.publish(TOPIC, [makeRecord('a', 1)]), {
    code: 'storage_full',
    message: /has 1024\.0 MB free, and takes no more: a quota/,
  })
})

test('a disk that fails while the reserve is made has failed', async () => {
  const directory = makeDirectory()
  const failed = Promise.withResolvers<SluiceError>()
  const disk = { ...realDisk, reserve: () => realDisk.reserve(join(directory, 'gone', 'log.reserve'), 1) }
  await using bus = await open(directory, { disk, onFatal: failed.resolve })
  await assert.rejects(bus.publish(TOPIC, [makeRecord('a', 1)]), { code: 'storage_failed' })
  assert.equal((await failed.promise).code, 'storage_failed')
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

test('what was written while the clock was ahead goes with what was written after it, and holds up nothing', async () => {
  const HOUR = 3_600_000
  let now = 10 * 24 * HOUR
  await using bus = await open(makeDirectory(), { clock: { ...systemClock, now: () => now } })
  const say = async (times: number) => {
    for (let n = 0; n < times; n += 1) await bus.publish(TOPIC, [makeRecord('a', n)])
  }
  await say(1)
  now += 365 * 24 * HOUR
  await say(120) // more than are looked at in one step
  now -= 365 * 24 * HOUR
  assert.equal(await bus.trim(now), 0, 'what is of this hour is not older than it')
  await say(1)
  now += HOUR
  await say(2)
  assert.equal(await bus.trim(now), 122, 'the three before this hour, and those between them')
  now += HOUR
  assert.deepEqual(await readAll(bus), [122, 123])
  assert.equal(await bus.trim(now), 2)
})

test('a crash between the first commit of a topic and the anchor is repaired too', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  await bus.publish('customerio.dlq', [makeRecord('a', 1)])
  const anchor = readFileSync(join(directory, 'log.anchor'))
  await bus.publish(TOPIC, [makeRecord('a', 2)])
  const left = crash(directory)
  await bus[Symbol.asyncDispose]()
  writeFileSync(join(left, 'log.anchor'), anchor)
  await using again = await open(left)
  assert.equal((await again.lag(TOPIC, 'g')).published, 1)
})

test('what is settled is durable before its records are removed', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  for (let n = 0; n < 4; n += 1) await bus.publish(TOPIC, [makeRecord('a', n)])
  const subscription = await bus.subscribe(TOPIC, 'g')
  const { value: records = [] } = await subscription[Symbol.asyncIterator]().next()
  const settling = subscription.settle(records)
  await bus.trim(Number.POSITIVE_INFINITY) // goes before the commit that stores the settling
  const left = crash(directory)
  await settling
  await bus[Symbol.asyncDispose]()
  await using again = await open(left)
  assert.equal((await again.lag(TOPIC, 'g')).unsettled, 0)
})

/** Alters the record with `"n":<n>` in the chunk that begins at `first`. */
function alter(directory: string, first: number, n: number): void {
  const db = new DatabaseSync(join(directory, 'log.db'))
  db.prepare(`UPDATE chunk SET body = replace(body, ?, '{"n":null}') WHERE first = ?`).run(
    `{"n":${n}}`,
    first,
  )
  db.close()
}

test('a log that nobody has read yet is checked at the start like any other', async () => {
  const directory = await written(5)
  alter(directory, 40, 2)
  assert.deepEqual((await damageOf(() => open(directory))).details, { topic: TOPIC, from: 40, to: 59 })
})

test('a damage met only when it is read can be accepted by its offsets', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  // The values are larger than what is checked at the start.
  const value = JSON.stringify('x'.repeat(900_000))
  await bus.publish(TOPIC, [makeRecord('a', 0)])
  for (let n = 1; n < 90; n += 1) await bus.publish(TOPIC, [makeRecord('a', n, { value })])
  await bus[Symbol.asyncDispose]()
  alter(directory, 0, 0)
  {
    await using damaged = await open(directory)
    assert.deepEqual((await damageOf(() => damaged.read(TOPIC, { from: 0, limit: 1 }))).details, {
      topic: TOPIC,
      from: 0,
      to: 0,
    })
  }
  await using again = await open(directory, { acceptLoss: `${TOPIC}:0-0` })
  assert.equal((await again.read(TOPIC, { from: 0, limit: 1 }))[0]?.offset, 1)
  assert.equal((await again.lag(TOPIC, 'g')).unsettled, 89)
})

test('the figures are exact after a loss that was partly settled', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  for (let n = 0; n < 6; n += 1)
    await bus.publish(
      TOPIC,
      Array.from({ length: 10 }, (_, i) => makeRecord(`k${i}`, n)),
    )
  const subscription = await bus.subscribe(TOPIC, 'g')
  const { value } = await subscription[Symbol.asyncIterator]().next()
  const records: readonly Received[] = value ?? []
  await subscription.settle(records.filter(({ offset }) => offset % 2 === 1))
  await bus[Symbol.asyncDispose]()
  alter(directory, 20, 2)
  await using again = await open(directory, { acceptLoss: `${TOPIC}:20-29` })
  assert.equal((await again.lag(TOPIC, 'g')).unsettled, 25, 'half of the fifty that are left')
})

test('a database that cannot be opened at all is named from its anchor', async () => {
  const directory = await written(3)
  writeFileSync(join(directory, 'log.db'), Buffer.alloc(8192, 'no database '))
  rmSync(join(directory, 'log.db-wal'))
  const { code, details } = await damageOf(() => open(directory))
  assert.deepEqual([code, details], ['log_damaged', { topic: TOPIC, from: 0, to: 59 }])
})

test('a topic that was only asked about leaves no number behind which another could take', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  await bus.publish('customerio.processed', [makeRecord('a', 1)])
  await bus.lag('customerio.replay', 'g')
  await bus.publish(TOPIC, [makeRecord('a', 2)])
  await bus[Symbol.asyncDispose]()
  await using again = await open(directory)
  await again.publish('customerio.dlq', [makeRecord('a', 3)])
  assert.equal((await again.lag(TOPIC, 'g')).published, 1)
  assert.deepEqual(await readAll(again), [0])
})

/** Alters a row without its seal, as a flipped bit would. */
function tamper(directory: string, sql: string): void {
  const db = new DatabaseSync(join(directory, 'log.db'))
  db.exec(sql)
  db.close()
}

test('a position that was altered skips nothing: the group begins again, and it is told', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  for (let n = 0; n < 5; n += 1) await bus.publish(TOPIC, [makeRecord('a', n)])
  await bus.subscribe(TOPIC, 'g')
  await bus[Symbol.asyncDispose]()
  tamper(directory, "UPDATE progress SET lanes = replace(lanes, '[0]', '[4]'), done = 4")
  const told: string[] = []
  await using again = await open(directory, { notify: (name) => told.push(name) })
  assert.equal((await again.lag(TOPIC, 'g')).unsettled, 5)
  assert.ok(told.includes('bus.rewound'))
})

test('the row of a topic that was altered is made again from its chunks', async () => {
  for (const change of ['first = 3', 'head = 4', 'head = 9', `name = 'customerio.evemts'`, 'chain = 1']) {
    const directory = makeDirectory()
    const bus = await open(directory)
    for (let n = 0; n < 5; n += 1) await bus.publish(TOPIC, [makeRecord('a', n)])
    await bus.publish('customerio.dlq', [makeRecord('a', 5)])
    await bus[Symbol.asyncDispose]()
    tamper(directory, `UPDATE topic SET ${change} WHERE name = '${TOPIC}'`)
    await using again = await open(directory)
    await again.publish(TOPIC, [makeRecord('a', 6)])
    assert.deepEqual(await readAll(again), [0, 1, 2, 3, 4, 5], change)
    assert.equal((await again.lag(TOPIC, 'g')).unsettled, 6)
  }
})

test('a chunk of another topic in the place of one is no substitute', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  for (const topic of [TOPIC, 'customerio.dlq'])
    for (let n = 0; n < 3; n += 1) await bus.publish(topic, [makeRecord('a', n)])
  await bus[Symbol.asyncDispose]()
  tamper(
    directory,
    `DELETE FROM chunk WHERE topic = 1 AND first = 1; UPDATE chunk SET topic = 1 WHERE topic = 2 AND first = 1`,
  )
  const { details } = await damageOf(() => open(directory))
  assert.deepEqual(details, {
    topic: TOPIC,
    from: 1,
    to: 1,
    offsets: `${TOPIC}:1-1,customerio.dlq:1-1`,
  })
})

test('what is lost with the whole file can be accepted: the rest of it is set aside', async () => {
  const directory = await written(3)
  writeFileSync(join(directory, 'log.db'), Buffer.alloc(8192, 'no database '))
  rmSync(join(directory, 'log.db-wal'))
  await using bus = await open(directory, { acceptLoss: `${TOPIC}:0-59` })
  await bus.publish(TOPIC, [makeRecord('a', 1)])
  assert.deepEqual(await readAll(bus), [60])
  assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 1)
  assert.ok(existsSync(join(directory, 'log.db.damaged')))
})

test('a header that claims a newer format is damage where the anchor knows better: all of it is saved', async () => {
  const directory = await written(3)
  tamper(directory, 'PRAGMA user_version = 66')
  const apart = crash(directory)
  {
    await using bus = await open(directory)
    assert.equal((await readAll(bus)).length, 60)
  }
  rmSync(join(apart, 'log.anchor'))
  assert.equal((await damageOf(() => open(apart))).code, 'newer_format')
})

test('a bad page among the positions loses no record: what can be read is written anew, the bad file kept', async () => {
  const directory = makeDirectory()
  const bus = await open(directory)
  for (let n = 0; n < 5; n += 1) await bus.publish(TOPIC, [makeRecord('a', n)])
  await bus.subscribe(TOPIC, 'g')
  await bus[Symbol.asyncDispose]()
  const db = new DatabaseSync(join(directory, 'log.db'))
  const page = Number(
    db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'progress'").get()?.rootpage,
  )
  db.close()
  const bytes = readFileSync(join(directory, 'log.db'))
  writeFileSync(join(directory, 'log.db'), bytes.fill(0, (page - 1) * 4096, page * 4096))
  const told: string[] = []
  await using again = await open(directory, { notify: (name) => told.push(name) })
  assert.ok(told.includes('bus.salvaged'))
  assert.deepEqual(await readAll(again), [0, 1, 2, 3, 4])
  assert.ok(existsSync(join(directory, 'log.db.damaged')))
})

test('several losses are named at once, each with its offsets', async () => {
  const directory = await written(9)
  alter(directory, 20, 1)
  alter(directory, 40, 2)
  alter(directory, 120, 6)
  const { details, hint } = await damageOf(() => open(directory))
  assert.equal(details.offsets, `${TOPIC}:20-59,${TOPIC}:120-139`)
  assert.match(hint, /--accept-loss customerio\.events:20-59,customerio\.events:120-139/)
})

test('of more settled than is stored around what is not, the rest comes again after a crash, and is counted', async () => {
  const directory = makeDirectory()
  await using bus = await open(directory, { lanes: 1 })
  const records = Array.from({ length: 5_000 }, (_, n) => makeRecord('k', n))
  await bus.publish(TOPIC, records)
  const subscription = await bus.subscribe(TOPIC, 'g')
  const taken: Received[] = []
  for await (const found of subscription) {
    taken.push(...found)
    if (taken.length === records.length) break
  }
  await subscription.settle(taken.filter(({ offset }) => offset % 2 === 1))
  assert.equal((await bus.lag(TOPIC, 'g')).unsettled, 2_500)
  await using again = await open(crash(directory))
  const { unsettled } = await again.lag(TOPIC, 'g')
  assert.ok(unsettled > 2_500 && unsettled <= 4_000, `${unsettled}`)
  const coming: Received[] = []
  for await (const found of await again.subscribe(TOPIC, 'g')) {
    coming.push(...found)
    if (coming.length >= unsettled) break
  }
  assert.deepEqual([coming.length, coming.at(-1)?.offset], [unsettled, 4_999])
})
