/**
 * What must hold after every event of a run. The first thing that does not ends it. Each invariant knows nothing of how
 * the gateway works: it compares what was answered, what lies on the disk, what left for Customer.io, and what took effect.
 */
import { isObject, parseJson } from '../core/json.ts'
import type { Call, Reply } from '../customerio/http.ts'
import { parseRetryAfter } from '../customerio/retry-after.ts'
import { dataOf, effectAt, type History, isEventEffect } from '../emulator/history.ts'
import { itemsOf } from './customer-io.ts'
import type { LogView } from './log-view.ts'
import type { Answer, Machine } from './machine.ts'
import type { MemoryDisk } from './memory-disk.ts'
import type { ProcessClock } from './process-clock.ts'
import type { Request, Saying, Speech } from './said.ts'
import { settled } from './scheduler.ts'

export interface InvariantOptions {
  readonly disk: MemoryDisk
  readonly log: LogView
  readonly speech: Speech
  readonly machine: () => Machine
  readonly history: () => History
  /** Calls a second, and operations held in memory, at the most. */
  readonly ceiling: number
  readonly mostHeld: number
  /** What came to be looked at. */
  readonly met: Set<string>
  readonly onBroken: (what: string) => void
}

export class Invariants {
  readonly #options: InvariantOptions
  readonly #acked = new Set<string>()
  /** By the number of an event: how often it took effect. */
  readonly #effects = new Map<number, number>()
  readonly #effective = new Set<string>()
  readonly #lastOffset = new Map<string, { offset: number; n: number }>()
  readonly #replayed = new Set<string>()
  #seen = 1
  #commits = 0
  #traffic: Traffic | undefined

  constructor(options: InvariantOptions) {
    this.#options = options
  }

  get acked(): ReadonlySet<string> {
    return this.#acked
  }

  /** Of the event with this id. */
  hadEffect(id: string): boolean {
    return this.#effective.has(id)
  }

  /** A 2xx means durable: at the moment of the answer, not a moment later. */
  answered(request: Request, { status, ids }: Answer): void {
    const { log, onBroken } = this.#options
    if (status >= 300) return
    this.#refresh()
    if (ids.length !== request.sayings.length)
      onBroken(`a request of ${request.sayings.length} operations was answered with ${ids.length} ids`)
    for (const id of ids) {
      this.#acked.add(id)
      if (log.offsetOf(id) === undefined) onBroken(`${id} was answered ${status} and is not in the log`)
    }
  }

  /** Dead letters were put through again: they are late by intention. */
  replays(ids: readonly string[]): void {
    for (const id of ids) this.#replayed.add(id)
  }

  processStarted(process: ProcessClock): void {
    const { ceiling, onBroken } = this.#options
    this.#traffic = new Traffic(process, ceiling, onBroken)
  }

  called(call: Call, process: ProcessClock): void {
    this.#traffic?.called(call, process)
  }

  replied(call: Call, reply: Reply, process: ProcessClock): void {
    this.#traffic?.replied(call, reply, process)
  }

  /** Customer.io has taken something: each event once, and those of one person in the order of the log. */
  taken(): void {
    const history = this.#options.history()
    for (let effect = effectAt(history, this.#seen); effect; effect = effectAt(history, this.#seen)) {
      this.#seen += 1
      if (!isEventEffect(effect)) continue
      const n = numberIn(dataOf(effect))
      const saying = this.#options.speech.sayings[n]
      if (saying === undefined)
        this.#options.onBroken(`an event took effect that nobody said: ${effect.text}`)
      else this.#tookEffect(saying, effect.id)
    }
  }

  #tookEffect({ n, subject }: Saying, id = ''): void {
    const { log, onBroken } = this.#options
    const times = (this.#effects.get(n) ?? 0) + 1
    this.#effects.set(n, times)
    this.#effective.add(id)
    if (times > 1) onBroken(`event ${n} of ${subject} took effect ${times} times`)
    if (log.offsetOf(id) === undefined) this.#refresh()
    const last = this.#lastOffset.get(subject)
    const offsets = log.offsetsOf(id)
    // Customer.io ignores who is suppressed, and the effect is then that of the repeat, after an unsuppress between the two.
    const offset = offsets.find((at) => at >= (last?.offset ?? 0)) ?? offsets[0]
    if (offset === undefined)
      onBroken(`event ${n} of ${subject} took effect under ${id}, which is not in the log`)
    if (offset === undefined || this.#replayed.has(id)) return
    if (last !== undefined && offset < last.offset)
      onBroken(`event ${n} of ${subject} at ${offset} took effect after ${last.n} at ${last.offset}`)
    this.#lastOffset.set(subject, { offset, n })
  }

  /** After every event of the run. Nothing happens until it resolves. */
  async check(): Promise<void> {
    const { disk, machine, mostHeld, onBroken } = this.#options
    if (disk.commits === this.#commits) return
    this.#commits = disk.commits
    this.#refresh()
    const { gateway, surfaces } = machine()
    const held = surfaces?.delivery?.state().held ?? 0
    if (held > mostHeld) onBroken(`delivery holds ${held} operations, ${mostHeld} at the most`)
    // A figure that has to wait for another event would be of two moments: the next look asks again.
    const told = await Promise.race([gateway?.conservation(), settled()])
    if (told) this.#options.met.add('balance')
    if (told && told.missing !== 0) {
      const { missing, ...figures } = told
      onBroken(`the ledger misses ${missing}: ${JSON.stringify(figures)}`)
    }
  }

  #refresh(): void {
    const wrong = this.#options.log.refresh()
    if (wrong !== undefined) this.#options.onBroken(wrong)
  }
}

/** Of one process, what it sends: how often, how much of it again, and whether it waits when it is told to. */
class Traffic {
  readonly #process: ProcessClock
  readonly #ceiling: number
  readonly #onBroken: (what: string) => void
  readonly #departures: number[] = []
  /** Ids of events whose last call failed for now. */
  readonly #failed = new Set<string>()
  #waitUntil = 0
  #retries = 0
  #fresh = 0

  constructor(process: ProcessClock, ceiling: number, onBroken: (what: string) => void) {
    this.#process = process
    this.#ceiling = ceiling
    this.#onBroken = onBroken
  }

  called(call: Call, process: ProcessClock): void {
    if (process !== this.#process) return
    const now = process.mono()
    if (now < this.#waitUntil) this.#onBroken(`a call left ${this.#waitUntil - now} ms before Retry-After`)
    this.#countDeparture(now)
    this.#countRetry(call, now)
  }

  /** The bucket holds 50 ms of the rate, at least one (delivery/bucket.ts): so many more may leave in any second. */
  #countDeparture(now: number): void {
    this.#departures.push(now)
    while ((this.#departures[0] ?? now) < now - 1000) this.#departures.shift()
    const most = this.#ceiling + Math.max(1, this.#ceiling / 20) + 1
    if (this.#departures.length > most)
      this.#onBroken(`${this.#departures.length} calls in a second, ${most} at the most`)
  }

  /** Retries are at most a tenth of the rest, or five a second (delivery/retry.ts). */
  #countRetry(call: Call, now: number): void {
    const isRetry = idsOf(call).some((id) => this.#failed.has(id))
    if (isRetry) this.#retries += 1
    else this.#fresh += 1
    const most = 0.1 * this.#fresh + 5 * (now / 1000 + 1) + 1
    if (this.#retries > most)
      this.#onBroken(`${this.#retries} retries beside ${this.#fresh} calls in ${now} ms`)
  }

  replied(call: Call, reply: Reply, process: ProcessClock): void {
    if (process !== this.#process) return
    const isForNow = reply.status === null || reply.status === 429 || reply.status >= 500
    for (const id of idsOf(call)) {
      if (isForNow) this.#failed.add(id)
      else this.#failed.delete(id)
    }
    if (reply.status !== 429 && reply.status !== 503) return
    const waitMs = parseRetryAfter(reply.retryAfter, process.now())
    if (waitMs !== undefined) this.#waitUntil = Math.max(this.#waitUntil, process.mono() + waitMs)
  }
}

const idsOf = (call: Call): readonly string[] =>
  itemsOf(call).flatMap((text) => /"id":"([0-9A-Z]{26})"/.exec(text)?.[1] ?? [])

function numberIn(data: string): number {
  const value = parseJson(data)
  return isObject(value) ? Number(value.n) : Number.NaN
}
