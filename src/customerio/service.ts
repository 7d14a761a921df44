/**
 * The direct client: Customer.io's Track API for those who want no bus between, and the same against a gateway. A call
 * that fails is repeated, for as long as its caller may be kept waiting; nothing is kept on disk, and two calls that are
 * not awaited one after the other have no order. Who needs either puts a gateway between: one option.
 */
import { EventEmitter } from 'node:events'
import { makeUlids } from '../core/ulid.ts'
import { type BatchItem, itemTexts, partsOf } from './batch-parts.ts'
import { type BatchResult, sendParts } from './batch-send.ts'
import { Caller, type Receipt, type Task } from './caller.ts'
import { type Call, connectRemote, type Remote } from './http.ts'
import type { Identifiers, Moment } from './input.ts'
import {
  addDeviceCall,
  anonymousEventCall,
  type Device,
  deleteCall,
  deleteDeviceCall,
  type EventParts,
  eventCall,
  identifyCall,
  mergeCall,
  type Stamps,
  suppressionCall,
} from './service-calls.ts'
import type { EventName, Listener, Method, ServiceEvent, Subject } from './service-events.ts'
import { readOptions, type ServiceOptions, type Settings } from './service-options.ts'
import { Slots } from './slots.ts'

export interface CallOptions {
  /** Instead of that of `withCorrelationId`; one is made up where there is neither. */
  readonly correlationId?: string
}

export interface IdentifyOptions extends CallOptions {
  /** When the attributes became so. Customer.io drops attributes that are older than what it has. */
  readonly timestamp?: Moment
}

export interface EventOptions extends CallOptions {
  /** A ULID; a repeat under the same one takes effect once. One is made up unless given. */
  readonly id?: string
  /** When it happened; the time of the call unless given. */
  readonly timestamp?: Moment
}

/** What a call about a person resolves to. */
export interface CallReceipt extends Receipt {
  /** By a gateway only: the id of the operation, for `sluice trace`. */
  readonly operationId?: string
}

export interface EventReceipt extends CallReceipt {
  /** The id on which Customer.io dedupes. */
  readonly id: string
}

/**
 * Every method rejects with a `SluiceError`: `bad_request` before anything is sent, `upstream_rejected` for what
 * Customer.io refuses, `upstream_unauthorized` and `upstream_redirected` for what no repeat can mend, and
 * `upstream_rate_limited`, `upstream_unavailable`, `upstream_unreachable` or `upstream_unintelligible` when all attempts
 * or the time are used up; whether the last one had an effect is then unknown. `timed_out` says that too many calls waited
 * for a connection, and nothing was sent. `userId` is an id, an e-mail address or
 * `cio_…`: which, Customer.io tells by its shape.
 */
export class CustomerIOService extends EventEmitter implements AsyncDisposable {
  readonly #settings: Settings
  readonly #remote: Remote
  readonly #caller: Caller
  readonly #ulids = makeUlids()

  /** Throws `bad_config` for an option that is missing or out of range. Connects at the first call. */
  constructor(options: ServiceOptions) {
    super()
    this.#settings = readOptions(options)
    const { origin: url, authorization, connections, clock, random, policy, isGateway } = this.#settings
    this.#remote = connectRemote({ url, authorization, userAgent: 'Sluice client', connections, clock })
    const sender = { remote: this.#remote, slots: new Slots(connections), clock, random, policy }
    const tell = (name: EventName, event: ServiceEvent) => this.#tell(name, event)
    this.#caller = new Caller({ sender, clock, ulids: this.#ulids, isGateway, tell })
  }

  /** Creates or updates a person. `_env` and `_updated_at` (unix seconds) go with the attributes. */
  identify(userId: string, attributes: object = {}, options: IdentifyOptions = {}): Promise<CallReceipt> {
    const given = { stamps: this.#stamps(), timestamp: options.timestamp }
    return this.#call(task('identify', { userId }, options), () => identifyCall(userId, attributes, given))
  }

  /** An event of a person. `_env` goes with the data. */
  track(userId: string, name: string, data: object = {}, options: EventOptions = {}): Promise<EventReceipt> {
    const event = this.#event({ name, data }, options)
    const about = { userId, name, id: event.id }
    return this.#sendEvent(task('track', about, options), event.id, () => eventCall(userId, event))
  }

  /** An event of somebody not known yet; it becomes a person's whose identify names the same `anonymous_id`. */
  trackAnonymous(
    anonymousId: string,
    name: string,
    data: object = {},
    options: EventOptions = {},
  ): Promise<EventReceipt> {
    const event = this.#event({ name, data }, options)
    const about = { anonymousId, name, id: event.id }
    return this.#sendEvent(task('trackAnonymous', about, options), event.id, () =>
      anonymousEventCall(anonymousId, event),
    )
  }

  /** A page view; `url` is the address or the path. */
  page(userId: string, url: string, data: object = {}, options: EventOptions = {}): Promise<EventReceipt> {
    const event = this.#event({ name: url, data, type: 'page' }, options)
    const about = { userId, name: url, id: event.id }
    return this.#sendEvent(task('page', about, options), event.id, () => eventCall(userId, event))
  }

  addDevice(userId: string, device: Device, options: CallOptions = {}): Promise<CallReceipt> {
    return this.#call(task('addDevice', { userId }, options), () => addDeviceCall(userId, device))
  }

  deleteDevice(userId: string, token: string, options: CallOptions = {}): Promise<CallReceipt> {
    return this.#call(task('deleteDevice', { userId }, options), () => deleteDeviceCall(userId, token))
  }

  /** Deletes the person, who may be created again by a later call. */
  delete(userId: string, options: CallOptions = {}): Promise<CallReceipt> {
    return this.#call(task('delete', { userId }, options), () => deleteCall(userId))
  }

  /** Deletes the person and ignores what is said about them from now on. */
  suppress(userId: string, options: CallOptions = {}): Promise<CallReceipt> {
    return this.#call(task('suppress', { userId }, options), () => suppressionCall(userId, 'suppress'))
  }

  /** Frees the identifiers of a suppressed person; the profile does not come back. */
  unsuppress(userId: string, options: CallOptions = {}): Promise<CallReceipt> {
    return this.#call(task('unsuppress', { userId }, options), () => suppressionCall(userId, 'unsuppress'))
  }

  /** Merges the secondary person into the primary one, and deletes the secondary. */
  merge(primary: Identifiers, secondary: Identifiers, options: CallOptions = {}): Promise<CallReceipt> {
    return this.#call(task('merge', { primary, secondary }, options), () => mergeCall(primary, secondary))
  }

  /**
   * Operations of Track v2, as many as wanted: they go in calls of at most 500 KB and 1000 items, one after the other, so
   * that their order stays. What single items are refused for is in the result. An error of a whole call tells in
   * `details.from` which items were not taken: those from that one on.
   */
  batch(items: readonly BatchItem[], options: CallOptions = {}): Promise<BatchResult & Receipt> {
    const given = { stamps: this.#stamps(), ulid: () => this.#ulid() }
    const about = Array.isArray(items) ? { items: items.length } : {}
    return this.#caller.perform(task('batch', about, options), async (send) =>
      sendParts(partsOf(itemTexts(items, given)), send),
    )
  }

  /** Takes no more calls, waits for those under way (each ends by its deadline), and closes the connections. */
  async close(): Promise<void> {
    await this.#caller.close()
    await this.#remote[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // Node's types for an emitter take any name; these take those that there are, so that a slip is a type error.
  override on(name: EventName, listener: Listener): this {
    return super.on(name, listener)
  }

  override once(name: EventName, listener: Listener): this {
    return super.once(name, listener)
  }

  override off(name: EventName, listener: Listener): this {
    return super.off(name, listener)
  }

  #call(task: Task, build: () => Call): Promise<CallReceipt> {
    return this.#caller.perform(task, async (send) => {
      const { status, attempts, sluiceId } = await send(build())
      return { status, attempts, ...(sluiceId === undefined ? {} : { operationId: sluiceId }) }
    })
  }

  async #sendEvent(task: Task, id: string, build: () => Call): Promise<EventReceipt> {
    return { ...(await this.#call(task, build)), id }
  }

  #event(given: Pick<EventParts, 'name' | 'data' | 'type'>, options: EventOptions): EventParts {
    const { id = this.#ulid(), timestamp } = options
    return { ...given, id, timestamp, stamps: this.#stamps() }
  }

  #stamps(): Stamps {
    const { environment, updatedAt, clock } = this.#settings
    return { environment, updatedAt, seconds: Math.floor(clock.now() / 1000) }
  }

  #ulid(): string {
    return this.#ulids(this.#settings.clock.now())
  }

  /** What a listener throws is its own affair: the call did or did not succeed all the same. The process is warned. */
  #tell(name: EventName, event: ServiceEvent): void {
    try {
      this.emit(name, event)
    } catch (thrown) {
      const detail = thrown instanceof Error ? thrown.message : String(thrown)
      process.emitWarning(`A listener of ${name} threw: ${detail}`, 'SluiceListenerWarning')
    }
  }
}

const task = (method: Method, subject: Subject, { correlationId }: CallOptions): Task => ({
  method,
  subject,
  correlationId,
})
