/** A gateway in a process of its own, as the proofs see it from outside: started, asked, killed. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { within } from '../core/within.ts'
import type { FaultName } from './faults.ts'

export interface Order {
  readonly trackUrl: string
  readonly directory: string
  /** Settings, as environment variables. */
  readonly env: Readonly<Record<string, string>>
  readonly fault: FaultName | undefined
}

/** What the child says: where it listens, or why it cannot. */
export type Word = { readonly url: string } | { readonly failed: string }

/** In TypeScript from a clone, in JavaScript from the package: as this file itself. */
const CHILD = join(import.meta.dirname, `gateway-child${extname(import.meta.filename)}`)

/** A log of a million records is read in seconds; calls under way at the end are cut after 10 s. */
const START_MS = 3 * 60_000
const END_MS = 2 * 60_000

class GatewayProcess {
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>

  /** Loads the code and waits for `start`, so that the next process can be had ready while the last one runs. */
  constructor() {
    this.#child = fork(CHILD, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#exit = once(this.#child, 'exit')
  }

  /** Resolves with its url when it listens. Throws `internal` with what it said when it cannot. */
  async start(order: Order): Promise<string> {
    const heard = Promise.race([once(this.#child, 'message'), this.#exit.then(() => [DIED])])
    this.#child.send(order)
    const inTime = await within(systemClock, START_MS, heard)
    const [word] = inTime ? ((await heard) as [Word]) : [LATE] // gateway-child.ts sends nothing else
    if ('url' in word) return word.url
    throw new SluiceError('internal', `The gateway did not start: ${word.failed}`)
  }

  /** Resolves when it is gone. Throws `timed_out` when it hangs, and ends it all the same. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    if (await within(systemClock, END_MS, this.#exit)) return
    this.#child.kill('SIGKILL')
    await this.#exit
    throw new SluiceError('timed_out', `The gateway did not end within ${END_MS / 1000} s of ${signal}.`)
  }
}

const DIED: Word = { failed: 'the process ended' }
const LATE: Word = { failed: 'it did not say within three minutes where it listens' }

/** One gateway after another on the same data. The next is loaded while the last one runs, so that a kill costs little time. */
export class GatewayLine implements AsyncDisposable {
  readonly #order: Order
  #current: GatewayProcess | undefined
  #spare = new GatewayProcess()

  constructor(order: Order) {
    this.#order = order
  }

  /** Starts the next one. Resolves with its url. */
  start(): Promise<string> {
    this.#current = this.#spare
    this.#spare = new GatewayProcess()
    return this.#current.start(this.#order)
  }

  /** Ends the one that runs, and resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#current?.end(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#current?.end('SIGKILL'), this.#spare.end('SIGKILL')])
  }
}
