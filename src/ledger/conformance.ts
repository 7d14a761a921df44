/**
 * What every ledger must do. An implementation's own test is a constructor and one call of `ledgerConformance`.
 * The scenarios are plain functions, so that a test can also show that each planted fault is found (planted.test.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { clientScenarios } from './conformance-clients.ts'
import { entryScenarios } from './conformance-entries.ts'
import { lawScenarios } from './conformance-laws.ts'
import { letterScenarios } from './conformance-letters.ts'
import type { Stand } from './conformance-stand.ts'
import type { Ledger } from './ledger.ts'

/** Opens the ledger that lies in `directory`: empty at first, later with everything that was durable. */
export type OpenLedger = (directory: string) => Promise<Ledger>

/** The scenarios of single cases, and those of laws, which try many ledgers each. */
export const cases = [...entryScenarios, ...letterScenarios, ...clientScenarios]
export const scenarios = [...cases, ...lawScenarios]

export function ledgerConformance(name: string, open: OpenLedger, tried = scenarios): void {
  describe(`${name} keeps the contract of a ledger`, () => {
    for (const scenario of tried) test(scenario.name, () => withStand(open, scenario.run))
  })
}

/** Gives `run` a place for ledgers, and clears it away afterwards, whatever happened. */
export async function withStand(open: OpenLedger, run: (stand: Stand) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'sluice-ledger-'))
  const opened: Ledger[] = []
  const openIn = async (directory: string) => {
    const ledger = await open(directory)
    opened.push(ledger)
    return ledger
  }
  try {
    await run({
      open: () => openIn(root),
      fresh: async () => openIn(await mkdtemp(join(root, 'fresh-'))),
    })
  } finally {
    for (const ledger of opened) await ledger[Symbol.asyncDispose]()
    await rm(root, { recursive: true, force: true })
  }
}
