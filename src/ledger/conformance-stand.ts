/** What a scenario of the conformance suite is, and what it is given. */
import assert from 'node:assert/strict'
import type { Counts, Ledger } from './ledger.ts'

export interface Stand {
  /**
   * Opens the scenario's ledger, the same place every time. Opened again without having been closed, it is as after a
   * crash: what was durable is there.
   */
  open(): Promise<Ledger>
  /** An empty ledger of its own. */
  fresh(): Promise<Ledger>
}

export interface Scenario {
  readonly name: string
  readonly run: (stand: Stand) => Promise<void>
}

const NONE: Counts = { delivered: 0, coalesced: 0, suppressed: 0, dead: 0, replaying: 0, duplicate: 0 }

/** Asserts every figure; those not named must be 0. */
export async function assertCounts(ledger: Ledger, expected: Partial<Counts>): Promise<void> {
  assert.deepEqual(await ledger.counts(), { ...NONE, ...expected })
}

const ALL = 1_000_000

/** The figures again, counted from the rows; duplicates leave no row that a ledger shows. */
export async function recount(ledger: Ledger): Promise<Omit<Counts, 'duplicate'>> {
  const entries = await ledger.recent(ALL)
  const replaying = (await ledger.dead.list({ state: 'replaying', limit: ALL })).length
  const ended = (outcome: string) => entries.filter((entry) => entry.outcome === outcome).length
  return {
    delivered: ended('delivered'),
    coalesced: ended('coalesced'),
    suppressed: ended('suppressed'),
    dead: ended('dead') - replaying,
    replaying,
  }
}
