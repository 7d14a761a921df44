/** `sluice verify`: the proofs, on the machine of whoever wants to believe them. */
import { availableParallelism, cpus, totalmem } from 'node:os'
import { closest } from '../core/closest.ts'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import type { Proof } from '../verify/proof.ts'
import type { Plan, ProofVerdict, Result } from '../verify/runner.ts'
import type { Job } from './job.ts'
import { counted } from './output.ts'
import { Progress } from './progress.ts'
import type { CommandSpec } from './spec.ts'
import { spanText } from './time.ts'
import { MARKS, promiseLines, resultDocument } from './verify-table.ts'
import { version } from './version.ts'

export const verify: CommandSpec = {
  name: 'verify',
  group: 'Operate:',
  summary: 'Prove the promises on this machine: crash it, cut it, fill its disk, and count.',
  about:
    'Starts gateways and emulators of its own, in temporary directories; a running Sluice is left alone, and nothing leaves the machine. docs/proof.md says how each proof works and what it came to elsewhere.',
  options: [
    { flags: '--quick', about: 'about three minutes; the default' },
    { flags: '--full', about: 'all cases: two to three hours' },
    { flags: '--only <ids>', about: 'these proofs, joined by commas, such as D1,L1' },
    { flags: '--control', about: 'plant the fault of each proof, which passes when it notices' },
    { flags: '--simulate', about: 'only the deterministic simulation' },
    { flags: '--cases <n>', about: 'how many cases (kills, events, calls …) instead of those of the scale' },
    { flags: '--seeds <n>', about: 'the same, as --simulate calls its cases' },
    {
      flags: '--seed <n>',
      about: 'the seed of the faults, to repeat a run',
      usually: 'a new one, which is told',
    },
  ],
  examples: [
    ['sluice verify', 'every proof, with fewer cases'],
    ['sluice verify --full --only D1', 'one proof whole: a thousand kills'],
    ['sluice verify --control', 'whether the proofs can fail'],
    ['sluice verify --simulate --seeds 10000 --json', 'ten thousand seeds of the simulation'],
  ],
  run: runVerify,
}

async function runVerify(job: Job): Promise<void> {
  const { output, host } = job
  const startedAt = host.clock.mono()
  const plan = await planOf(job)
  const mode = plan.control ? 'controls: every proof must fail' : `${plan.scale} scale`
  output.note(`${counted(plan.proofs.length, 'proof')}, ${mode}, seed ${plan.seed}`)
  const { runProofs } = await import('../verify/runner.ts')
  const results: Result[] = []
  for await (const result of runProofs(plan)) {
    results.push(result)
    tell(result, plan, job)
  }
  if (job.signal.aborted) return
  const tookMs = host.clock.mono() - startedAt
  if (output.json) output.document(summaryOf(results, plan, tookMs))
  else for (const line of promiseLines(results, plan, output.paint)) output.line(line)
  output.note(`${counted(results.length, 'proof')} in ${spanText(tookMs)}; seed ${plan.seed}, ${machine()}`)
  judge(results, plan)
}

/** A proof that ended: a document for programs, a line for people who wait for the table. */
function tell(result: Result, plan: Plan, { output }: Job): void {
  if (output.json) output.document(resultDocument(result, plan))
  const { proof, verdict, durationMs } = result
  const [mark, style] = MARKS[verdict]
  output.note(`${output.paintNote(style, mark)} ${proof.id.padEnd(3)} ${verdict} in ${spanText(durationMs)}`)
}

async function planOf(job: Job): Promise<Plan> {
  const { PROOFS } = await import('../verify/proofs.ts')
  if (job.flag('quick') && job.flag('full'))
    throw new SluiceError('bad_usage', 'Give --quick or --full, not both.')
  const only = job.flag('simulate') ? ['T0'] : job.items('only')
  return {
    proofs: only.length === 0 ? PROOFS : only.map((id) => proofOf(id, PROOFS)),
    scale: job.flag('full') ? 'full' : 'quick',
    seed: job.count('seed') ?? Math.floor(Math.random() * 2 ** 31),
    cases: job.count('cases', 1) ?? job.count('seeds', 1),
    control: job.flag('control'),
    clock: job.host.clock,
    signal: job.signal,
    onProgress: progressOf(job),
  }
}

function proofOf(id: string, proofs: readonly Proof[]): Proof {
  const found = proofs.find((proof) => proof.id === id.toUpperCase())
  if (found) return found
  const ids = proofs.map((proof) => proof.id)
  const near = closest(id.toUpperCase(), ids)
  throw new SluiceError('bad_usage', `There is no proof ${id}.`, {
    hint: near ? `Did you mean ${near}? All of them: ${ids.join(', ')}` : `The proofs are ${ids.join(', ')}.`,
  })
}

/** One line of progress for each thing that is counted. */
function progressOf({ output, host }: Job): Plan['onProgress'] {
  let current: { label: string; total: number; progress: Progress } | undefined
  return ({ id }, done, total, unit) => {
    const label = `${id} ${unit}`
    if (current?.label !== label || current.total !== total)
      current = { label, total, progress: new Progress({ output, clock: host.clock, label, total }) }
    if (done < total) current.progress.update(done)
    else if (output.animated) output.redraw('')
  }
}

const machine = () =>
  `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`

function summaryOf(results: readonly Result[], { scale, control, seed }: Plan, tookMs: number) {
  const count = (verdict: ProofVerdict) => results.filter((result) => result.verdict === verdict).length
  const cpu = cpus()[0]?.model ?? ''
  return {
    summary: true,
    version: version(),
    scale,
    control,
    seed,
    passed: count('passed'),
    failed: count('failed'),
    left_out: count('left_out'),
    duration_s: Math.round(tookMs / 1000),
    machine: { cpu, cores: availableParallelism(), memory_bytes: totalmem(), node: process.versions.node },
  }
}

function judge(results: readonly Result[], { control, seed }: Plan): void {
  const idsOf = (verdict: ProofVerdict) =>
    results.filter((result) => result.verdict === verdict).map(({ proof }) => proof.id)
  const failed = idsOf('failed')
  const leftOut = idsOf('left_out')
  const fail = (code: ErrorCode, ids: readonly string[], words: string) =>
    new SluiceError(code, `${ids.length} of ${results.length} ${words}: ${ids.join(', ')}.`, {
      details: { seed },
    })
  if (failed.length > 0)
    throw control
      ? fail('proof_blind', failed, 'proofs did not notice the planted fault')
      : fail('promise_broken', failed, 'proofs failed')
  if (leftOut.length > 0) throw fail('proof_left_out', leftOut, 'proofs could not run here')
}
