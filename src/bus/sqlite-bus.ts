/**
 * The embedded bus: one SQLite file and an anchor beside it, for one process. A 2xx stands on three things here: the
 * commit is synced (sqlite/database.ts), the anchor is written after it (sqlite-anchor.ts), and only then does `publish`
 * resolve (sqlite-commit.ts).
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import { type Disk, realDisk } from '../sqlite/disk.ts'
import type { Bus, Features, ReadRange, SubscribeOptions } from './bus.ts'
import type { Group } from './group.ts'
import type { Anchor, Heads } from './sqlite-anchor.ts'
import { checkAnchor, checkChunks } from './sqlite-check.ts'
import { Committer } from './sqlite-commit.ts'
import { type Damage, damaged, isAccepted, joinDamages, nameOf } from './sqlite-damage.ts'
import { groupsOf, type Held } from './sqlite-held.ts'
import { SqliteLog } from './sqlite-log.ts'
import { type LogFile, topicRows } from './sqlite-open.ts'
import type { Tables, TopicRow } from './sqlite-tables.ts'
import { writeOnThread } from './sqlite-thread.ts'
import { Trimmer } from './sqlite-trim.ts'
import { LogWriter, type Writer, writeInline } from './sqlite-writer.ts'
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
  /** How much is written between checkpoints, roughly. Default 4 MB. */
  readonly checkpointBytes?: number
  /** Ranges that `log_damaged` named, as `topic:from-to,…`: start without them. */
  readonly acceptLoss?: string
  /**
   * Writes on a thread of its own, with files of its own on the machine's disk: the event loop takes requests meanwhile.
   * Default: no.
   */
  readonly threaded?: boolean
}

export interface SqliteBus extends Bus {
  /** Bytes of the database. */
  readonly bytes: number
  /** As the directory has them, whatever the settings say. */
  readonly lanes: number
  /** The offset that the next record of the topic gets. */
  head(topic: string): number
  /**
   * Removes chunks written before `before` (milliseconds since 1970) that every group has settled, step by step until `over`
   * aborts. A chunk with a stamp after now, when the wall clock was ahead, goes with those written after it. Returns how many
   * records.
   */
  trim(before: number, over?: AbortSignal): Promise<number>
}

export const SQLITE_FEATURES: Features = {
  name: 'sqlite',
  persistent: true,
  rebalances: true,
  shared: false,
  keepsSettledAbove: true,
}

export interface Files extends LogFile {
  readonly path: string
  readonly anchor: Anchor
}

export class SqliteLogBus implements SqliteBus {
  readonly features = SQLITE_FEATURES
  readonly #options: SqliteBusOptions
  readonly #db: DatabaseSync
  readonly #tables: Tables
  readonly #anchor: Anchor
  readonly #committer: Committer
  #writer: Writer
  readonly #lanes: number
  readonly #topics = new Map<string, Held>()
  /** Of topics. Some have none in the database yet, so that how many there are says nothing. */
  #lastNumber = 0
  #closed = false

  constructor(options: SqliteBusOptions, { db, path, tables, anchor }: Files) {
    const { disk = realDisk, lanes = LANES, clock, notify } = options
    this.#options = options
    this.#db = db
    this.#tables = tables
    this.#lanes = tables.topics()[0]?.ends.length ?? tables.setting('lanes', lanes)
    this.#anchor = anchor
    const writer = new LogWriter({ ...options, db, tables, anchor, disk })
    const turn = () => clock.sleep(0)
    this.#writer = writeInline({ writer, turn, onFailure: (thrown) => this.#committer.fail(thrown) })
    this.#committer = new Committer({
      writer: { write: (change) => this.#writer.write(change), close: () => this.#writer.close() },
      path,
      clock,
      heads: (changed) => this.#heads(changed),
      isFollowed: (log) => this.#topics.get(log.name)?.topic.isFollowed ?? false,
      onStored: (log) => this.#topics.get(log.name)?.topic.wake(),
      onFatal: (error) => this.#fail(error),
      notify,
    })
  }

  /** Reads what is there and compares it with the anchor; afterwards both say the same. */
  async recover(accepted: readonly Damage[]): Promise<void> {
    const { heads } = this.#anchor
    const kept = new Set(this.#tables.topics().map(({ number }) => number))
    for (const row of topicRows(this.#tables, heads ?? new Map(), this.#lanes))
      this.#hold(row, kept.has(row.number))
    const damages = joinDamages([...this.#topics.values()].flatMap((held) => this.#check(held, accepted)))
    const refused = damages.filter((damage) => !isAccepted(damage, accepted))
    if (refused.length > 0) throw damaged(refused)
    for (const damage of damages) this.#lose(damage)
    await this.#settle(damages)
    for (const { log, topic } of this.#topics.values())
      for (const group of topic.groups) if (!group.isCounted) group.recount(log)
    let records = 0
    for (const { log } of this.#topics.values()) {
      records += log.head - log.first
      if (this.#tables.hasRewound(log.row.number)) this.#options.notify('bus.rewound', { topic: log.name })
    }
    this.#options.notify('bus.recovered', { records, topics: this.#topics.size })
  }

  /** From here on another thread writes, and this one only reads. */
  moveWriter(): void {
    const { directory, maxBytes, checkpointBytes } = this.#options
    this.#anchor.close()
    const onFatal = (error: SluiceError) => this.#committer.fail(error)
    this.#writer = writeOnThread({ directory, maxBytes, checkpointBytes }, onFatal)
  }

  /** All that is unsettled, as far as time allows; all that is kept, where a loss is to be accepted. */
  #check({ log, topic }: Held, accepted: readonly Damage[]): readonly Damage[] {
    const { heads } = this.#anchor
    const anchored = heads && (heads.get(log.name) ?? { first: 0, head: 0, chain: 0 })
    const whole = accepted.length > 0
    const from = whole || !topic.hasGroups ? log.first : Math.max(log.first, topic.floor)
    return [...checkAnchor(log, anchored), ...checkChunks(log, { from, whole, clock: this.#options.clock })]
  }

  /** What was lost becomes a gap that is named and counted; later records go on above it. */
  #lose(damage: Damage): void {
    this.#topic(damage.topic).log.lose(damage)
    this.#options.notify('bus.lost', { offsets: nameOf(damage), count: damage.to - damage.from + 1 })
  }

  /** Makes durable what recovery found out, so that the next start finds it as it is. */
  async #settle(damages: readonly Damage[]): Promise<void> {
    const changed = [...this.#topics.values()].filter(
      ({ log }) => (!log.stored && log.head > 0) || damages.some(({ topic }) => topic === log.name),
    )
    for (const { log, topic } of changed) for (const group of topic.groups) group.recount(log)
    const topics = changed.map(({ log }) => log.row)
    const gaps = changed.map(({ log }) => [log.row.number, log.gaps] as const)
    const adopt = () => {
      for (const { log } of changed) log.stored = true
    }
    const groups = changed.flatMap(groupsOf)
    await this.#committer.exclusive(() => ({ change: { topics, gaps }, adopt, groups }))
  }

  /** Not async: the records, which are made into text at once where there are many, would be kept until the disk has them. */
  publish(topic: string, records: readonly BusRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(shut())
    return records.length === 0 ? Promise.resolve() : this.#committer.publish(this.#topic(topic).log, records)
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

  head(topic: string): number {
    return this.#topic(topic).log.head
  }

  get lanes(): number {
    return this.#lanes
  }

  get bytes(): number {
    const pages = Number(this.#db.prepare('PRAGMA page_count').get()?.page_count)
    return pages * 4096
  }

  async trim(before: number, over?: AbortSignal): Promise<number> {
    const { clock, notify } = this.#options
    const isOver = () => this.#closed || (over?.aborted ?? false)
    const trimmer = new Trimmer({ tables: this.#tables, committer: this.#committer, clock, isOver })
    let removed = 0
    for (const held of this.#topics.values()) removed += await trimmer.trim(held, before)
    if (removed > 0) notify('bus.trimmed', { count: removed })
    return removed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const { topic } of this.#topics.values()) await topic.close()
    await this.#committer.flush()
    await this.#writer.close()
    if (this.#db.isOpen) this.#db.close()
  }

  #topic(name: string): Held {
    const known = this.#topics.get(name)
    if (known) return known
    this.#lastNumber += 1
    const ends = new Array<number>(this.#lanes).fill(0)
    return this.#hold({ number: this.#lastNumber, name, first: 0, head: 0, chain: 0, ends }, false)
  }

  #hold(row: TopicRow, stored: boolean): Held {
    const { clock, notify } = this.#options
    const log = new SqliteLog(this.#tables, row, stored)
    const groups = this.#tables.groups(row.number)
    const persist = (group: Group) => this.#committer.persist(log, group)
    const held = { log, topic: new Topic({ name: row.name, log, groups, persist, clock, notify }) }
    this.#topics.set(row.name, held)
    this.#lastNumber = Math.max(this.#lastNumber, row.number)
    return held
  }

  #heads(changed: readonly TopicRow[]): Heads {
    const rows = [...[...this.#topics.values()].map(({ log }) => log.row), ...changed]
    const heads = rows.filter(({ head }) => head > 0)
    return new Map(heads.map(({ name, first, head, chain }) => [name, { first, head, chain }]))
  }

  #fail(error: SluiceError): void {
    for (const { topic } of this.#topics.values()) topic.fail(error)
    this.#options.onFatal(error)
  }

  #assertOpen(): void {
    if (this.#closed) throw shut()
  }
}

const shut = () => new SluiceError('shutting_down', 'The bus is closed.')
