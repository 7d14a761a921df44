/**
 * D5: a disk that answers with an error stops the process at once, and what was in doubt is settled by asking again. A page of
 * the log that cannot be read at the start is damage like any other: the log is written anew, whole, or refused (D3).
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ENDS } from '../bus/sqlite-salvage.ts'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { ask } from './ask.ts'
import { compileShim, type PlannedFault, ShimControl, shimmed } from './disk-shim.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import { counter, postTicks, type Tick } from './load.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'
import { type Exit, ServeProcess } from './serve-process.ts'

export const diskErrors: Proof = {
  id: 'D5',
  promises: ['P1', 'P2', 'P4'],
  claim:
    'An error of the disk stops the process within a second, unless the log is recovered whole at the start; what was in doubt takes effect once when it is said again.',
  faultModel:
    'EIO at the n-th sync, write or read from the start on, once or from then on; a sync that takes seconds',
  control: 'a write that failed is said to be done',
  run: proveDiskErrors,
}

/** From the injected error to the end of the process. On a slow machine twice what a start takes there, where that is more. */
const EXIT_MS = 1_000
const STARTS = 2
const SENDERS = 3
const BATCH = 4
/** A fault that has not come by then, or has not ended the process, never does. */
const PATIENCE_MS = 8_000
const DRAINED_MS = 5 * 60_000
const STALL_MS = { quick: 1_500, full: 5_000 }

async function proveDiskErrors(context: ProofContext): Promise<Finding> {
  const shim = await compileShim(context.directory)
  if ('leftOut' in shim) return { held: false, figures: {}, leftOut: shim.leftOut }
  await using emulator = await startEmulator({ port: 0 })
  const bench = new Bench({ context, emulator, shim: shim.path })
  const faults = faultsOf(context)
  await bench.warmUp()
  for (const [at, fault] of faults.entries()) {
    if (context.signal.aborted) break
    await bench.suffer(fault)
    context.progress(at + 1, faults.length, 'faults')
  }
  await bench.stall()
  return bench.finding()
}

function faultsOf({ scale, cases, planted }: ProofContext): PlannedFault[] {
  if (planted) return [60, 70, 80].map((nth) => ({ call: 'write', nth, error: 'LIE' }))
  const most = cases ?? 200
  const step = scale === 'full' ? 1 : 30
  const faults: PlannedFault[] = []
  for (let nth = 1; nth <= most; nth += step)
    for (const call of ['sync', 'write'] as const)
      faults.push({ call, nth, error: 'EIO', sticky: nth % 2 === 0 })
  for (let nth = 1; nth <= most / 4; nth += step) faults.push({ call: 'read', nth, error: 'EIO' })
  return faults
}

interface BenchOptions {
  readonly context: ProofContext
  readonly emulator: Emulator
  readonly shim: string
}

/** One data directory on which process after process meets its fault. */
class Bench {
  readonly #options: BenchOptions
  readonly #data: string
  readonly #serial = counter()
  readonly #acknowledged: Tick[] = []
  /** Sent, and not answered by a 2xx: said again to the next process, under the same ids. */
  #doubtful: Tick[] = []
  readonly #resolved: Tick[] = []
  readonly #wrong: string[] = []
  #met = 0
  #recovered = 0
  #slowestMs = 0
  #stalledMs = 0
  #startMs = 0

  constructor(options: BenchOptions) {
    this.#options = options
    this.#data = join(options.context.directory, 'data')
    mkdirSync(this.#data)
  }

  get #cache(): string {
    return join(this.#options.context.directory, 'cache')
  }

  /** What Node compiles at the very first start, 700 ms of it, is not to count as the time that an end takes. The second is measured. */
  async warmUp(): Promise<void> {
    const { context, emulator } = this.#options
    const directory = join(context.directory, 'warm')
    for (let start = 0; start < 2; start += 1) {
      const begun = context.clock.mono()
      await using serve = new ServeProcess({ directory, trackUrl: emulator.url, env: {}, cache: this.#cache })
      await serve.url
      this.#startMs = context.clock.mono() - begun
      await serve.end('SIGTERM')
    }
  }

  #start(control: ShimControl): ServeProcess {
    const { emulator, shim } = this.#options
    const env = shimmed({ shim, directory: this.#data, control: control.path })
    return new ServeProcess({ directory: this.#data, trackUrl: emulator.url, env, cache: this.#cache })
  }

  async suffer(fault: PlannedFault): Promise<void> {
    using control = new ShimControl(join(this.#options.context.directory, 'control'))
    this.#wasRecovered() // a log that another fault had written anew says nothing of this one
    control.plan(fault)
    await using serve = this.#start(control)
    const name = `${fault.error} at ${fault.call} ${fault.nth}${fault.sticky ? ' and from then on' : ''}`
    const over = new AbortController()
    const exit = await Promise.race([this.#load(serve, over.signal), this.#patience(control, over.signal)])
    over.abort()
    const { injected, atMs } = control.read()
    if (injected === 0) return
    this.#met += 1
    if (exit === undefined && fault.call === 'read' && this.#wasRecovered()) this.#recovered += 1
    else if (exit === undefined) this.#wrong.push(`${name}: the process went on`)
    else {
      this.#slowestMs = Math.max(this.#slowestMs, exit.at - atMs)
      if (exit.at - atMs > Math.max(EXIT_MS, STARTS * this.#startMs))
        this.#wrong.push(`${name}: it ended after ${exit.at - atMs} ms`)
      if (exit.code === 0) this.#wrong.push(`${name}: it ended as if all were well`)
    }
  }

  /** Whether the log was written anew: the file that could not be read is kept beside it. */
  #wasRecovered(): boolean {
    const kept = join(this.#data, 'log.db.damaged')
    const was = existsSync(kept)
    for (const end of ENDS) rmSync(`${kept}${end}`, { force: true })
    return was
  }

  /** From the start of the process, and where the fault has come by then, from there: it may only just have. */
  async #patience(control: ShimControl, signal: AbortSignal): Promise<undefined> {
    const { clock } = this.#options.context
    await clock.sleep(PATIENCE_MS, signal)
    const { injected, atMs } = control.read()
    if (injected > 0) await clock.sleep(atMs + PATIENCE_MS - clock.now(), signal)
  }

  /** First what was in doubt, then new events, until the process is gone. */
  async #load(serve: ServeProcess, signal: AbortSignal): Promise<Exit> {
    const url = await serve.url
    if (url === undefined) return serve.exited
    await this.#sayAgain(url)
    await Promise.all(Array.from({ length: SENDERS }, () => this.#send(url, signal)))
    return serve.exited
  }

  async #sayAgain(url: string): Promise<void> {
    for (const ticks of batches(this.#doubtful)) {
      if (!(await postTicks(url, ticks).catch(() => false))) continue
      this.#resolved.push(...ticks)
      this.#doubtful = this.#doubtful.filter((tick) => !ticks.includes(tick))
    }
  }

  async #send(url: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ticks = Array.from({ length: BATCH }, (): Tick => {
        const n = this.#serial()
        return { n, person: `p${n}`, bad: false }
      })
      const answer = await postTicks(url, ticks).catch(() => undefined)
      if (answer) this.#acknowledged.push(...ticks)
      else this.#doubtful.push(...ticks)
      if (answer === undefined) return // nobody answers any more
    }
  }

  /** A sync that takes seconds: what waits for it is answered after it, and not before. Then everything drains. */
  async stall(): Promise<void> {
    const { context, emulator } = this.#options
    using control = new ShimControl(join(context.directory, 'control'))
    await using serve = this.#start(control)
    const url = await serve.url
    if (url === undefined) return void this.#wrong.push('it does not start on a disk that is well again')
    await this.#sayAgain(url)
    const stallMs = STALL_MS[context.scale]
    control.plan({ call: 'sync', nth: 1, stallMs })
    const n = this.#serial()
    const tick: Tick = { n, person: `p${n}`, bad: false }
    const begun = context.clock.mono()
    if (await postTicks(url, [tick])) this.#acknowledged.push(tick)
    else this.#wrong.push('a sync that took long was answered with a failure')
    this.#stalledMs = context.clock.mono() - begun
    if (this.#stalledMs < stallMs)
      this.#wrong.push(`answered after ${this.#stalledMs} ms, before the sync had ended`)
    await drained(url, context.clock)
    emulator.settle()
    await serve.end('SIGTERM')
  }

  finding(): Finding {
    const effects = effectsOf(this.#options.emulator)
    const lost = lostOf(this.#acknowledged, effects)
    const undone = lostOf(this.#resolved, effects)
    if (lost.length > 0) this.#wrong.push(`acknowledged, without effect: ${someOf(lost)}`)
    if (undone.length > 0) this.#wrong.push(`said again, without effect: ${someOf(undone)}`)
    if (this.#doubtful.length > 0) this.#wrong.push(`${this.#doubtful.length} could not be said again`)
    if (effects.twice > 0) this.#wrong.push(`${effects.twice} took effect twice`)
    return {
      held: this.#met > 0 && this.#wrong.length === 0,
      figures: {
        'errors met': this.#met,
        'log recovered whole': this.#recovered,
        acknowledged: this.#acknowledged.length,
        'acknowledged, lost': lost.length,
        'in doubt, said again': this.#resolved.length,
        'of those, not exactly once': undone.length + effects.twice,
        'slowest exit, ms': Math.round(this.#slowestMs),
        'a start, ms': Math.round(this.#startMs),
        'answered after a stalled sync, ms': Math.round(this.#stalledMs),
      },
      ...(this.#wrong.length > 0 && { detail: this.#wrong.slice(0, 8).join('\n') }),
    }
  }
}

const batches = (ticks: readonly Tick[]): Tick[][] =>
  Array.from({ length: Math.ceil(ticks.length / BATCH) }, (_, at) =>
    ticks.slice(at * BATCH, (at + 1) * BATCH),
  )

/** Resolves when the gateway has delivered all it took. Throws `timed_out` where it does not. */
async function drained(url: string, clock: Clock): Promise<void> {
  for (const begun = clock.mono(); clock.mono() - begun < DRAINED_MS; await clock.sleep(100)) {
    const answer = await ask(`${url}/admin/v1/status`, { headers: { authorization: 'Bearer dev' } })
    const { conservation } = (await answer.json()) as { conservation: { pending: number } } // admin/wire.ts
    if (conservation.pending === 0) return
  }
  throw new SluiceError('timed_out', `The gateway has not drained within ${DRAINED_MS / 1000} s.`)
}
