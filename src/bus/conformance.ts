/**
 * What every bus must do, as scenarios that any implementation can be put through. An implementation's own test file is
 * a harness and one call of `busConformance`. Each scenario is a plain function that rejects when the bus breaks a
 * promise, so that tests can also show that planted faults are found.
 */
import { test } from 'node:test'
import { arrivalScenarios } from './conformance-arrivals.ts'
import { edgeScenarios } from './conformance-edges.ts'
import { settlingScenarios } from './conformance-settling.ts'
import { sharingScenarios } from './conformance-sharing.ts'
import type { Harness, Scenario } from './conformance-stand.ts'

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...arrivalScenarios,
  ...settlingScenarios,
  ...sharingScenarios,
  ...edgeScenarios,
}

/** Registers every scenario as a test. */
export function busConformance(name: string, harness: Harness): void {
  for (const [title, scenario] of Object.entries(SCENARIOS))
    test(`${name}: ${title}`, () => scenario(harness))
}
