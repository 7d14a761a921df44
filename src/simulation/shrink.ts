/** Makes a run that broke something smaller: fewer faults, a shorter time, as long as it still breaks. */
import type { FaultName, Menu } from './menu.ts'
import type { Outcome, Run } from './run.ts'
import { simulate } from './simulate.ts'

/** The smallest broken run that was found: without it being broken, the one that was given. */
export async function shrink(outcome: Outcome, options: Pick<Run, 'plant'> = {}): Promise<Outcome> {
  let smallest = outcome
  const attempt = async (menu: Menu, horizonMs: number): Promise<boolean> => {
    const next = await simulate({ ...options, seed: outcome.seed, menu, horizonMs })
    if (next.broken.length === 0) return false
    smallest = next
    return true
  }
  for (const name of outcome.menu.keys()) await attempt(without(smallest.menu, name), smallest.horizonMs)
  while (smallest.horizonMs > 1_000 && (await attempt(smallest.menu, Math.round(smallest.horizonMs * 0.7))));
  for (const name of smallest.menu.keys()) await attempt(without(smallest.menu, name), smallest.horizonMs)
  return smallest
}

function without(menu: Menu, name: FaultName): Menu {
  const rest = new Map(menu)
  rest.delete(name)
  return rest
}
