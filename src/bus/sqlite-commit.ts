/**
 * Group commit: what callers publish and settle within one turn of the event loop, or while the commit before runs,
 * becomes durable in one transaction with one fsync. Nobody waits for company: a lone caller's commit starts in the
 * same turn.
 *
 * Faults (promise P1): a full disk refuses what was to be published and stores what was settled; any other error of the
 * disk leaves in doubt what is stored, so from then on everything is refused and the owner is told to stop.
 */
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, isShortage, SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { BusRecord } from '../core/record.ts'
import { isFatal } from '../sqlite/database.ts'
import { isFull } from '../sqlite/space.ts'
import type { Group } from './group.ts'
import type { Heads } from './sqlite-anchor.ts'
import { type Chains, type Change, NO_CHANGE } from './sqlite-change.ts'
import type { Draft, Drafted, SqliteLog } from './sqlite-log.ts'
import { encodeAll, type Publication, publicationOf } from './sqlite-publication.ts'
import type { TopicRow } from './sqlite-tables.ts'
import type { Writer } from './sqlite-writer.ts'

/**
 * One transaction takes whole publications until it has this much: 20 ms of what is left to do on the event loop, where large
 * ones are encoded before their turn, and one of the two commits that a round of settlement takes.
 */
const RECORDS = 16_384
const SIZE = 8 * 1024 * 1024

export type Dirty = readonly [group: Group, log: SqliteLog]

/** Other work, in a transaction of its own. */
export interface Chore {
  readonly change: Partial<Change>
  /** Called when it is stored. */
  readonly adopt: () => void
  /** How far these are is stored with it. */
  readonly groups: readonly Dirty[]
}

interface WaitingChore {
  readonly begin: () => Chore | undefined
  readonly done: PromiseWithResolvers<void>
}

/** What one commit stores. */
interface Round {
  /** Emptied when they are drafted: while the disk works, their records would only be moved about in memory. */
  readonly publications: Publication[]
  /** Of all who wait for what they published. */
  readonly published: readonly PromiseWithResolvers<void>[]
  readonly groups: readonly Dirty[]
  /** Of all who wait for what they settled. */
  readonly saved: PromiseWithResolvers<void>
}

export interface CommitterOptions {
  readonly writer: Writer
  readonly path: string
  readonly clock: Clock
  /** What the anchor is to say when these topics have changed. */
  readonly heads: (changed: readonly TopicRow[]) => Heads
  /** Whether somebody reads the log as it grows. */
  readonly isFollowed: (log: SqliteLog) => boolean
  /** Readers of the log may look. */
  readonly onStored: (log: SqliteLog) => void
  readonly onFatal: (error: SluiceError) => void
  readonly notify: Notify
}

export class Committer {
  readonly #options: CommitterOptions
  #publications: Publication[] = []
  #chores: WaitingChore[] = []
  readonly #groups = new Map<Group, SqliteLog>()
  #saved = unheard()
  #running: Promise<void> | undefined
  /** Why nothing was stored the last time, so that it is told once. */
  #refusing: ErrorCode | undefined
  #failure: SluiceError | undefined

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /** Resolves when the records are durable. Throws `storage_full`, `too_many_files` or `storage_failed`. */
  publish(log: SqliteLog, records: readonly BusRecord[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    const publication = publicationOf(log, records, this.#options.isFollowed(log))
    this.#publications.push(publication)
    this.#begin()
    return publication.stored.promise
  }

  /** Resolves when what the group has settled is durable. Throws as `publish`. */
  persist(log: SqliteLog, group: Group): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (!group.dirty) return Promise.resolve()
    this.#groups.set(group, log)
    this.#begin()
    return this.#saved.promise
  }

  /**
   * Does a chore, which may use the reserve, between two commits: `begin` is asked for it then, and may find that there is
   * none. Resolves when it is stored. Throws as `publish`.
   */
  exclusive(begin: () => Chore | undefined): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    const done = Promise.withResolvers<void>()
    this.#chores.push({ begin, done })
    this.#begin()
    return done.promise
  }

  /** Resolves when all that waits is stored. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** An error of the disk that no commit has met. */
  fail(thrown: unknown): void {
    this.#fail(thrown)
  }

  get #waits(): boolean {
    return this.#publications.length + this.#chores.length + this.#groups.size > 0
  }

  #begin(): void {
    this.#running ??= this.#run()
  }

  /** One commit at a time: each needs to know where the one before ended. */
  async #run(): Promise<void> {
    do {
      await this.#options.clock.sleep(0)
      const chore = this.#chores.shift()
      if (chore) await this.#work(chore)
      else if (this.#waits) await this.#commit(this.#take())
    } while (this.#waits)
    this.#running = undefined
  }

  async #work({ begin, done }: WaitingChore): Promise<void> {
    try {
      const chore = begin()
      if (chore) {
        const { change, groups, adopt } = chore
        const topics = change.topics ?? []
        const heads = this.#options.heads(topics)
        await this.#write({ ...NO_CHANGE, ...change, topics, heads, spends: true }, groups)
        adopt()
      }
      done.resolve()
    } catch (thrown) {
      done.reject(isFull(thrown) ? thrown : this.#fail(thrown))
    }
  }

  async #commit({ publications, published, groups, saved }: Round): Promise<void> {
    try {
      const refusal = await this.#store(publications, groups)
      for (const { resolve, reject } of published) refusal ? reject(refusal) : resolve()
      if (refusal) await this.#write({ ...NO_CHANGE, spends: true }, groups)
      saved.resolve()
    } catch (thrown) {
      const error = isFull(thrown) ? thrown : this.#fail(thrown)
      for (const { reject } of published) reject(error)
      saved.reject(error)
    }
  }

  #take(): Round {
    let taken = 0
    let records = 0
    let size = 0
    for (const publication of this.#publications) {
      if (records >= RECORDS || size >= SIZE) break
      taken += 1
      records += publication.count
      size += publication.size
    }
    const publications = this.#publications.splice(0, taken)
    const round = {
      publications,
      published: publications.map(({ stored }) => stored),
      groups: [...this.#groups],
      saved: this.#saved,
    }
    this.#groups.clear()
    this.#saved = unheard()
    return round
  }

  /** One draft for each topic, its publications in the order in which they came. */
  #draft(publications: readonly Publication[]): Draft[] {
    const { clock, isFollowed } = this.#options
    const at = clock.now()
    return [...Map.groupBy(publications, ({ log }) => log)].map(([log, all]) =>
      log.draft(encodeAll(log, all, isFollowed(log)), at),
    )
  }

  /**
   * Returns the refusal when there is no space, in which case nothing is stored. Not async, nor is what it calls: the chunks,
   * which the writer has, would be kept until it has written them.
   */
  #store(publications: Publication[], groups: readonly Dirty[]): Promise<SluiceError | undefined> {
    const drafts = this.#draft(publications.splice(0))
    const topics = drafts.map(({ row }) => row)
    const chunks = drafts.flatMap(({ row, chunks }) => chunks.map((chunk) => [row.number, chunk] as const))
    const heads = drafts.length > 0 ? this.#options.heads(topics) : undefined
    const drafted = drafts.map(({ log, row, stretches }) => ({ log, row, stretches }))
    return this.#write({ ...NO_CHANGE, chunks, topics, heads }, groups).then(
      (chains) => this.#adopt(drafted, chains),
      (thrown) => {
        if (isShortage(thrown)) return this.#refusal(thrown)
        throw thrown
      },
    )
  }

  #adopt(drafted: readonly Drafted[], chains: Chains): undefined {
    if (drafted.length > 0) this.#refusing = undefined
    for (const draft of drafted) {
      draft.log.adopt(draft, chains.get(draft.row.number) ?? draft.row.chain)
      this.#options.onStored(draft.log)
    }
  }

  /** What is settled while this is written belongs to the next commit. What could not be written is dirty again. */
  #write(change: Change, groups: readonly Dirty[]): Promise<Chains> {
    const fresh = [...new Set(groups.map(([, log]) => log))].filter(({ stored }) => !stored)
    const written = new Set(change.topics.map(({ number }) => number))
    const topics = fresh.map(({ row }) => row).filter(({ number }) => !written.has(number))
    const states = groups.map(([group, log]) => [log.row.number, group.state()] as const)
    for (const log of fresh) log.stored = true
    for (const [group] of groups) group.dirty = false
    const all = { ...change, topics: [...change.topics, ...topics], groups: states }
    return this.#options.writer.write(all).catch((thrown) => {
      for (const log of fresh) log.stored = false
      for (const [group] of groups) group.dirty = true
      throw thrown
    })
  }

  #refusal(shortage: SluiceError): SluiceError {
    const { code } = shortage
    const notice = code === 'storage_full' ? 'bus.full' : 'bus.out_of_files'
    if (this.#refusing !== code) this.#options.notify(notice, { path: this.#options.path })
    this.#refusing = code
    return shortage
  }

  #fail(thrown: unknown): SluiceError {
    if (this.#failure) return this.#failure
    const error = failureOf(thrown)
    this.#failure = error
    for (const { stored } of this.#publications.splice(0)) stored.reject(error)
    for (const { done } of this.#chores.splice(0)) done.reject(error)
    this.#groups.clear()
    this.#saved.reject(error)
    this.#options.notify('bus.failed', { code: error.code, detail: error.message })
    this.#options.onFatal(error)
    return error
  }
}

/** A promise that may be rejected without anybody waiting for it. */
function unheard(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>()
  resolvers.promise.catch(() => {})
  return resolvers
}

function failureOf(thrown: unknown): SluiceError {
  if (isFatal(thrown)) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new SluiceError('storage_failed', message, { cause: thrown })
}
