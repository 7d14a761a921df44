/** D4: a full disk loses nothing, delivery goes on, and taking goes on as soon as there is space. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { ask } from './ask.ts'
import { compileShim, ShimControl, shimmed } from './disk-shim.ts'
import { effectsOf, lostOf, someOf } from './effects.ts'
import { intercept, type Script } from './interceptor.ts'
import { counter, operationOf, type Tick } from './load.ts'
import type { Finding, Proof, ProofContext } from './proof.ts'
import { ServeProcess } from './serve-process.ts'

export const diskFull: Proof = {
  id: 'D4',
  promises: ['P1', 'P2'],
  claim:
    'On a full disk requests are answered 503 with Retry-After at once, delivery drains, and nothing acknowledged is lost; with space it takes again by itself.',
  faultModel: 'a disk that fills up during an outage of Customer.io; no space at the n-th write',
  control: 'a write that finds no space is said to be done',
  run: proveDiskFull,
}

const MB = 1024 * 1024
/** Left when filling begins: beside the reserve, which the log has made by then. */
const LEFT = 6 * MB
const REFUSALS = { quick: 10, full: 100 }
const WRITES = { quick: 12, full: 300 }
/** The goal is 50 ms, and the figure says what it was; a machine that runs other things too gets five times as much. */
const REFUSED_MS = 250
const RESUMED_MS = 5_000
const DRAINED_MS = 60_000

async function proveDiskFull(context: ProofContext): Promise<Finding> {
  const shim = await compileShim(context.directory)
  if ('leftOut' in shim) return { held: false, figures: {}, leftOut: shim.leftOut }
  await using emulator = await startEmulator({ port: 0 })
  const outage = { is: false }
  const script: Script = (_, pass) => (outage.is ? { status: 503, body: '{}' } : pass())
  await using between = await intercept(script, emulator.url)
  const directory = join(context.directory, 'data')
  mkdirSync(directory)
  using control = new ShimControl(join(context.directory, 'control'))
  const env = shimmed({ shim: shim.path, directory, control: control.path })
  const cache = join(context.directory, 'cache')
  await using serve = new ServeProcess({ directory, trackUrl: between.url, env, cache })
  const url = await serve.url
  if (url === undefined) return { held: false, figures: {}, detail: 'the gateway did not start' }
  const filling = new Filling({ context, emulator, control, url, outage })
  void serve.exited.then(() => filling.died())
  await filling.run()
  return filling.finding()
}

/** Text that no compression makes much smaller: the disk is to become full of it. */
const noise = (length: number): string => randomBytes(length).toString('base64').slice(0, length)

interface FillingOptions {
  readonly context: ProofContext
  readonly emulator: Emulator
  readonly control: ShimControl
  readonly url: string
  readonly outage: { is: boolean }
}

class Filling {
  readonly #options: FillingOptions
  readonly #serial = counter()
  readonly #acknowledged: Tick[] = []
  readonly #refusedMs: number[] = []
  readonly #wrong: string[] = []
  #steps = 0
  #resumedMs = 0
  #writes = 0
  #over = false

  constructor(options: FillingOptions) {
    this.#options = options
  }

  /** A gateway that ended by itself has not gone on. */
  died(): void {
    if (!this.#over) this.#wrong.push('the process ended')
    this.#over = true
  }

  async run(): Promise<void> {
    const { control, outage, context } = this.#options
    await this.#send(4, 100) // the log makes its reserve
    outage.is = true
    control.leave(LEFT, context.planted)
    await this.#fill()
    outage.is = false // and the disk is as full as before
    await this.#drains('on a full disk')
    outage.is = true
    await this.#fill()
    control.leave(512 * MB)
    await this.#resumes()
    outage.is = false
    await this.#failOnce()
    await this.#drains('in the end')
    this.#over = true
  }

  #step(): void {
    const { context } = this.#options
    this.#steps += 1
    const total = 2 * REFUSALS[context.scale] + WRITES[context.scale]
    context.progress(Math.min(this.#steps, total), total, 'refusals and failed writes')
  }

  /** Large events, until so many requests were refused. */
  async #fill(): Promise<void> {
    for (let refused = 0; refused < REFUSALS[this.#options.context.scale] && this.#goesOn; ) {
      const { status, ms, retryAfter } = await this.#send(4, 30_000)
      if (status !== 503) continue
      refused += 1
      this.#refusedMs.push(ms)
      if (retryAfter === null) this.#wrong.push('a 503 without Retry-After')
      this.#step()
    }
  }

  get #goesOn(): boolean {
    return !this.#over && !this.#options.context.signal.aborted
  }

  async #drains(when: string): Promise<void> {
    const { context, emulator } = this.#options
    const begun = context.clock.mono()
    while (this.#goesOn) {
      emulator.settle()
      if (lostOf(this.#acknowledged, effectsOf(emulator)).length === 0) return
      if (context.clock.mono() - begun > DRAINED_MS)
        return void this.#wrong.push(`${when}, delivery does not drain`)
      await context.clock.sleep(100)
    }
  }

  async #resumes(): Promise<void> {
    const { clock } = this.#options.context
    const begun = clock.mono()
    while (this.#goesOn && (await this.#send(1, 100)).status !== 200) {
      if (clock.mono() - begun > 2 * RESUMED_MS) break
      await clock.sleep(20)
    }
    this.#resumedMs = clock.mono() - begun
    if (this.#resumedMs > RESUMED_MS)
      this.#wrong.push(`takes again only ${Math.round(this.#resumedMs)} ms after there is space`)
  }

  /** No space for one write, at each of the next so many; the one after it finds some. */
  async #failOnce(): Promise<void> {
    const { control, context } = this.#options
    for (let nth = 1; nth <= WRITES[context.scale] && this.#goesOn; nth += 1) {
      control.plan({ call: 'write', nth: 1 + (nth % 30), error: 'ENOSPC' })
      for (let sent = 0; control.read().injected === 0 && sent < 50 && this.#goesOn; sent += 1)
        await this.#send(2, 200)
      this.#writes += control.read().injected
      control.end()
      await this.#resumes()
      this.#step()
    }
  }

  async #send(
    count: number,
    size: number,
  ): Promise<{ status: number; ms: number; retryAfter: string | null }> {
    const { url, context } = this.#options
    const ticks = Array.from({ length: count }, (): Tick => {
      const n = this.#serial()
      return { n, person: `p${n}`, bad: false }
    })
    const batch = ticks.map((tick) => {
      const operation = operationOf(tick)
      return { ...operation, attributes: { ...operation.attributes, more: noise(size) } }
    })
    const body = JSON.stringify({ batch })
    const begun = context.clock.mono()
    try {
      const headers = { authorization: `Basic ${btoa('dev:dev')}` }
      const answer = await ask(`${url}/api/v2/batch`, { method: 'POST', headers, body })
      const ms = context.clock.mono() - begun
      await answer.body?.cancel()
      if (answer.status === 200) this.#acknowledged.push(...ticks)
      return { status: answer.status, ms, retryAfter: answer.headers.get('retry-after') }
    } catch {
      return { status: 0, ms: 0, retryAfter: null }
    }
  }

  finding(): Finding {
    const effects = effectsOf(this.#options.emulator)
    const lost = lostOf(this.#acknowledged, effects)
    if (lost.length > 0) this.#wrong.push(`acknowledged, without effect: ${someOf(lost)}`)
    if (effects.twice > 0) this.#wrong.push(`${effects.twice} took effect twice`)
    const sorted = this.#refusedMs.toSorted((a, b) => a - b)
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
    if (!(median <= REFUSED_MS)) this.#wrong.push(`a 503 takes ${Math.round(median)} ms`)
    return {
      held: this.#wrong.length === 0,
      figures: {
        acknowledged: this.#acknowledged.length,
        lost: lost.length,
        refused: sorted.length,
        'median 503, ms': Math.round(median),
        'slowest 503, ms': Math.round(sorted.at(-1) ?? 0),
        'takes again after, ms': Math.round(this.#resumedMs),
        'writes without space': this.#writes,
      },
      ...(this.#wrong.length > 0 && { detail: this.#wrong.slice(0, 5).join('\n') }),
    }
  }
}
