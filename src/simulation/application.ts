/** An application: says one thing after another, and repeats each, with the same ids, until it is answered for good. */
import type { Chance } from './chance.ts'
import type { Answer, Machine } from './machine.ts'
import type { FaultName, Menu } from './menu.ts'
import { ProcessClock } from './process-clock.ts'
import type { Request, Speech } from './said.ts'
import type { Scheduler } from './scheduler.ts'

export interface ApplicationOptions {
  readonly name: string
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly menu: Menu
  readonly machine: Machine
  readonly speech: Speech
  /** The gateway has answered; whether that arrives is another matter. */
  readonly onAnswer: (request: Request, answer: Answer) => void
  readonly onFault: (name: FaultName) => void
}

/** Longer than this no application waits. */
const PATIENCE_MS = 10_000

export class Application {
  readonly #options: ApplicationOptions
  readonly #clock: ProcessClock
  #calm = false
  #silent = false
  #speaking = false

  constructor(options: ApplicationOptions) {
    this.#options = options
    this.#clock = new ProcessClock(options.scheduler, options.name)
  }

  /** It waits for no answer, and will say nothing more. */
  get isDone(): boolean {
    return this.#silent && !this.#speaking
  }

  /** The network works from now on, and nothing new is said. */
  finish(): void {
    this.#calm = true
    this.#silent = true
  }

  async run(): Promise<void> {
    const { chance, speech } = this.#options
    while (!this.#silent) {
      this.#speaking = true
      await this.#sayUntilTaken(speech.compose())
      this.#speaking = false
      await this.#clock.sleep(chance.between(5, 600))
    }
  }

  async #sayUntilTaken(request: Request): Promise<void> {
    const { chance } = this.#options
    for (let tries = 1; ; tries += 1) {
      if (this.#hits('said twice')) void this.#ask(request)
      const answer = await this.#ask(request)
      if (answer !== undefined && answer.status < 500) return
      await this.#clock.sleep(chance.between(20, Math.min(5_000, 100 * 2 ** tries)))
    }
  }

  /** Undefined when no answer came in time. */
  #ask(request: Request): Promise<Answer | undefined> {
    const { scheduler, machine, onAnswer } = this.#options
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>()
    const hangUp = this.#clock.after(PATIENCE_MS, 'hung up', () => resolve(undefined))
    const arrive = async () => {
      const answer = await machine.call(request)
      if (answer !== undefined) onAnswer(request, answer)
      if (this.#hits('answer lost')) return
      this.#clock.after(this.#latency(), `answer ${answer?.status ?? 'refused'}`, () => {
        hangUp()
        resolve(answer)
      })
    }
    if (!this.#hits('request lost'))
      scheduler.after(this.#latency(), `request ${request.sayings[0]?.n}`, () => void arrive())
    return promise
  }

  #latency(): number {
    const { chance } = this.#options
    return this.#hits('slow in') ? chance.between(100, 6_000) : chance.between(0.1, 20)
  }

  #hits(name: FaultName): boolean {
    const { chance, menu, onFault } = this.#options
    const odds = menu.get(name)
    if (odds === undefined || this.#calm || !chance.hit(odds)) return false
    onFault(name)
    return true
  }
}
