/**
 * The one way in: drafts of a source become records on the bus, or repeats of what is there already.
 *
 * Order (promise P3). Between the arrival of a request and its publishing lie three questions: was it said before, which
 * key orders it, which keys are one person. Each may wait for a store, and a request that waits longer must not be
 * overtaken by a later one about the same person. So requests pass these questions in one line. Whoever arrives while
 * the line is busy is gathered, and the next group asks once for all, so that the line costs no throughput: the slower
 * a store, the larger the groups. Publishing is begun in the order of the line and not waited for there: the bus keeps
 * the order in which it was called.
 *
 * A group that makes links is waited for, and published at once, whole: the operation that holds both keys must lie in the
 * log before anything goes by the new one. A link that was durable first, and whose operation a full disk then refused or a
 * crash cut off, would let later operations overtake what still waits under the old key. The other way round the link is owed,
 * and nothing is placed before it is written: by this process, or by the next one, to which the log says it (owed-links.ts).
 * Who made a link for which there is no room is therefore answered: her operations are stored, and must not be said again.
 */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, isShortage } from '../core/errors.ts'
import type { Feed } from '../core/feed.ts'
import type { Notify } from '../core/notices.ts'
import { KINDS } from '../core/operation.ts'
import { type BusRecord, HEADER, type Headers, TOPICS } from '../core/record.ts'
import type { Ulids } from '../core/ulid.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Link, People } from '../people/people.ts'
import { type Claims, Dedupe, type Earlier, type Recalled } from './dedupe.ts'
import type { Draft } from './draft.ts'
import { Keys } from './keys.ts'
import { markOf, withSpan } from './owed-links.ts'
import { makeRecord } from './placed.ts'
import { Refusing } from './refusing.ts'
import { type Operation, stamp } from './stamp.ts'

export interface IntakeOptions {
  readonly bus: Pick<Bus, 'publish'>
  readonly ledger: Pick<Ledger, 'seen' | 'remember'>
  readonly people: Pick<People, 'resolve' | 'link'>
  readonly clock: Clock
  readonly ulids: Ulids
  readonly feed: Feed
  readonly notify: Notify
}

/** Where a request came from. */
export interface Origin {
  readonly source: string
  readonly correlationId: string
  readonly idempotencyKey?: string | undefined
  /** Where each draft stands in the request; unless told, nothing was refused before it. */
  readonly places?: readonly number[]
}

/** One request in the line. What it says is let go of early: while the disk works, it would only be moved about in memory. */
interface Visit {
  /** Until they are placed. */
  operations: readonly Operation[]
  readonly origin: Origin
  readonly at: number
  readonly stored: PromiseWithResolvers<void>
  /** The id of each operation, in their order; of a repeat, the id that the first one received. */
  readonly ids: string[]
  /** What is new; until it is published, where nobody watches. */
  records: readonly BusRecord[]
  /** How many are new. */
  count: number
  /** What most of its records say: one object for all of them. */
  readonly headers: Headers
  /** Of earlier requests that this one repeats, until they are stored. */
  readonly awaited: Promise<void>[]
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #dedupe: Dedupe
  readonly #refusing: Refusing
  #line: Visit[] = []
  /** Of what lies in the log: to be written before anything else is placed. */
  #owed: readonly Link[] = []
  /** By what the next process would know that they are written. */
  #mark: string | undefined
  #moving = false

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#dedupe = new Dedupe(options.ledger, (thrown) =>
      options.notify('ingest.forgot', { detail: String(thrown) }),
    )
    this.#refusing = new Refusing(options.clock)
  }

  /** Why nothing is taken now, as far as what came last tells; undefined where it was taken. */
  get refusing(): ErrorCode | undefined {
    return this.#refusing.reason
  }

  /**
   * Resolves, when all of it is durable (promise P1), with the id of each operation in the order of the drafts. Throws
   * what the bus and the stores throw, `storage_full` and `storage_failed` among it: then none of what is new in the
   * request is known to be stored, and the client repeats it.
   */
  accept(drafts: readonly Draft[], origin: Origin): Promise<readonly string[]> {
    return drafts.length === 0 ? Promise.resolve([]) : this.#whenStored(this.#enter(drafts, origin))
  }

  async #whenStored(visit: Visit): Promise<readonly string[]> {
    try {
      await visit.stored.promise
      if (visit.awaited.length > 0) await Promise.all(visit.awaited)
    } catch (thrown) {
      this.#refusing.refused(thrown)
      throw thrown
    }
    if (visit.count > 0) this.#refusing.stored()
    this.#tell(visit)
    return visit.ids
  }

  /** Resolves when the ledger knows all that was accepted. To be called before it is closed, when no request is open. */
  idle(): Promise<void> {
    return this.#dedupe.idle()
  }

  #enter(drafts: readonly Draft[], origin: Origin): Visit {
    const { clock, ulids } = this.#options
    const { source, correlationId, idempotencyKey, places } = origin
    const at = clock.now()
    const headers = { [HEADER.source]: source, [HEADER.correlationId]: correlationId }
    const arrival = { source, at, idempotencyKey, headers, ulids }
    const operations = drafts.map((draft, index) => stamp(draft, places?.[index] ?? index, arrival))
    const stored = Promise.withResolvers<void>()
    const visit = { operations, origin, at, stored, ids: [], records: [], count: 0, headers, awaited: [] }
    this.#line.push(visit)
    if (!this.#moving) void this.#move()
    return visit
  }

  async #move(): Promise<void> {
    this.#moving = true
    while (this.#line.length > 0) {
      const group = this.#line
      this.#line = []
      await this.#admit(group).catch((thrown) => {
        for (const { stored } of group) stored.reject(thrown)
      })
    }
    this.#moving = false
  }

  async #admit(group: readonly Visit[]): Promise<void> {
    const { bus, feed } = this.#options
    if (this.#owed.length > 0) await this.#link()
    const resolving = this.#resolve(group)
    const [recalled, keys] = group.some(mayRepeat)
      ? await Promise.all([this.#recall(group), resolving])
      : [NOBODY, await resolving]
    for (const [i, visit] of group.entries()) this.#place(visit, recalled[i] ?? NOTHING, keys)
    if (keys.links.length > 0) return this.#publishAndLink(group, keys)
    for (const visit of group) {
      const { records, stored } = visit
      if (records.length === 0) stored.resolve()
      else bus.publish(TOPICS.events, records).then(stored.resolve, stored.reject)
      if (!feed.watched) visit.records = []
    }
  }

  #recall(group: readonly Visit[]): Promise<readonly Recalled[]> {
    return Promise.all(group.map(({ origin, operations }) => this.#dedupe.recall(origin.source, operations)))
  }

  async #publishAndLink(group: readonly Visit[], { links }: Keys): Promise<void> {
    const records = group.flatMap(({ records }) => records)
    await this.#options.bus.publish(TOPICS.events, withSpan(records))
    this.#owed = links
    this.#mark = markOf(records)
    await this.#link().catch((thrown) => {
      if (!isShortage(thrown)) throw thrown
    })
    for (const { stored } of group) stored.resolve()
  }

  async #link(): Promise<void> {
    const { people } = this.#options
    await Promise.all(this.#owed.map(({ key, canonical }) => people.link(key, canonical, this.#mark)))
    this.#owed = []
  }

  /** Only people have several keys, and an anonymous_id may be one of them; forms and segments name some. */
  async #resolve(group: readonly Visit[]): Promise<Keys> {
    const asked: string[] = []
    for (const { operations } of group)
      for (const { kind, key, others } of operations) {
        if (!OF_PEOPLE.has(kind)) continue
        asked.push(key)
        for (const other of others) asked.push(other)
      }
    const found = await this.#options.people.resolve(asked)
    const roots = new Map<string, string>()
    for (let i = 0; i < asked.length; i += 1) {
      const [key = '', root = key] = [asked[i], found[i]]
      if (root !== key) roots.set(key, root)
    }
    return new Keys(roots)
  }

  /** Sorts a request into what is new and what was said before. */
  #place(visit: Visit, recalled: Recalled, keys: Keys): void {
    const { origin, at, stored, ids, awaited } = visit
    const claims: Claims = new Map()
    const records: BusRecord[] = []
    for (const operation of visit.operations) {
      const { id, seenAs } = operation
      const own = seenAs === undefined ? undefined : claims.get(seenAs)
      const earlier = seenAs === undefined ? undefined : this.#earlier(origin.source, seenAs, recalled)
      if (earlier !== undefined) awaited.push(earlier.stored)
      ids.push(own ?? earlier?.id ?? id)
      if (own !== undefined || earlier !== undefined) continue
      if (seenAs !== undefined) claims.set(seenAs, id)
      records.push(makeRecord(operation, keys.place(operation), visit))
    }
    visit.operations = []
    visit.records = records
    visit.count = records.length
    this.#dedupe.hold(origin.source, claims, { at, stored: stored.promise })
  }

  /** What was known when it was asked for, or is held since, by a request of the same group. */
  #earlier(source: string, seenAs: string, recalled: Recalled): Earlier | undefined {
    return recalled.get(seenAs) ?? this.#dedupe.held(source, seenAs)
  }

  #tell({ ids, records, count, origin, at }: Visit): void {
    const { feed, notify } = this.#options
    const { source, correlationId } = origin
    const repeated = ids.length - count
    if (count > 0) notify('ingest.accepted', { source, count })
    if (repeated > 0) notify('ingest.repeated', { source, count: repeated })
    if (!feed.watched || records.length === 0) return // what came before anyone watched is not told
    feed.tell(
      records.map(({ id, key, kind }) => ({ at, what: 'accepted', id, key, kind, source, correlationId })),
    )
  }
}

const OF_PEOPLE: ReadonlySet<string> = new Set(
  Object.keys(KINDS).filter((kind) => /^(person|anonymous|segment|form)\./.test(kind)),
)

const NOTHING: Recalled = new Map()
const NOBODY: readonly Recalled[] = []

/** Most requests have nothing by which a repeat of them would be known, and ask no store whether they are one. */
const mayRepeat = ({ operations }: Visit): boolean => operations.some(({ seenAs }) => seenAs !== undefined)
