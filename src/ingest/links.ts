/**
 * People where several processes take operations for one bus. Who is whom must be the same to all of them, or what is said
 * of one person under two names through two processes goes into two lanes. So links are records of `customerio.people`, one
 * lane that is kept for ever, and every process makes its own picture of them from the beginning, in their order: what a
 * link does depends on those before it.
 *
 * Nothing is resolved before everything that is on the topic by then has been learnt. A link is durable before the operation
 * that makes it is answered: who heard the answer and says more through another process finds the link there. That costs a
 * question to the bus for each group of requests (accept.ts), not for each request.
 */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { isObject, parseJson } from '../core/json.ts'
import { TOPICS } from '../core/record.ts'
import type { Ulids } from '../core/ulid.ts'
import { within } from '../core/within.ts'
import type { Link, People } from '../people/people.ts'

export interface SharedPeopleOptions {
  readonly bus: Pick<Bus, 'publish' | 'read'>
  /** The picture: empty at first. It need not outlive the process. */
  readonly local: People
  readonly clock: Clock
  readonly ulids: Ulids
}

const LIMIT = 10_000
/** As long as a publication may take. One that is frozen is asked four times, half a minute each, by its client. */
const ANSWER_MS = 10_000
/** All under one key, so that they lie in one lane and one order on every bus. */
const KEY = 'people'
const KIND = 'people.link'

export class SharedPeople implements People {
  readonly #options: SharedPeopleOptions
  #next = 0
  /** What is asked for while an answer is under way is answered by the one after it. */
  #current: Promise<void> = Promise.resolve()
  #following: Promise<void> | undefined
  /** When what is under way must have been answered, on the monotonic clock. */
  #due: number | undefined

  constructor(options: SharedPeopleOptions) {
    this.#options = options
  }

  /** Learns all that is on the topic at the time of the call, however long that takes. Throws what the bus throws. */
  follow(): Promise<void> {
    this.#following ??= this.#current.then(() => {
      this.#following = undefined
      this.#due = this.#options.clock.mono() + ANSWER_MS
      const following = this.#learn().finally(() => {
        this.#due = undefined
      })
      this.#current = following.catch(() => {}) // who asked is told; the next one asks again
      return following
    })
    return this.#following
  }

  /** Throws `bus_unavailable` when the bus does not answer in time. */
  async resolve(keys: readonly string[]): Promise<readonly string[]> {
    await this.#hear()
    return this.#options.local.resolve(keys)
  }

  /** Links said in one turn of the event loop stay in their order: the bus keeps the order of calls. */
  link(key: string, canonical: string): Promise<void> {
    return this.linkAll([{ key, canonical }])
  }

  /** In their order. Throws `bus_unavailable` when the bus does not answer in time. */
  async linkAll(links: readonly Link[]): Promise<void> {
    const { bus, clock, ulids } = this.#options
    const at = clock.now()
    const records = links.map(({ key, canonical }) => {
      const value = JSON.stringify({ key, canonical })
      return { id: ulids(at), key: KEY, kind: KIND, at, headers: {}, value }
    })
    await bus.publish(TOPICS.people, records)
    await this.#hear()
  }

  /** Nobody waits for an answer who asks for all of them. */
  async *links(): AsyncGenerator<readonly Link[]> {
    await this.follow()
    yield* this.#options.local.links()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await within(this.#options.clock, ANSWER_MS, this.#current)
    await this.#options.local[Symbol.asyncDispose]()
  }

  /**
   * As `follow`, for callers: they had rather know than wait. They come one after the other (accept.ts), so that a question which is
   * under way leaves them no more than the rest of its time.
   */
  async #hear(): Promise<void> {
    const { clock } = this.#options
    const left = this.#due === undefined ? ANSWER_MS : this.#due - clock.mono()
    if (await within(clock, left, this.follow())) return
    throw new SluiceError('bus_unavailable', `The bus has not said who is whom in ${ANSWER_MS / 1000} s.`)
  }

  async #learn(): Promise<void> {
    const { bus, local } = this.#options
    for (;;) {
      const records = await bus.read(TOPICS.people, { from: this.#next, limit: LIMIT })
      const links = records.flatMap(({ value }) => linkIn(value))
      await Promise.all(links.map(({ key, canonical }) => local.link(key, canonical)))
      const last = records.at(-1)
      if (last === undefined) return
      this.#next = last.offset + 1
      if (records.length < LIMIT) return
    }
  }
}

/** Whatever else lies on the topic says nothing. */
function linkIn(value: string): Link[] {
  const link = parseJson(value)
  if (!isObject(link)) return []
  const { key, canonical } = link
  return typeof key === 'string' && typeof canonical === 'string' ? [{ key, canonical }] : []
}
