/** All proofs, in the order in which they run: the quick ones that many others build on come first. */
import { kill } from './d1-kill.ts'
import { powerLoss } from './d2-power-loss.ts'
import { corruption } from './d3-corruption.ts'
import { diskFull } from './d4-disk-full.ts'
import { diskErrors } from './d5-disk-errors.ts'
import { recovery } from './d6-recovery.ts'
import { hostile } from './h1-hostile.ts'
import { ids } from './h2-ids.ts'
import { callers } from './h3-callers.ts'
import { storm } from './l1-storm.ts'
import { order } from './l2-order.ts'
import { partial } from './l3-partial.ts'
import { bisection } from './l4-bisection.ts'
import { cut } from './l5-cut.ts'
import { limits } from './l6-limits.ts'
import { outage } from './l7-outage.ts'
import { network } from './l9-network.ts'
import { clockJumps } from './l11-clock.ts'
import { replay } from './l12-replay.ts'
import { deploy } from './l13-deploy.ts'
import type { Proof } from './proof.ts'
import { simulation } from './t0-simulation.ts'

// biome-ignore format: a line each, so that proofs can be added side by side
export const PROOFS: readonly Proof[] = [
  kill,
  powerLoss,
  corruption,
  diskFull,
  diskErrors,
  recovery,
  storm,
  order,
  partial,
  bisection,
  cut,
  limits,
  outage,
  network,
  clockJumps,
  replay,
  deploy,
  hostile,
  ids,
  callers,
  simulation,
]
