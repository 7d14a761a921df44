/**
 * The simulated Customer.io: the emulator's own service, behind a network and a mood. What it took is known here, whatever
 * its answers said.
 */
import { elements, memberMap } from '../core/json.ts'
import type { Call, Remote, RemoteOptions, Reply } from '../customerio/http.ts'
import { Service } from '../emulator/service.ts'
import type { Chance } from './chance.ts'
import type { FaultName, Menu } from './menu.ts'
import { ProcessClock } from './process-clock.ts'
import type { Scheduler } from './scheduler.ts'

/** As long as the gateway waits for a whole answer (customerio/http.ts). */
const PATIENCE_MS = 15_000

export interface CustomerIoOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly menu: Menu
  /** A fault of the menu has struck. */
  readonly onFault: (name: FaultName) => void
  /** A call left the process, or its reply came back to it. */
  readonly onCall: (call: Call, process: ProcessClock) => void
  readonly onReply: (call: Call, reply: Reply, process: ProcessClock) => void
  /** Something may have taken effect. */
  readonly onTaken: () => void
}

type Answered = Pick<Exclude<Reply, { status: null }>, 'status' | 'body' | 'retryAfter'>

export class CustomerIo {
  readonly service: Service
  readonly #options: CustomerIoOptions
  #calm = false
  #downUntil = 0
  #strangeUntil = 0
  #limit = Number.POSITIVE_INFINITY
  #spent: number[] = []

  constructor(options: CustomerIoOptions) {
    this.#options = options
    const { scheduler, chance } = options
    const clock = new ProcessClock(scheduler, 'customer.io')
    this.service = new Service({ clock, random: chance.next })
  }

  /** From now on it works as it should. */
  calm(): void {
    this.#calm = true
    this.#downUntil = 0
    this.#strangeUntil = 0
    this.#limit = Number.POSITIVE_INFINITY
  }

  goDown(ms: number): void {
    this.#downUntil = this.#options.scheduler.now + ms
  }

  forgetCredentials(ms: number): void {
    this.#strangeUntil = this.#options.scheduler.now + ms
  }

  limitTo(callsPerSecond: number): void {
    this.#limit = callsPerSecond
  }

  /** The way to it, for one process. */
  connect(process: ProcessClock): (options: RemoteOptions) => Remote {
    return ({ authorization }) => {
      const closed = Promise.withResolvers<Reply>()
      return {
        send: (call) => Promise.race([this.#send(call, authorization, process), closed.promise]),
        [Symbol.asyncDispose]: async () => closed.resolve({ status: null, detail: 'closed', ms: 0 }),
      }
    }
  }

  #send(call: Call, authorization: string, process: ProcessClock): Promise<Reply> {
    const { scheduler, onCall, onReply } = this.#options
    const startedAt = scheduler.now
    onCall(call, process)
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const reply = (answered: Answered | undefined, ms: number, detail = 'ECONNRESET') =>
      process.after(ms, `reply ${answered?.status ?? detail}`, () => {
        const took = { ms: scheduler.now - startedAt }
        const told: Reply = answered
          ? { ...answered, location: undefined, ...took }
          : { status: null, detail, ...took }
        onReply(call, told, process)
        resolve(told)
      })
    scheduler.after(this.#quick(), `customer.io ${call.endpoint}`, () => {
      if (this.#hits('reset before') || this.#isDown()) return reply(undefined, this.#latency())
      const answered = this.#answer(call, authorization)
      if (answered.status < 300 && this.#hits('cut after')) return reply(undefined, this.#latency())
      if (answered.status < 300 && this.#hits('no answer')) return reply(undefined, PATIENCE_MS, 'timeout')
      return reply(answered, this.#latency())
    })
    return promise
  }

  #answer(call: Call, authorization: string): Answered {
    const refusal = this.#refusal(call)
    if (refusal) return refusal
    const { method, path, body = '' } = call
    const { status, body: text } = this.service.answer({ method, path, body, headers: { authorization } })
    this.service.workspace.settle()
    this.#options.onTaken()
    if (status === 207 || !this.#hits('unnamed 207')) return { status, body: text, retryAfter: undefined }
    return { status: 207, body: '{"errors":[{"reason":"odd"}]}', retryAfter: undefined }
  }

  /** Where it does not look at the items at all. */
  #refusal(call: Call): Answered | undefined {
    const { scheduler, menu, onFault } = this.#options
    if (scheduler.now < this.#strangeUntil) return answer(401, '{"meta":{"error":"Unauthorized"}}')
    if (this.#isOverLimit()) return answer(429, '{}', this.#retryAfter())
    if (this.#hits('throttled')) return answer(429, '{}', this.#retryAfter())
    if (this.#hits('failing')) return answer(503, '{}', this.#retryAfter())
    if (this.#hits('garbage')) return answer(200, '<html>502 Bad Gateway</html>')
    if (call.body?.includes('"name":"poison"')) {
      onFault('poison')
      return answer(400, '{"errors":[{"reason":"invalid","message":"poison"}]}')
    }
    if (itemsOf(call).length <= (menu.get('small batches') ?? Number.POSITIVE_INFINITY)) return undefined
    onFault('small batches')
    return answer(413, '{}')
  }

  /** Of an outage half the calls find nobody and half find a page that says so. */
  #isDown(): boolean {
    return this.#options.scheduler.now < this.#downUntil
  }

  #isOverLimit(): boolean {
    const now = this.#options.scheduler.now
    this.#spent = this.#spent.filter((at) => at > now - 1000)
    if (this.#spent.length >= this.#limit) return true
    this.#spent.push(now)
    return false
  }

  #retryAfter(): string | undefined {
    const { chance } = this.#options
    return chance.hit(0.2) ? String(chance.below(4)) : undefined
  }

  /** To Customer.io. What acts on a call long after its connection broke is not modelled: nobody could tell. */
  #quick(): number {
    return this.#options.chance.between(1, 60)
  }

  #latency(): number {
    return this.#hits('slow out') ? this.#options.chance.between(100, 9_000) : this.#quick()
  }

  #hits(name: FaultName): boolean {
    const { chance, menu, onFault } = this.#options
    const odds = menu.get(name)
    if (odds === undefined || this.#calm || !chance.hit(odds)) return false
    onFault(name)
    return true
  }
}

const answer = (status: number, body: string, retryAfter?: string): Answered => ({ status, body, retryAfter })

/** The texts of a batch, or the one body of another call. */
export function itemsOf({ endpoint, body = '{}' }: Call): readonly string[] {
  return endpoint === 'batch' ? elements(memberMap(body).get('batch') ?? '[]') : [body]
}
