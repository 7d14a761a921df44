/** What all calls of the direct client have in common: the events around them, their ids, their end. */
import type { Clock } from '../core/clock.ts'
import { SluiceError, toSluiceError } from '../core/errors.ts'
import type { Ulids } from '../core/ulid.ts'
import { checkCorrelationId, currentCorrelationId } from './correlation.ts'
import type { Call } from './http.ts'
import { type Sender, sendUntilTaken, type Taken } from './retry.ts'
import type { EventName, Method, ServiceEvent, Subject } from './service-events.ts'

export interface Task {
  readonly method: Method
  readonly subject: Subject
  /** Instead of that of the work that runs now. */
  readonly correlationId: string | undefined
}

export interface Done {
  readonly status: number
  /** Calls made over the wire. */
  readonly attempts: number
}

/** What every call resolves to. */
export interface Receipt extends Done {
  readonly correlationId: string
  readonly ms: number
}

export type Send = (call: Call) => Promise<Taken>
export type Tell = (name: EventName, event: ServiceEvent) => void

export interface CallerParts {
  readonly sender: Sender
  readonly clock: Clock
  readonly ulids: Ulids
  readonly isGateway: boolean
  readonly tell: Tell
}

export class Caller {
  readonly #parts: CallerParts
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  constructor(parts: CallerParts) {
    this.#parts = parts
  }

  /** Does the work between its `start` and its `success` or `error`. Throws what the work throws, as a SluiceError. */
  perform<T extends Done>(task: Task, work: (send: Send) => Promise<T>): Promise<T & Receipt> {
    const running = this.#perform(task, work)
    this.#running.add(running)
    const forget = () => this.#running.delete(running)
    running.then(forget, forget)
    return running
  }

  /** Takes no more calls, and waits for those under way; each ends by its deadline. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#running)
  }

  async #perform<T extends Done>(task: Task, work: (send: Send) => Promise<T>): Promise<T & Receipt> {
    const { clock, ulids, tell } = this.#parts
    const { method, subject } = task
    const correlationId = task.correlationId ?? currentCorrelationId() ?? ulids(clock.now())
    const started = clock.mono()
    const about = () => ({ correlationId, method, request: subject, ms: clock.mono() - started })
    tell(`${method}:start`, { ...about(), ms: 0 })
    try {
      checkCorrelationId(correlationId)
      if (this.#closed) throw new SluiceError('shutting_down', 'The client is closed.', { hint: CLOSED_HINT })
      const done = await work((call) => this.#send(call, correlationId))
      tell(`${method}:success`, { ...about(), status: done.status, attempts: done.attempts })
      return { ...done, correlationId, ms: clock.mono() - started }
    } catch (thrown) {
      const error = inContext(thrown, { correlationId, id: subject.id })
      tell(`${method}:error`, { ...about(), ...wireFacts(error), error })
      throw error
    }
  }

  /** A gateway recognises a repeat by its key, whatever the call is; Customer.io itself knows the ids of events only. */
  #send(call: Call, correlationId: string): Promise<Taken> {
    const { sender, clock, ulids, isGateway } = this.#parts
    const key = isGateway ? { 'idempotency-key': ulids(clock.now()) } : {}
    return sendUntilTaken({ ...call, headers: { 'x-correlation-id': correlationId, ...key } }, sender)
  }
}

const CLOSED_HINT = 'Make the call with a client that is open.'

/** The same error with what is needed to find the call, and to make it again under the same id. */
function inContext(thrown: unknown, context: { correlationId: string; id: string | undefined }): SluiceError {
  const { code, message, details, hint, cause } = toSluiceError(thrown)
  const { correlationId, id } = context
  const all = { ...details, correlationId, ...(id === undefined ? {} : { id }) }
  return new SluiceError(code, message, { cause, hint, details: all })
}

function wireFacts({
  details: { status, attempts },
}: SluiceError): Pick<ServiceEvent, 'status' | 'attempts'> {
  return {
    ...(typeof status === 'number' ? { status } : {}),
    ...(typeof attempts === 'number' ? { attempts } : {}),
  }
}
