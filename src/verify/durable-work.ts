/**
 * The work of a process that will die: it publishes, settles, records, links and trims as a gateway does, all that the
 * durable stores know, and says after each step what it was told is durable. Run as a program of its own
 * (durable-worker.ts) by the proofs of durability, under the shim; what it says goes into the journal, among what happened
 * on the disk.
 */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Subscription } from '../bus/bus.ts'
import { openSqliteBus } from '../bus/sqlite.ts'
import type { SqliteBus } from '../bus/sqlite-bus.ts'
import { MIGRATIONS } from '../bus/sqlite-tables.ts'
import { type Random, systemClock } from '../core/clock.ts'
import { silent } from '../core/notices.ts'
import { type BusRecord, type Received, TOPICS } from '../core/record.ts'
import { seededRandom } from '../emulator/faults.ts'
import type { Entry, Ledger } from '../ledger/ledger.ts'
import { openSqliteLedger } from '../ledger/sqlite.ts'
import type { People } from '../people/people.ts'
import { openSqlitePeople } from '../people/sqlite.ts'
import { openDatabase, transaction } from '../sqlite/database.ts'
import { type Disk, realDisk } from '../sqlite/disk.ts'

export interface Work {
  readonly directory: string
  readonly seed: number
  readonly steps: number
  /** Whether it closes what it opened, or dies where it stands. */
  readonly closes: boolean
  /** Whether the log is written on a thread of its own, as a gateway does. That thread has a disk of its own, without the fault. */
  readonly threaded: boolean
  /** Whether it finds a log in the first format, which it brings to that of today. */
  readonly migrates: boolean
  /**
   * The fault that the proof must find: as with `synchronous=NORMAL`, a commit is in the write-ahead log, and the log is
   * synced some other time.
   */
  readonly unsynced: boolean
}

/** What the worker says. Of a pair, the first is said before the call, the second when it has returned. */
export type Said =
  | { readonly said: 'publishing' | 'published'; readonly topic: string; readonly ids: readonly string[] }
  | { readonly said: 'settling' | 'settled'; readonly topic: string; readonly ids: readonly string[] }
  | { readonly said: 'recorded'; readonly ids: readonly string[] }
  | { readonly said: 'remembered'; readonly ids: readonly string[] }
  | { readonly said: 'linked'; readonly key: string; readonly canonical: string }

export const GROUP = 'delivery'
export const SOURCE = 'app'

/** A checkpoint after this many bytes instead of 4 MB, so that a short journal has many of them. */
const CHECKPOINT_BYTES = 96 * 1024

/** Of every topic this many records are settled at once, at most. */
const SETTLED = 40

interface Stores {
  readonly bus: SqliteBus
  readonly ledger: Ledger
  readonly people: People
}

/** Opens the stores of a data directory, with the same checkpoints everywhere. Those that are open are closed when one fails. */
export async function openStores(
  directory: string,
  disk: Disk,
  threaded = false,
): Promise<Stores & AsyncDisposable> {
  await using opening = new AsyncDisposableStack()
  const people = opening.use(openSqlitePeople({ directory, disk }))
  const ledger = opening.use(await openSqliteLedger({ directory, disk }))
  const alarms = { notify: silent, onFatal: () => {} }
  const checkpointBytes = CHECKPOINT_BYTES
  const bus = await openSqliteBus({
    directory,
    disk,
    clock: systemClock,
    checkpointBytes,
    threaded,
    ...alarms,
  })
  opening.use(bus)
  const opened = opening.move()
  return { bus, ledger, people, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

export async function doWork(work: Work): Promise<void> {
  const marks = openSync(join(work.directory, 'said.marks'), 'w')
  const say = (said: Said) => void writeSync(marks, JSON.stringify(said))
  if (work.migrates) asFirstFormat(work.directory)
  const sync = work.unsynced ? 'synchronous = NORMAL' : 'synchronous = FULL'
  const disk = diskWith(`PRAGMA ${sync}`)
  const stores = await openStores(work.directory, disk, work.threaded && !work.unsynced)
  await new Worker(work, stores, say).run()
  if (work.closes) await stores[Symbol.asyncDispose]()
  process.kill(process.pid, 'SIGKILL')
}

/** A disk whose databases are told so after all that they are told otherwise. */
const diskWith = (pragmas: string): Disk => ({
  ...realDisk,
  database: (path, timeoutMs) => {
    const db = realDisk.database(path, timeoutMs)
    const exec = db.exec.bind(db)
    db.exec = (sql) => {
      exec(sql)
      if (sql.includes('synchronous')) exec(pragmas)
    }
    return db
  },
})

/** Makes the log of a closed directory what it would be if the first format had written it: its rows had no seals. */
function asFirstFormat(directory: string): void {
  const db = openDatabase({ path: join(directory, 'log.db'), migrations: MIGRATIONS })
  transaction(db, () => {
    for (const table of ['topic', 'chunk', 'gap', 'progress'])
      db.exec(`ALTER TABLE ${table} DROP COLUMN seal`)
    db.exec('PRAGMA user_version = 1')
  })
  db.close()
}

class Worker {
  readonly #work: Work
  readonly #stores: Stores
  readonly #random: Random
  readonly #say: (said: Said) => void
  readonly #held = new Map<string, Received[]>()
  readonly #subscriptions = new Map<string, Subscription>()
  #serial = 0

  constructor(work: Work, stores: Stores, say: (said: Said) => void) {
    this.#work = work
    this.#stores = stores
    this.#random = seededRandom(work.seed)
    this.#say = say
  }

  async run(): Promise<void> {
    for (const topic of [TOPICS.events, TOPICS.replay]) void this.#receive(topic)
    for (let step = 0; step < this.#work.steps; step += 1) {
      const together = 1 + Math.floor(this.#random() * 3)
      await Promise.all(Array.from({ length: together }, () => this.#step()))
    }
  }

  async #receive(topic: string): Promise<void> {
    const held: Received[] = []
    this.#held.set(topic, held)
    const subscription = await this.#stores.bus.subscribe(topic, GROUP)
    this.#subscriptions.set(topic, subscription)
    for await (const records of subscription) held.push(...records)
  }

  #step(): Promise<unknown> {
    const topic = this.#random() < 0.8 ? TOPICS.events : TOPICS.replay
    const draw = this.#random()
    if (draw < 0.55) return this.#publish(topic)
    if (draw < 0.85) return this.#settle(topic)
    if (draw < 0.92) return this.#link()
    if (draw < 0.97) return this.#stores.bus.trim(Number.POSITIVE_INFINITY)
    return this.#stores.ledger.trim(0)
  }

  async #publish(topic: string): Promise<void> {
    const records = Array.from({ length: 1 + Math.floor(this.#random() * 8) }, () => this.#record())
    const ids = records.map(({ id }) => id)
    this.#say({ said: 'publishing', topic, ids })
    await this.#stores.bus.publish(topic, records)
    this.#say({ said: 'published', topic, ids })
    const accepted = new Map(ids.map((id) => [`client ${id}`, id]))
    await this.#stores.ledger.remember(SOURCE, accepted, 1)
    this.#say({ said: 'remembered', ids })
  }

  #record(): BusRecord {
    this.#serial += 1
    const id = `${this.#work.seed}-${this.#serial}`
    const value = JSON.stringify({ id, more: 'x'.repeat(Math.floor(this.#random() * 1500)) })
    const key = `id:${Math.floor(this.#random() * 20)}`
    return { id, key, kind: 'person.event', at: 1, headers: { source: SOURCE }, value }
  }

  /** First how they ended, then that they are done with: as delivery does. */
  async #settle(topic: string): Promise<void> {
    const held = this.#held.get(topic) ?? []
    const from = Math.floor(this.#random() * held.length * 0.2)
    const records = held.splice(from, Math.floor(this.#random() * SETTLED))
    if (records.length === 0) return
    const ids = records.map(({ id }) => id)
    await this.#stores.ledger.record(records.map(ended))
    this.#say({ said: 'recorded', ids })
    this.#say({ said: 'settling', topic, ids })
    await this.#subscriptions.get(topic)?.settle(records)
    this.#say({ said: 'settled', topic, ids })
  }

  async #link(): Promise<void> {
    this.#serial += 1
    const key = `email:${this.#work.seed}.${this.#serial}`
    const canonical = `id:${this.#serial}`
    await this.#stores.people.link(key, canonical)
    this.#say({ said: 'linked', key, canonical })
  }
}

const ended = ({ id, key, kind, headers, topic, lane, offset }: Received): Entry => ({
  ...{ id, key, kind, headers, topic, lane, offset },
  receivedAt: 1,
  endedAt: 2,
  outcome: 'delivered',
  attempts: [{ at: 1, ms: 1, status: 200, code: 'ok' }],
})
