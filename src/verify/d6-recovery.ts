/** D6: recovery can be cut off at any point, again and again, and comes to the same log. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { extname, join } from 'node:path'
import { openSqliteBus } from '../bus/sqlite.ts'
import type { SqliteBus } from '../bus/sqlite-bus.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { silent } from '../core/notices.ts'
import { type BusRecord, TOPICS } from '../core/record.ts'
import { seededRandom } from '../emulator/faults.ts'
import { realDisk } from '../sqlite/disk.ts'
import { compileShim, ShimControl, shimmed } from './disk-shim.ts'
import { openStores, type Work } from './durable-work.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'

export const recovery: Proof = {
  id: 'D6',
  promises: ['P1', 'P2'],
  claim:
    'A recovery that is killed at any write, up to four times over, leads to the log that an undisturbed one leads to.',
  faultModel: 'SIGKILL before the n-th write of opening, migration and checkpoint, nested',
  control: 'from the n-th on, the writes of a recovery are lost',
  run: proveRecovery,
}

const KILLS = { quick: 12, full: 500 }
const NESTED = 4
const BACKLOG = { quick: 50_000, full: 2_000_000 }
const START_MS = 5_000

/** What a process finds that has to recover: each left by a process that died. */
const PHASES = [
  { name: 'opening', migrates: false },
  { name: 'migration', migrates: true },
] as const

async function proveRecovery(context: ProofContext): Promise<Finding> {
  const shim = await compileShim(context.directory)
  if ('leftOut' in shim) return { held: false, figures: {}, leftOut: shim.leftOut }
  const trials = new Trials(context, shim.path)
  for (const phase of PHASES) await trials.run(phase)
  const startMs = await startWithBacklog(context)
  return trials.finding(startMs)
}

const WORKER = join(import.meta.dirname, `durable-worker${extname(import.meta.filename)}`)

class Trials {
  readonly #context: ProofContext
  readonly #shim: string
  readonly #wrong: string[] = []
  #kills = 0
  #runs = 0

  constructor(context: ProofContext, shim: string) {
    this.#context = context
    this.#shim = shim
  }

  async run({ name, migrates }: (typeof PHASES)[number]): Promise<void> {
    const { directory: root, seed, scale, cases, signal } = this.#context
    const base = join(root, name)
    mkdirSync(base)
    const work: Work = {
      directory: base,
      seed,
      steps: 40,
      closes: migrates,
      migrates: false,
      threaded: false,
      unsynced: false,
    }
    await this.#work(work, undefined)
    const random = seededRandom(seed)
    const expected = await digestOf(copyOf(base, `${base}-whole`))
    const total = Math.ceil((cases ?? KILLS[scale]) / PHASES.length)
    for (let trial = 0; trial < total && !signal.aborted; trial += 1) {
      const directory = copyOf(base, `${base}-cut`)
      const recovering: Work = { ...work, directory, steps: 0, closes: true, migrates }
      for (let depth = 0; depth < 1 + (trial % NESTED); depth += 1)
        await this.#cut({ ...recovering, migrates: migrates && depth === 0 }, 1 + Math.floor(random() * 60))
      const found = await digestOf(directory)
      this.#runs += 1
      if (found !== expected) this.#wrong.push(`${name}, trial ${trial}: another log than without a kill`)
      this.#context.progress(this.#runs, total * PHASES.length, 'recoveries')
    }
  }

  /** A process that recovers, and is killed before its n-th write, or ends before. */
  async #cut(work: Work, nth: number): Promise<void> {
    using control = new ShimControl(join(this.#context.directory, 'control'))
    const { planted } = this.#context
    control.plan({ call: 'write', nth, error: planted ? 'LIE' : 'KILL', sticky: planted })
    await this.#work(work, control)
    this.#kills += Math.min(1, control.read().injected)
  }

  async #work(work: Work, control: ShimControl | undefined): Promise<void> {
    const env = control ? shimmed({ shim: this.#shim, directory: work.directory, control: control.path }) : {}
    const child = spawn(process.execPath, [WORKER, JSON.stringify(work)], { env, stdio: 'ignore' })
    await once(child, 'exit')
  }

  finding(startMs: number): Finding {
    if (startMs > START_MS) this.#wrong.push(`it starts in ${Math.round(startMs)} ms`)
    return {
      held: this.#kills > 0 && this.#wrong.length === 0,
      figures: {
        recoveries: this.#runs,
        kills: this.#kills,
        'led to another log': this.#wrong.length,
        backlog: BACKLOG[this.#context.scale],
        'start with that backlog, ms': Math.round(startMs),
      },
      ...(this.#wrong.length > 0 && { detail: this.#wrong.slice(0, 5).join('\n') }),
    }
  }
}

function copyOf(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('-shm') })
  return to
}

/** All that the log says once it is open: every topic with its head, its chain and how far its group is. */
async function digestOf(directory: string): Promise<string> {
  try {
    await (await openStores(directory, realDisk))[Symbol.asyncDispose]()
    using db = realDisk.database(join(directory, 'log.db'))
    const topics = db.prepare('SELECT name, first, head, chain, ends FROM topic ORDER BY name').all()
    const progress = db.prepare('SELECT topic, name, done, lanes FROM progress ORDER BY topic, name').all()
    const chunks = db.prepare('SELECT topic, first, count, sum, chain FROM chunk ORDER BY topic, first').all()
    return JSON.stringify([topics, progress, chunks])
  } catch (thrown) {
    return String(thrown)
  }
}

/** Fills a log, and opens it as the next process would. Returns how long that took. */
async function startWithBacklog({
  directory: root,
  scale,
  clock,
  progress,
  signal,
}: ProofContext): Promise<number> {
  const directory = join(root, 'backlog')
  mkdirSync(directory)
  const open = () => openSqliteBus({ directory, clock: systemClock, notify: silent, onFatal: () => {} })
  const bus = await open()
  await (await bus.subscribe(TOPICS.events, 'delivery'))[Symbol.asyncDispose]()
  const total = BACKLOG[scale]
  for (let n = 0; n < total && !signal.aborted; n += 8_000) {
    await bus.publish(
      TOPICS.events,
      Array.from({ length: 8_000 }, (_, at) => recordOf(n + at)),
    )
    progress(n, total, 'records of a backlog')
  }
  await bus[Symbol.asyncDispose]()
  return timed(open, clock)
}

async function timed(open: () => Promise<SqliteBus>, clock: Clock): Promise<number> {
  const begun = clock.mono()
  await using bus = await open()
  await bus.lag(TOPICS.events, 'delivery')
  return clock.mono() - begun
}

const recordOf = (n: number): BusRecord => ({
  id: String(n).padStart(26, '0'),
  key: `id:${n % 10_000}`,
  kind: 'person.event',
  at: 1,
  headers: {},
  value: `{"n":${n}}`,
})
