/** The status page: what bus, ledger and delivery know, put together, with rates over the last seconds. */
import type { Conservation } from '../core/outcome.ts'
import { TOPICS } from '../core/record.ts'
import type { Backlog, Status, Upstream } from './status.ts'

export interface BoardSources {
  conservation(): Promise<Conservation>
  /** When the oldest pending operation was received, milliseconds since 1970. */
  oldestAt(): Promise<number | undefined>
  upstream(): Upstream
  dead(): Promise<Status['dead']>
  inbox(): Promise<Status['inbox']>
  log(): Status['log']
  /** Wall and monotonic milliseconds. */
  now(): number
  mono(): number
}

export type BoardFacts = Pick<Status, 'version' | 'env' | 'roles'>

interface Sample {
  readonly at: number
  readonly accepted: number
  readonly ended: number
}

/** Rates are told over this many samples; the composition takes one a second. */
const SAMPLES = 5

export class Board {
  readonly #facts: BoardFacts
  readonly #sources: BoardSources
  readonly #startedAt: number
  /** The same on the clock that never steps back. */
  readonly #startedMono: number
  readonly #samples: Sample[] = []

  constructor(facts: BoardFacts, sources: BoardSources) {
    this.#facts = facts
    this.#sources = sources
    this.#startedAt = sources.now()
    this.#startedMono = sources.mono()
  }

  /** To be called about once a second. */
  async sample(): Promise<void> {
    const { accepted, pending } = await this.#sources.conservation()
    this.#samples.push({ at: this.#sources.mono(), accepted, ended: accepted - pending })
    if (this.#samples.length > SAMPLES + 1) this.#samples.shift()
  }

  /** Null when nothing waits. */
  async oldestAgeSeconds(): Promise<number | null> {
    return this.#ageOf(await this.#sources.oldestAt())
  }

  async status(): Promise<Status> {
    const sources = this.#sources
    const [conservation, oldestAt, dead, inbox] = await Promise.all([
      sources.conservation(),
      sources.oldestAt(),
      sources.dead(),
      sources.inbox(),
    ])
    return {
      ...this.#facts,
      started_at: new Date(this.#startedAt).toISOString(),
      uptime_s: Math.round((sources.mono() - this.#startedMono) / 1000),
      upstream: sources.upstream(),
      conservation,
      backlog: this.#backlog({ ...conservation, pending: conservation.pending - sendsIn(inbox) }, oldestAt),
      inbox,
      dead,
      log: sources.log(),
    }
  }

  #backlog({ pending, accepted }: Conservation, oldestAt: number | undefined): Backlog {
    const first = this.#samples[0]
    const seconds = first === undefined ? 0 : (this.#sources.mono() - first.at) / 1000
    const perSecond = (now: number, then: number) => (seconds < 0.5 ? 0 : (now - then) / seconds)
    const inPerS = perSecond(accepted, first?.accepted ?? accepted)
    const outPerS = perSecond(accepted - pending, first?.ended ?? accepted - pending)
    return {
      pending,
      oldest_age_s: this.#ageOf(oldestAt),
      in_per_s: round(inPerS),
      out_per_s: round(outPerS),
      drains_in_s: drainsIn(pending, outPerS - inPerS),
    }
  }

  #ageOf(at: number | undefined): number | null {
    return at === undefined ? null : Math.max(0, (this.#sources.now() - at) / 1000)
  }
}

/** Sends are pending, and no backlog: nothing drains them yet. */
const sendsIn = (inbox: Status['inbox']): number =>
  inbox.find(({ topic }) => topic === TOPICS.transactional)?.pending ?? 0

const round = (value: number): number => Math.round(value * 10) / 10

function drainsIn(pending: number, netPerSecond: number): number | null {
  if (pending === 0) return 0
  return netPerSecond > 0 ? Math.ceil(pending / netPerSecond) : null
}
