/**
 * What a proof is: one sentence with a named fault model, a run that can fail, and a planted fault that makes it fail. A
 * proof is believed only while its control fails: `sluice verify --control`.
 */
import type { Clock } from '../core/clock.ts'
import type { PromiseId } from './promises.ts'

/** `quick` takes seconds and runs with every commit; `full` is what the figures in docs/proof.md were measured with. */
export type Scale = 'quick' | 'full'

export interface Proof {
  /** Such as `D1`. The file is named after it. */
  readonly id: string
  readonly promises: readonly PromiseId[]
  /** What is proven, in one sentence. */
  readonly claim: string
  /** What goes wrong meanwhile, in a few words. */
  readonly faultModel: string
  /** What `planted` breaks, in a few words. */
  readonly control: string
  /**
   * Runs it. What it finds is returned, also when that is a failure: a proof that throws has not proven anything, neither
   * plain nor as a control. Everything it starts is ended, and what it listens on is closed, before it returns.
   */
  run(context: ProofContext): Promise<Finding>
}

export interface ProofContext {
  readonly scale: Scale
  /** How many cases (seeds, kills, crash states …), where the caller wants another number than the scale has. */
  readonly cases: number | undefined
  /** The same seed, the same faults. Real processes and networks add their own timing. */
  readonly seed: number
  /** True: plant the fault, which must be found. */
  readonly planted: boolean
  /** Empty, and removed afterwards. */
  readonly directory: string
  /** As often as one likes. `unit` is what is counted: `kills`, `events`. */
  progress(done: number, total: number, unit: string): void
  /** Aborted when the proof should end: end soon, and return whatever. */
  readonly signal: AbortSignal
  readonly clock: Clock
}

export interface Finding {
  readonly held: boolean
  /** What was measured, in the order in which it is told. Counts are numbers; spans carry their unit in the name. */
  readonly figures: Readonly<Record<string, number | string>>
  /** What was wrong, when it did not hold: the first few instances, so that somebody can look. */
  readonly detail?: string
  /** Why it could not run on this machine, such as a compiler that is missing. Told aloud, and never counted as passed. */
  readonly leftOut?: string
}
