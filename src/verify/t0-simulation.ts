/** T0: the whole gateway in virtual time, a world of faults for every seed (src/simulation/). */
import { LARGE, runFleet, unmet } from '../simulation/fleet.ts'
import { PLANTS } from '../simulation/plants.ts'
import type { Outcome } from '../simulation/run.ts'
import { shrink } from '../simulation/shrink.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'

/** As many as a minute or two allows; and as many as were run for docs/proof.md. */
const CASES = { quick: 500, full: 50_000 } as const
/** A planted fault must be noticed within so many seeds. */
const PATIENCE = 2_000
const HOUR_MS = 3_600_000

export const simulation: Proof = {
  id: 'T0',
  promises: ['P1', 'P2', 'P3', 'P4', 'P6', 'P7'],
  claim:
    'Whatever strikes, and in whatever order: at every event nothing acknowledged is missing, no event acts twice, nobody is overtaken; afterwards all is delivered and accounted for.',
  faultModel:
    'drawn per seed from 33: crashes, pauses, full and failing disks, lost and late answers, outages, 429, 5xx, 401, refusals, poison, clock jumps',
  control: `${Object.keys(PLANTS).length} mistakes, one after the other, each to be noticed within ${PATIENCE} seeds`,
  run: (context) => (context.planted ? runPlants(context) : runSeeds(context)),
}

async function runSeeds(context: ProofContext): Promise<Finding> {
  const count = context.cases ?? CASES[context.scale]
  const met = new Set<string>()
  const sum = { seeds: 0, events: 0, operations: 0, virtualMs: 0 }
  let first: string | undefined
  let broken: Outcome | undefined
  const startedAt = context.clock.mono()
  await runFleet({
    ...context,
    count,
    onOutcome: (outcome, done) => {
      sum.seeds += 1
      sum.events += outcome.events
      sum.operations += outcome.operations
      sum.virtualMs += outcome.virtualMs
      if (outcome.seed === context.seed) first = outcome.hash
      for (const name of outcome.met) met.add(name)
      if (outcome.broken.length > 0 && (broken === undefined || outcome.seed < broken.seed)) broken = outcome
      context.progress(done, count, 'seeds')
      return broken === undefined
    },
  })
  const minutes = (context.clock.mono() - startedAt) / 60_000
  const missing = sum.seeds >= LARGE ? unmet(met) : []
  const detail = broken
    ? await describe(broken)
    : missing.length > 0
      ? `never met: ${missing.join(', ')}`
      : undefined
  return {
    held: detail === undefined,
    figures: {
      seeds: sum.seeds,
      'simulated hours': (sum.virtualMs / HOUR_MS).toFixed(1),
      events: sum.events,
      operations: sum.operations,
      'seeds a minute': Math.round(sum.seeds / minutes),
      'kinds of faults and notices met': met.size,
      [`trace of seed ${context.seed}`]: first?.slice(0, 16) ?? '',
    },
    ...(detail !== undefined && { detail }),
  }
}

async function describe(broken: Outcome): Promise<string> {
  const { menu, horizonMs, broken: wrong } = await shrink(broken)
  return [
    ...broken.broken.slice(0, 3),
    `repeat: sluice verify --simulate --seed ${broken.seed} --seeds 1`,
    `shrunk to ${JSON.stringify(Object.fromEntries(menu))} in ${horizonMs} ms: ${wrong[0]}`,
  ].join('\n')
}

async function runPlants(context: ProofContext): Promise<Finding> {
  const figures: Record<string, number | string> = {}
  const names = Object.keys(PLANTS)
  const unnoticed: string[] = []
  for (const [at, plant] of names.entries()) {
    if (context.signal.aborted) break
    let noticed: number | undefined
    const count = context.cases ?? PATIENCE
    await runFleet({
      ...context,
      count,
      plant,
      onOutcome: ({ broken }, done) => {
        if (broken.length > 0) noticed = done
        return noticed === undefined
      },
    })
    figures[plant] = noticed === undefined ? 'unnoticed' : `noticed after ${noticed} seeds`
    if (noticed === undefined) unnoticed.push(plant)
    context.progress(at + 1, names.length, 'mistakes')
  }
  return {
    held: unnoticed.length > 0,
    figures,
    ...(unnoticed.length > 0 && { detail: `unnoticed: ${unnoticed.join(', ')}` }),
  }
}
