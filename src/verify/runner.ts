/** Runs proofs one after the other, each in a directory of its own, and says of each whether it passed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Finding, Proof, ProofContext, Scale } from './proof.ts'

export interface Plan {
  readonly proofs: readonly Proof[]
  readonly scale: Scale
  readonly seed: number
  readonly cases: number | undefined
  /** Plant the fault of each: a proof passes when it finds it. */
  readonly control: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  onProgress(proof: Proof, ...told: Parameters<ProofContext['progress']>): void
}

export type ProofVerdict = 'passed' | 'failed' | 'left_out'

export interface Result {
  readonly proof: Proof
  readonly verdict: ProofVerdict
  readonly finding: Finding
  readonly durationMs: number
}

/** Yields each result as it comes; ends early when the signal aborts, without a result for what was under way. */
export async function* runProofs(plan: Plan): AsyncGenerator<Result> {
  for (const proof of plan.proofs) {
    const startedAt = plan.clock.mono()
    const { finding, threw } = await runOne(proof, plan)
    if (plan.signal.aborted) return
    const durationMs = plan.clock.mono() - startedAt
    const verdict = threw ? 'failed' : verdictOf(finding, plan.control)
    yield { proof, verdict, finding, durationMs }
  }
}

function verdictOf({ held, leftOut }: Finding, control: boolean): ProofVerdict {
  if (leftOut !== undefined) return 'left_out'
  return held === control ? 'failed' : 'passed'
}

/** A proof that throws has met something nobody foresaw. As a control, that is no finding of the planted fault either. */
async function runOne(proof: Proof, plan: Plan): Promise<{ finding: Finding; threw: boolean }> {
  const directory = await mkdtemp(join(tmpdir(), `sluice-${proof.id.toLowerCase()}-`))
  const { scale, seed, cases, clock, signal, control: planted } = plan
  const progress: ProofContext['progress'] = (...told) => plan.onProgress(proof, ...told)
  try {
    const context = { scale, seed, cases, planted, directory, progress, signal, clock }
    return { finding: await proof.run(context), threw: false }
  } catch (thrown) {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
    return { finding: { held: false, figures: {}, detail }, threw: true }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
