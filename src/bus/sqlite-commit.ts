/**
 * Group commit: what callers publish and settle within one turn of the event loop, or while the commit before runs,
 * becomes durable in one transaction with one fsync. Nobody waits for company: a lone caller's commit starts in the
 * same turn.
 *
 * Faults (promise P1): a full disk refuses what was to be published and stores what was settled; any other error of the
 * disk leaves in doubt what is stored, so from then on everything is refused and the owner is told to stop.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import { toStorageError, transaction } from '../sqlite/database.ts'
import type { Group } from './group.ts'
import type { Draft, SqliteLog } from './sqlite-log.ts'
import { isFull, type Space } from './sqlite-space.ts'
import type { Tables } from './sqlite-tables.ts'
import { sizeOf } from './stretch.ts'

/** One transaction takes whole publications until it has this much: at 2 us a record it holds the event loop for 20 ms. */
const RECORDS = 8192
const SIZE = 4 * 1024 * 1024
/** With about 1000 pages in the WAL, as is SQLite's own habit. */
const CHECKPOINT_SIZE = 4 * 1024 * 1024
/** What a commit writes to the WAL beside its records: a few pages of 4096 bytes. */
const COMMIT_SIZE = 16 * 1024

interface Publication {
  readonly log: SqliteLog
  readonly records: readonly BusRecord[]
  readonly stored: PromiseWithResolvers<void>
}

export type Dirty = readonly [group: Group, log: SqliteLog]

interface Exclusive {
  readonly work: () => void
  readonly adopt: () => void
}

/** What one commit stores. */
interface Round {
  readonly publications: readonly Publication[]
  readonly groups: readonly Dirty[]
  /** Of all who wait for what they settled. */
  readonly saved: PromiseWithResolvers<void>
}

export interface CommitterOptions {
  readonly db: DatabaseSync
  readonly path: string
  readonly tables: Tables
  readonly space: Space
  readonly clock: Clock
  /** A checkpoint comes after this many characters. Default 4 MB. */
  readonly checkpointBytes: number | undefined
  /** Writes the anchor; what it throws is an error of the disk. */
  readonly anchor: () => void
  /** Readers of the log may look. */
  readonly onStored: (log: SqliteLog) => void
  readonly onFatal: (error: SluiceError) => void
  readonly notify: Notify
}

export class Committer {
  readonly #options: CommitterOptions
  #publications: Publication[] = []
  readonly #groups = new Map<Group, SqliteLog>()
  #saved = unheard()
  #scheduled = false
  #full = false
  #failure: SluiceError | undefined
  /** Characters written since the last checkpoint, roughly. */
  #written = 0

  constructor(options: CommitterOptions) {
    this.#options = options
    // SQLite's own checkpoint keeps its errors to itself, even a failed fsync.
    options.db.exec('PRAGMA wal_autocheckpoint = 0')
  }

  /** Resolves when the records are durable. Throws `storage_full` or `storage_failed`. */
  publish(log: SqliteLog, records: readonly BusRecord[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    const stored = Promise.withResolvers<void>()
    this.#publications.push({ log, records, stored })
    this.#schedule()
    return stored.promise
  }

  /** Resolves when what the group has settled is durable. Throws as `publish`. */
  persist(log: SqliteLog, group: Group): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (!group.dirty) return Promise.resolve()
    this.#groups.set(group, log)
    this.#schedule()
    return this.#saved.promise
  }

  /**
   * Does other work in a transaction of its own, which may use the reserve, together with how far these groups are. When
   * it is stored, `adopt` is called and the anchor written. Throws as `publish`.
   */
  exclusive({ work, adopt }: Exclusive, groups: readonly Dirty[]): void {
    if (this.#failure) throw this.#failure
    try {
      this.#options.space.spend(() => this.#write(work, groups))
      adopt()
      this.#options.anchor()
    } catch (thrown) {
      throw isFull(thrown) ? thrown : this.#fail(thrown)
    }
  }

  /** Stores everything that waits. */
  flush(): void {
    while (this.#publications.length > 0 || this.#groups.size > 0) this.#commit()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    void this.#options.clock.sleep(0).then(() => {
      this.#scheduled = false
      if (this.#publications.length > 0 || this.#groups.size > 0) this.#commit()
      if (this.#publications.length > 0) this.#schedule()
    })
  }

  #commit(): void {
    const round = this.#take()
    try {
      const refusal = this.#store(round)
      for (const { stored } of round.publications) refusal ? stored.reject(refusal) : stored.resolve()
      if (refusal) this.#options.space.spend(() => this.#write(() => {}, round.groups))
      round.saved.resolve()
    } catch (thrown) {
      const error = isFull(thrown) ? thrown : this.#fail(thrown)
      for (const { stored } of round.publications) stored.reject(error)
      round.saved.reject(error)
    }
    if (this.#written > (this.#options.checkpointBytes ?? CHECKPOINT_SIZE))
      void this.#options.clock.sleep(0).then(() => this.#checkpoint())
  }

  #take(): Round {
    let count = 0
    let records = 0
    let size = 0
    for (; count < this.#publications.length && records < RECORDS && size < SIZE; count += 1)
      for (const { value } of this.#publications[count]?.records ?? []) {
        records += 1
        size += value.length
      }
    const round = {
      publications: this.#publications.splice(0, count),
      groups: [...this.#groups],
      saved: this.#saved,
    }
    this.#groups.clear()
    this.#saved = unheard()
    return round
  }

  /** Returns the refusal when there is no space, in which case nothing is stored. */
  #store({ publications, groups }: Round): SluiceError | undefined {
    if (publications.length > 0 && !this.#options.space.ready()) return this.#refusal()
    const drafts = draft(publications, this.#options.clock.now())
    try {
      this.#write(() => this.#insert(drafts), groups)
    } catch (thrown) {
      if (isFull(thrown)) return this.#refusal(thrown)
      throw thrown
    }
    if (drafts.length > 0) this.#adopt(drafts)
    return undefined
  }

  #insert(drafts: readonly Draft[]): void {
    const { tables } = this.#options
    for (const { chunks, row } of drafts) {
      for (const chunk of chunks) tables.addChunk(row.number, chunk)
      tables.saveTopic(row)
    }
  }

  #write(work: () => void, groups: readonly Dirty[]): void {
    const { tables } = this.#options
    this.#transact(() => {
      for (const [group, log] of groups) {
        if (!log.stored) tables.saveTopic(log.row)
        tables.saveGroup(log.row.number, group.state())
      }
      work()
    })
    for (const [group, log] of groups) {
      log.stored = true
      group.dirty = false
    }
  }

  #adopt(drafts: readonly Draft[]): void {
    for (const draft of drafts) draft.log.adopt(draft)
    this.#options.anchor()
    this.#full = false
    for (const { log, stretches } of drafts) {
      this.#written += stretches.reduce((size, stretch) => size + sizeOf(stretch), 0)
      this.#options.onStored(log)
    }
  }

  #transact<T>(work: () => T): T {
    this.#written += COMMIT_SIZE
    try {
      return transaction(this.#options.db, work)
    } catch (thrown) {
      throw toStorageError(thrown, this.#options.path)
    }
  }

  #refusal(cause?: unknown): SluiceError {
    if (!this.#full) this.#options.notify('bus.full', { path: this.#options.path })
    this.#full = true
    return cause instanceof SluiceError ? cause : new SluiceError('storage_full')
  }

  /** The disk may be full for it; then the WAL grows on, and it is tried again after the next commit. */
  #checkpoint(): void {
    const { db, path } = this.#options
    if (this.#failure || !db.isOpen) return
    try {
      db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      this.#written = 0
    } catch (thrown) {
      const error = toStorageError(thrown, path)
      if (!isFull(error)) this.#fail(error)
    }
  }

  #fail(thrown: unknown): SluiceError {
    if (this.#failure) return this.#failure
    const error = failureOf(thrown)
    this.#failure = error
    for (const { stored } of this.#publications.splice(0)) stored.reject(error)
    this.#groups.clear()
    this.#saved.reject(error)
    this.#options.notify('bus.failed', { code: error.code, detail: error.message })
    this.#options.onFatal(error)
    return error
  }
}

/** One draft for each topic, its publications in the order in which they came. */
function draft(publications: readonly Publication[], at: number): Draft[] {
  const topics = new Map<SqliteLog, BusRecord[]>()
  for (const { log, records } of publications) {
    const gathered = topics.get(log) ?? []
    for (const record of records) gathered.push(record)
    topics.set(log, gathered)
  }
  return [...topics].map(([log, records]) => log.draft(records, at))
}

/** A promise that may be rejected without anybody waiting for it. */
function unheard(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>()
  resolvers.promise.catch(() => {})
  return resolvers
}

function failureOf(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError && (thrown.code === 'storage_failed' || thrown.code === 'log_damaged'))
    return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new SluiceError('storage_failed', message, { cause: thrown })
}
