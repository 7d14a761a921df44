/**
 * The embedded bus: one SQLite file and an anchor beside it, for one process. A 2xx stands on three things here: the
 * commit is synced (sqlite/database.ts), the anchor is written after it (sqlite-anchor.ts), and only then does `publish`
 * resolve (sqlite-commit.ts).
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import { openDatabase } from '../sqlite/database.ts'
import { type Disk, realDisk } from '../sqlite/disk.ts'
import type { Bus, Features, ReadRange, SubscribeOptions } from './bus.ts'
import { Anchor, type Heads } from './sqlite-anchor.ts'
import { checkAnchor, checkTail, isAccepted, parseLoss } from './sqlite-check.ts'
import { Committer } from './sqlite-commit.ts'
import { type Damage, damaged, nameOf, SqliteLog } from './sqlite-log.ts'
import { pagesOf, Space } from './sqlite-space.ts'
import { MIGRATIONS, Tables } from './sqlite-tables.ts'
import { LANES, Topic } from './topic.ts'

export interface SqliteBusOptions {
  /** Where log.db, log.anchor and log.reserve lie. It must be held by this process alone (sqlite/lock.ts). */
  readonly directory: string
  /** Default: that of the machine. */
  readonly disk?: Disk
  /** Fixed when the directory is made; later values are ignored. Default 16. */
  readonly lanes?: number
  readonly clock: Clock
  readonly notify: Notify
  /** Told once when the disk failed: the process must stop. */
  readonly onFatal: (error: SluiceError) => void
  /** The largest size of the database; beyond it `publish` throws `storage_full`. Default: the disk. */
  readonly maxBytes?: number
  /** Ranges that `log_damaged` named, as `topic:from-to,…`: start without them. */
  readonly acceptLoss?: string
}

export interface SqliteBus extends Bus {
  /** Bytes of the database. */
  readonly bytes: number
  /** Removes chunks written before `before` (milliseconds since 1970) that every group has settled. Returns how many records. */
  trim(before: number): Promise<number>
}

export const SQLITE_FEATURES: Features = {
  name: 'sqlite',
  persistent: true,
  rebalances: true,
  keepsSettledAbove: true,
}

/** Chunks removed in one transaction: a thousand rows of up to 1 MB would hold the event loop for too long. */
const TRIM_CHUNKS = 50

/** Throws `log_damaged`, naming what is missing; `newer_format`; `bad_config` for a range that is none. */
export async function openSqliteBus(options: SqliteBusOptions): Promise<SqliteBus> {
  const path = join(options.directory, 'log.db')
  const { maxBytes, disk = realDisk } = options
  const isNew = !disk.exists(path)
  const limit = maxBytes === undefined ? {} : { maxPages: pagesOf(maxBytes) }
  const db = openDatabase({ path, disk, migrations: MIGRATIONS, ...limit })
  if (isNew) db.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
  const bus = new SqliteLogBus(options, db, path)
  try {
    bus.recover()
    return bus
  } catch (thrown) {
    await bus[Symbol.asyncDispose]()
    throw thrown
  }
}

interface Held {
  readonly log: SqliteLog
  readonly topic: Topic
}

class SqliteLogBus implements SqliteBus {
  readonly features = SQLITE_FEATURES
  readonly #options: SqliteBusOptions
  readonly #db: DatabaseSync
  readonly #tables: Tables
  readonly #anchor: Anchor
  readonly #committer: Committer
  readonly #lanes: number
  readonly #topics = new Map<string, Held>()
  #closed = false

  constructor(options: SqliteBusOptions, db: DatabaseSync, path: string) {
    const { directory, disk = realDisk, lanes = LANES, maxBytes, clock, notify } = options
    this.#options = options
    this.#db = db
    this.#tables = new Tables(db)
    this.#lanes = this.#tables.setting('lanes', lanes)
    this.#anchor = new Anchor(join(directory, 'log.anchor'), disk)
    this.#committer = new Committer({
      db,
      path,
      tables: this.#tables,
      space: new Space({ db, disk, path: join(directory, 'log.reserve'), maxBytes }),
      clock,
      anchor: () => this.#anchor.write(this.#heads()),
      onStored: (log) => this.#topics.get(log.name)?.topic.wake(),
      onFatal: (error) => this.#fail(error),
      notify,
    })
  }

  /** Reads what is there and compares it with the anchor; afterwards both say the same. */
  recover(): void {
    for (const row of this.#tables.topics()) this.#hold(new SqliteLog(this.#tables, row, true))
    const accepted = this.#options.acceptLoss === undefined ? [] : parseLoss(this.#options.acceptLoss)
    for (const damage of this.#damages(accepted)) {
      if (!isAccepted(damage, accepted)) throw damaged(damage)
      this.#giveUp(damage)
    }
    this.#anchor.write(this.#heads())
    let records = 0
    for (const { log } of this.#topics.values()) records += log.head - log.first
    this.#options.notify('bus.recovered', { records, topics: this.#topics.size })
  }

  /** Besides the topics that are there, those that the anchor knows: a log that is gone altogether lost them all. */
  #damages(accepted: readonly Damage[]): Damage[] {
    const { heads } = this.#anchor
    for (const [name, { head }] of heads ?? []) if (head > 0) this.#topic(name)
    return [...this.#topics.values()].flatMap(({ log, topic }) => {
      const damages = checkAnchor(log, heads?.get(log.name))
      const isTaken = damages.length > 0 && damages.every((damage) => isAccepted(damage, accepted))
      return damages.length > 0 && !isTaken
        ? damages
        : [...damages, ...checkTail(log, topic.floor, this.#options.clock)]
    })
  }

  /** What was lost becomes a gap that is named and counted; later records go on above it. */
  #giveUp(damage: Damage): void {
    const { log } = this.#topic(damage.topic)
    const row = { ...log.row, head: Math.max(log.head, damage.to + 1) }
    this.#committer.exclusive(() => {
      this.#tables.saveTopic(row)
      this.#tables.addGap(row.number, damage)
    })
    log.stored = true
    log.replace(row)
    for (const group of this.#topic(damage.topic).topic.groups) group.lose(damage)
    this.#options.notify('bus.lost', { offsets: nameOf(damage), count: damage.to - damage.from + 1 })
  }

  async publish(topic: string, records: readonly BusRecord[]): Promise<void> {
    this.#assertOpen()
    if (records.length > 0) await this.#committer.publish(this.#topic(topic).log, records)
  }

  async subscribe(topic: string, group: string, options: SubscribeOptions = {}) {
    this.#assertOpen()
    return this.#topic(topic).topic.subscribe(group, options)
  }

  async lag(topic: string, group: string) {
    return this.#topic(topic).topic.lag(group)
  }

  async read(topic: string, range: ReadRange) {
    return this.#topic(topic).topic.read(range)
  }

  get bytes(): number {
    const pages = Number(this.#db.prepare('PRAGMA page_count').get()?.page_count)
    return pages * 4096
  }

  async trim(before: number): Promise<number> {
    let removed = 0
    for (const held of this.#topics.values())
      for (let step = this.#trimStep(held, before); step > 0; step = this.#trimStep(held, before)) {
        removed += step
        await this.#options.clock.sleep(0)
      }
    if (removed > 0) this.#options.notify('bus.trimmed', { count: removed })
    return removed
  }

  /** Returns how many records went; 0 when nothing more may. A topic that nobody reads is trimmed by age alone. */
  #trimStep({ log, topic }: Held, before: number): number {
    if (this.#closed) return 0
    let first = log.first
    for (const chunk of this.#tables.oldest(log.row.number, TRIM_CHUNKS)) {
      if (chunk.at >= before || chunk.first + chunk.count > topic.floor) break
      first = chunk.first + chunk.count
    }
    const count = first - log.first
    if (count === 0) return 0
    const row = log.trimmed(first)
    this.#committer.exclusive(() => {
      this.#tables.removeBelow(row.number, first)
      this.#tables.saveTopic(row)
    })
    log.replace(row)
    this.#db.exec('PRAGMA incremental_vacuum(1000)')
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const { topic } of this.#topics.values()) await topic.close()
    this.#committer.flush()
    this.#anchor.close()
    this.#db.close()
  }

  #topic(name: string): Held {
    const known = this.#topics.get(name)
    if (known) return known
    const number = this.#topics.size + 1
    const ends = new Array<number>(this.#lanes).fill(0)
    return this.#hold(new SqliteLog(this.#tables, { number, name, first: 0, head: 0, chain: 0, ends }, false))
  }

  #hold(log: SqliteLog): Held {
    const { clock, notify } = this.#options
    const groups = log.stored ? this.#tables.groups(log.row.number) : []
    const persist = (group: Parameters<Committer['persist']>[1]) => this.#committer.persist(log, group)
    const held = { log, topic: new Topic({ name: log.name, log, groups, persist, clock, notify }) }
    this.#topics.set(log.name, held)
    return held
  }

  #heads(): Heads {
    return new Map(
      [...this.#topics.values()].map(({ log }) => [log.name, { head: log.head, chain: log.row.chain }]),
    )
  }

  #fail(error: SluiceError): void {
    for (const { topic } of this.#topics.values()) topic.fail(error)
    this.#options.onFatal(error)
  }

  #assertOpen(): void {
    if (this.#closed) throw new SluiceError('shutting_down', 'The bus is closed.')
  }
}
