/** A gateway in a process of its own, as the proofs see it from outside: started, asked, killed. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { SluiceError } from '../core/errors.ts'
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
    const [word] = (await heard) as [Word] // gateway-child.ts sends nothing else
    if ('url' in word) return word.url
    throw new SluiceError('internal', `The gateway did not start: ${word.failed}`)
  }

  /** Resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    await this.#exit
  }
}

const DIED: Word = { failed: 'the process ended' }

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
