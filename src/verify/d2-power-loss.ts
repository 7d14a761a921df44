/** D2: whatever a loss of power leaves on the disk, all that was acknowledged is there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Random } from '../core/clock.ts'
import { seededRandom } from '../emulator/faults.ts'
import { realDisk } from '../sqlite/disk.ts'
import { DiskModel } from './crash-states.ts'
import { type DiskOp, readJournal } from './disk-journal.ts'
import { compileShim, shimmed } from './disk-shim.ts'
import { Truth } from './durable-truth.ts'
import { openStores, type Said, type Work } from './durable-work.ts'
import { memoryDirectory } from './memory-directory.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'

export const powerLoss: Proof = {
  id: 'D2',
  promises: ['P1', 'P2'],
  claim: 'What was acknowledged survives a loss of power at any moment, and every such disk can be opened.',
  faultModel:
    'unsynced writes dropped, reordered and torn at 512 bytes, names in the directory not yet durable',
  control: 'commits without fsync (synchronous=NORMAL)',
  run: provePowerLoss,
}

/** Every journal is that of three processes, one after the other. */
const LIVES = [
  { closes: false, migrates: false, threaded: false },
  { closes: true, migrates: false, threaded: true },
  { closes: false, migrates: true, threaded: true },
]
const STEPS = 60
/** States are tried in batches of one journal: enough to meet each of its about 3000 operations every few journals. */
const STATES_PER_JOURNAL = 500

async function provePowerLoss(context: ProofContext): Promise<Finding> {
  const shim = await compileShim(context.directory)
  if ('leftOut' in shim) return { held: false, figures: {}, leftOut: shim.leftOut }
  const total = context.cases ?? (context.scale === 'full' ? 20_000 : 300)
  const each = Math.min(total, STATES_PER_JOURNAL)
  const tally = new Tally()
  await using fast = await memoryDirectory(context.directory)
  for (let made = 0; made < total && !context.signal.aborted; made += each) {
    const seed = context.seed + made
    const ops = await recordJournal({ context, seed, shim: shim.path })
    const progress = (tried: number) => context.progress(made + tried, total, 'crash states')
    await tryStates(ops, {
      directory: fast.path,
      count: each,
      random: seededRandom(seed),
      tally,
      progress,
      context,
    })
  }
  return tally.finding()
}

class Tally {
  readonly #wrong: string[] = []
  #states = 0
  #acknowledged = 0
  #lost = 0
  #unopenable = 0

  note(truth: Truth, state: string, outcome: { unopenable?: string; complaint?: string | undefined }): void {
    this.#states += 1
    this.#acknowledged = Math.max(this.#acknowledged, truth.acknowledged)
    if (outcome.unopenable !== undefined) this.#unopenable += 1
    else if (outcome.complaint !== undefined) this.#lost += 1
    const wrong = outcome.unopenable ?? outcome.complaint
    if (wrong !== undefined) this.#wrong.push(`${state}: ${wrong}`)
  }

  finding(): Finding {
    return {
      held: this.#states > 0 && this.#wrong.length === 0,
      figures: {
        'crash states': this.#states,
        'acknowledged, at most': this.#acknowledged,
        'states with a loss': this.#lost,
        'states that cannot be opened': this.#unopenable,
      },
      ...(this.#wrong.length > 0 && { detail: this.#wrong.slice(0, 3).join('\n') }),
    }
  }
}

interface Recording {
  readonly context: ProofContext
  readonly seed: number
  readonly shim: string
}

const WORKER = join(import.meta.dirname, `durable-worker${extname(import.meta.filename)}`)

async function recordJournal({ context, seed, shim }: Recording): Promise<DiskOp[]> {
  const directory = join(context.directory, `journal-${seed}`)
  const journal = `${directory}.bin`
  await mkdir(directory)
  for (const [number, life] of LIVES.entries()) {
    const work: Work = {
      ...life,
      directory,
      seed: seed * LIVES.length + number,
      steps: STEPS,
      unsynced: context.planted,
    }
    const env = shimmed({ shim, directory, journal })
    const stdio = ['ignore', 'ignore', 'inherit'] as const
    const child = spawn(process.execPath, [WORKER, JSON.stringify(work)], { env, stdio: [...stdio] })
    await once(child, 'exit')
  }
  const ops = readJournal(journal)
  await rm(directory, { recursive: true })
  await rm(journal)
  return ops
}

interface Trial {
  readonly directory: string
  readonly count: number
  readonly random: Random
  readonly tally: Tally
  readonly progress: (tried: number) => void
  readonly context: ProofContext
}

/** Goes through the journal once; at each of the chosen operations the power goes, in one of the ways in which it may. */
async function tryStates(ops: readonly DiskOp[], trial: Trial): Promise<void> {
  const { count, random, progress, context } = trial
  const moments = Array.from({ length: count }, () => Math.floor(random() * (ops.length + 1)))
  moments.sort((a, b) => a - b)
  const model = new DiskModel()
  const truth = new Truth()
  let at = 0
  for (const [tried, moment] of moments.entries()) {
    if (context.signal.aborted) return
    for (; at < moment; at += 1) {
      const op = ops[at]
      if (op?.kind === 'mark')
        truth.hear(JSON.parse(op.text) as Said) // the worker said it
      else if (op) model.apply(op)
    }
    await tryState(model, ops[moment], { truth, trial, state: `operation ${moment} of ${ops.length}` })
    progress(tried + 1)
  }
}

interface Moment {
  readonly truth: Truth
  readonly trial: Trial
  readonly state: string
}

async function tryState(
  model: DiskModel,
  op: DiskOp | undefined,
  { truth, trial, state }: Moment,
): Promise<void> {
  const directory = await mkdtemp(join(trial.directory, 's-'))
  try {
    model.materialize(directory, op, trial.random)
    await using stores = await openStores(directory, realDisk)
    trial.tally.note(truth, state, { complaint: await truth.complaint(stores) })
  } catch (thrown) {
    trial.tally.note(truth, state, { unopenable: String(thrown) })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
