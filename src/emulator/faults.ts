/**
 * Faults on request: what a network and an overloaded service do to a caller. Rules are set through the control API;
 * for each request they give one verdict.
 */
import type { Clock, Random } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'

const KINDS = ['status', 'latency', 'cut', 'reset', 'rate_limit', 'outage', 'redirect'] as const
export type FaultKind = (typeof KINDS)[number]

export interface FaultRule {
  /**
   * `status` answers with `status`; `latency` waits `ms` plus or minus `jitter` and goes on; `cut` applies the request
   * and drops the connection before the answer; `reset` resets the connection before applying; `rate_limit` answers
   * 429, above `rps` requests a second or by `percent`; `outage` answers `status`, or resets when that is null;
   * `redirect` sends the caller to the same path at `to`, as the US host does with calls of a workspace in the EU.
   */
  readonly kind: FaultKind
  /** Of the matching requests, 0 to 100. One draw decides among all rules together, so their percents add up. */
  readonly percent?: number
  readonly status?: number | null
  readonly ms?: number
  readonly jitter?: number
  readonly rps?: number
  /** An origin, such as `https://track-eu.customer.io`. */
  readonly to?: string
  /** Seconds in `Retry-After`; null leaves the header out. */
  readonly retryAfter?: number | null
  /** How long the rule holds, in milliseconds; without it until it is taken away. */
  readonly forMs?: number
  /** The start of the paths it holds for; without it all. */
  readonly path?: string
  /** Instead of an error in Customer.io's form, as a proxy would answer. */
  readonly body?: string
}

export interface ActiveRule extends FaultRule {
  readonly id: number
}

export interface Verdict {
  readonly delayMs: number
  /** The rule that decides how the request ends; undefined when it is served. */
  readonly rule: ActiveRule | undefined
}

interface Held {
  readonly rule: ActiveRule
  /** On the monotonic clock. */
  readonly until: number
  readonly bucket: Bucket | undefined
}

export class Faults {
  readonly #clock: Clock
  #random: Random
  #held: Held[] = []
  #ids = 0

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  add(rule: FaultRule): ActiveRule {
    this.#ids += 1
    const active = { ...rule, id: this.#ids }
    const now = this.#clock.mono()
    const bucket = rule.rps === undefined ? undefined : new Bucket(rule.rps, now)
    this.#held.push({ rule: active, until: now + (rule.forMs ?? Number.POSITIVE_INFINITY), bucket })
    return active
  }

  /** The rules that still hold. */
  list(): ActiveRule[] {
    const now = this.#clock.mono()
    this.#held = this.#held.filter(({ until }) => until > now)
    return this.#held.map(({ rule }) => rule)
  }

  remove(id: number): boolean {
    const before = this.#held.length
    this.#held = this.#held.filter(({ rule }) => rule.id !== id)
    return this.#held.length < before
  }

  clear(): void {
    this.#held = []
  }

  /** From now on the same requests meet the same faults in every run. */
  seed(seed: number): void {
    this.#random = seededRandom(seed)
  }

  judge(path: string): Verdict {
    if (this.#held.length === 0) return { delayMs: 0, rule: undefined }
    this.list()
    const matching = this.#held.filter(({ rule }) => path.startsWith(rule.path ?? '/'))
    const rule = this.#certain(matching) ?? this.#drawn(matching)
    return { delayMs: this.#delay(matching), rule }
  }

  /** An outage and a spent budget spare nobody. */
  #certain(matching: readonly Held[]): ActiveRule | undefined {
    const now = this.#clock.mono()
    return matching.find(({ rule, bucket }) => rule.kind === 'outage' || bucket?.take(now) === false)?.rule
  }

  /** 30 % of one rule and 30 % of another leave 40 %: one draw falls into one of the stretches that lie side by side. */
  #drawn(matching: readonly Held[]): ActiveRule | undefined {
    const drawn = matching.filter(({ rule, bucket }) => bucket === undefined && rule.kind !== 'latency')
    if (drawn.length === 0) return undefined
    let rest = this.#random() * 100
    for (const { rule } of drawn) {
      rest -= rule.percent ?? 100
      if (rest < 0) return rule
    }
    return undefined
  }

  /** Latency comes on top of whatever else a request meets, and draws for itself. */
  #delay(matching: readonly Held[]): number {
    let delay = 0
    for (const { rule } of matching) {
      if (rule.kind !== 'latency') continue
      if ((rule.percent ?? 100) < 100 && this.#random() * 100 >= (rule.percent ?? 100)) continue
      delay += (rule.ms ?? 0) + (rule.jitter ?? 0) * (2 * this.#random() - 1)
    }
    return Math.max(0, delay)
  }
}

/** A token bucket that holds one second's worth, and one token at the least. */
export class Bucket {
  readonly #rps: number
  readonly #most: number
  #tokens: number
  #at: number

  constructor(rps: number, now: number) {
    this.#rps = rps
    this.#most = Math.max(1, rps)
    this.#tokens = this.#most
    this.#at = now
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#most, this.#tokens + ((now - this.#at) / 1000) * this.#rps)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

/** Mulberry32: a small generator, good enough to spread faults, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A rule from JSON. Throws `bad_request` that names the member. */
export function readRule(value: unknown): FaultRule {
  if (!isObject(value)) throw new SluiceError('bad_request', 'A fault rule must be an object.')
  const kind = KINDS.find((each) => each === value.kind)
  if (kind === undefined)
    throw new SluiceError('bad_request', `The kind of a fault rule must be one of ${KINDS.join(', ')}.`)
  for (const name of Object.keys(value))
    if (!Object.hasOwn(MEMBERS, name)) throw new SluiceError('bad_request', `A fault rule has no "${name}".`)
  for (const [name, { must, isFine }] of Object.entries(MEMBERS)) {
    if (value[name] === undefined || isFine(value[name])) continue
    throw new SluiceError('bad_request', `The ${name} of a fault rule must be ${must}.`, {
      details: { field: name },
      hint: 'Correct it: no fault was added.',
    })
  }
  if (kind === 'redirect' && value.to === undefined)
    throw new SluiceError('bad_request', 'A redirect needs "to", an origin such as http://127.0.0.1:8248.')
  return { ...value, kind }
}

interface Member {
  /** In words, after "must be". */
  readonly must: string
  readonly isFine: (value: unknown) => boolean
}

const numberFrom = (least: number, most: number): Member => ({
  must: `a number from ${least} to ${most}`,
  isFine: (value) => typeof value === 'number' && value >= least && value <= most,
})
const orNull = ({ must, isFine }: Member): Member => ({
  must: `${must}, or null`,
  isFine: (value) => value === null || isFine(value),
})
const text: Member = { must: 'a text', isFine: (value) => typeof value === 'string' }
const ORIGIN = /^https?:\/\/[^/?#]+$/
const origin: Member = {
  must: 'an origin such as http://127.0.0.1:8248',
  isFine: (value) => typeof value === 'string' && ORIGIN.test(value),
}
const ONE_DAY = 24 * 3600 * 1000

const MEMBERS: Readonly<Record<string, Member>> = {
  kind: text,
  percent: numberFrom(0, 100),
  status: orNull(numberFrom(200, 599)),
  ms: numberFrom(0, ONE_DAY),
  jitter: numberFrom(0, ONE_DAY),
  rps: numberFrom(0.001, 1_000_000),
  retryAfter: orNull(numberFrom(0, 86_400)),
  forMs: numberFrom(1, ONE_DAY * 365),
  path: text,
  body: text,
  to: origin,
}
