/** How a gateway is, on one page: the answer of GET /admin/v1/status, and what `sluice status` and a console show. */
import type { Conservation } from '../core/outcome.ts'

export interface Status {
  readonly version: string
  readonly env: string
  /** RFC 3339. */
  readonly started_at: string
  readonly uptime_s: number
  readonly roles: readonly string[]
  readonly upstream: Upstream
  readonly conservation: Conservation
  readonly backlog: Backlog
  /** Messages on the topics of the reference architecture that are no operations yet; sends wait for a later stage. */
  readonly inbox: readonly { readonly topic: string; readonly pending: number }[]
  readonly dead: { readonly waiting: number; readonly replaying: number }
  /** `bytes` is left out where the bus is not a file of this machine. */
  readonly log: { readonly bytes?: number }
}

/**
 * `closed` calls, `open` waits for Customer.io to recover, `half_open` tries whether it has, `credentials` waits for
 * credentials that it takes, `paused` is a process that does not deliver.
 */
export const UPSTREAM_STATES = ['closed', 'open', 'half_open', 'credentials', 'paused'] as const
export type UpstreamState = (typeof UPSTREAM_STATES)[number]

/** The way to Customer.io. */
export interface Upstream {
  readonly url: string
  readonly region: string
  readonly state: UpstreamState
  /** Calls a second: what is allowed now, and the most that ever is. */
  readonly rate_per_s: number
  readonly ceiling_per_s: number
  /** Calls at once: what is allowed now, and how many there are. */
  readonly concurrency: number
  readonly in_flight: number
  /** Of the last call: null when no answer came, or none was made yet. */
  readonly last_status: number | null
  /** A code of the error table, of the last call that failed, until one succeeds. */
  readonly last_error?: string
}

/** Operations that have no outcome yet. */
export interface Backlog {
  readonly pending: number
  /** Null when there is none. */
  readonly oldest_age_s: number | null
  /** Operations a second over the last few seconds. */
  readonly in_per_s: number
  readonly out_per_s: number
  /** How long the backlog lasts at these rates: 0 without one, null when it does not shrink. */
  readonly drains_in_s: number | null
}
