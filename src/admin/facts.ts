/** What the status page, the metrics and the conservation figure are made of: asked of bus, ledger and delivery. */
import type { Bus } from '../bus/bus.ts'
import { type Attempt, type Conservation, conserve } from '../core/outcome.ts'
import { type Received, TOPICS } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { localTopics, type Reader, reportOn } from './bus-report.ts'
import type { Status, Upstream, UpstreamState } from './status.ts'
import type { BusReport } from './wire.ts'

/** How delivery is; undefined where this process does not deliver. */
export interface DeliveryFacts {
  readonly breaker: UpstreamState
  readonly ratePerSecond: number
  /** The part of the ceiling that is this process's now. */
  readonly ceilingPerSecond: number
  readonly concurrency: number
  readonly inFlight: number
  /** Operations that the ledger counts and the bus does not yet. */
  readonly recorded: number
  readonly lastAttempt: Attempt | undefined
}

export interface FactSources {
  readonly bus: Pick<Bus, 'lag' | 'read' | 'features'>
  /** Undefined where the bus is not a file of this machine. */
  readonly log: { readonly bytes: number; readonly lanes: number } | undefined
  readonly ledger: Pick<Ledger, 'counts' | 'dead'>
  /** The group whose progress is delivery's. */
  readonly group: string
  /** The topics whose messages wait to become operations, each with the group that takes them. */
  readonly inbox: readonly Reader[]
  readonly delivery: () => DeliveryFacts | undefined
  /** Resolves when what the last process had ended is known: before, no figure of it would be true. Throws when it never will be. */
  readonly recovered: Promise<void>
  readonly upstream: { readonly url: string; readonly region: string; readonly ceiling: number }
}

/** Nobody reads it yet: its group stands at the beginning, so that nothing of it is ever removed. */
export const SENDS = { topic: TOPICS.transactional, group: 'messaging' } as const

/** How far `findPending` looks into the backlog: some seconds of reading. */
const LOOKED_AT = 200_000

export class Facts {
  readonly #from: FactSources

  constructor(from: FactSources) {
    this.#from = from
  }

  /** As the board and the gauges want them. */
  sources() {
    return {
      conservation: () => this.conservation(),
      oldestAt: async () => (await this.#lag()).oldestAt,
      dead: () => this.#dead(),
      log: () => this.#log(),
      inbox: () => this.#inbox(),
      upstream: () => this.#upstream(),
    }
  }

  async conservation(): Promise<Conservation> {
    const { bus, ledger, delivery, recovered } = this.#from
    await recovered
    const asked = Promise.all([this.#lag(), this.#sends(), ledger.counts()])
    const recorded = delivery()?.recorded ?? 0 // of the same moment as the answers: what is settled meanwhile is in neither
    const [lag, sends, counts] = await asked
    return conserve({ ...lag, ...counts, recorded, sends, shared: bus.features.shared })
  }

  async #sends(): Promise<number> {
    const { topic, group } = SENDS
    return (await this.#from.bus.lag(topic, group)).unsettled
  }

  #inbox(): Promise<Status['inbox']> {
    const { bus, inbox } = this.#from
    return Promise.all(
      [...inbox, SENDS].map(async ({ topic, group }) => ({
        topic,
        pending: (await bus.lag(topic, group)).unsettled,
      })),
    )
  }

  #log(): Status['log'] {
    const { log } = this.#from
    return log === undefined ? {} : { bytes: log.bytes }
  }

  /** The groups of this process, and the topics where they are its own. */
  report(): Promise<BusReport> {
    const { bus, group, inbox, log } = this.#from
    const readers = [{ topic: TOPICS.events, group }, ...inbox, SENDS]
    return reportOn(bus, readers, log === undefined ? [] : localTopics(log.lanes))
  }

  /** The record of an operation that has no outcome yet, if it is not too deep in the backlog. */
  async findPending(id: string): Promise<Received | undefined> {
    const starts = this.#starts((await this.#lag()).positions)
    const most = Math.ceil(LOOKED_AT / Math.max(1, starts.length))
    for (const start of starts) {
      const found = await this.#look(id, { ...start, most })
      if (found) return found
    }
    return undefined
  }

  /** On a cluster every lane counts by itself; an embedded log has one row of offsets for all. */
  #starts(positions: ReadonlyMap<number, number>): readonly { lane?: number; from: number }[] {
    if (this.#from.bus.features.shared) return [...positions].map(([lane, from]) => ({ lane, from }))
    return positions.size === 0 ? [] : [{ from: Math.min(...positions.values()) }]
  }

  async #look(
    id: string,
    { most, ...start }: { readonly lane?: number; readonly from: number; readonly most: number },
  ): Promise<Received | undefined> {
    let { from } = start
    for (let looked = 0; looked < most; ) {
      const records = await this.#from.bus.read(TOPICS.events, { ...start, from, limit: 1_000 })
      const found = records.find((record) => record.id === id)
      const last = records.at(-1)
      if (found || last === undefined) return found
      looked += records.length
      from = last.offset + 1
    }
    return undefined
  }

  #lag() {
    return this.#from.bus.lag(TOPICS.events, this.#from.group)
  }

  async #dead(): Promise<Status['dead']> {
    const { ledger } = this.#from
    const [waiting, { replaying }] = await Promise.all([ledger.dead.waiting(), ledger.counts()])
    return { waiting, replaying }
  }

  #upstream(): Upstream {
    const { url, region, ceiling } = this.#from.upstream
    const state = this.#from.delivery()
    const last = state?.lastAttempt
    return {
      url,
      region,
      state: state?.breaker ?? 'paused',
      rate_per_s: state?.ratePerSecond ?? 0,
      ceiling_per_s: state?.ceilingPerSecond ?? ceiling,
      concurrency: state?.concurrency ?? 0,
      in_flight: state?.inFlight ?? 0,
      last_status: last?.status ?? null,
      ...(last && last.code !== 'ok' ? { last_error: last.code } : {}),
    }
  }
}
