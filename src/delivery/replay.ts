/**
 * Replay of dead letters: marked in the ledger first, then published under the same id, so that a crash between the two
 * is seen at the next start and finished. Customer.io dedupes events on the id: a replay of one that had taken effect
 * changes nothing.
 */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import type { Notify } from '../core/notices.ts'
import { type BusRecord, HEADER, TOPICS } from '../core/record.ts'
import type { DeadLetter, Ledger, LetterPlace } from '../ledger/ledger.ts'

export interface ReplayDeps {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly clock: Clock
  readonly notify: Notify
  /** The name of this ledger, where other processes with ledgers of their own share the bus. */
  readonly node?: string | undefined
}

/**
 * Who reads replays. Where the bus is shared every process reads them all and takes those of its own ledger, since only
 * there the letter can end.
 */
export const replayGroup = (node: string | undefined): string =>
  node === undefined ? GROUP : `${GROUP}.${node}`

export const isReplayOf = ({ headers }: Pick<BusRecord, 'headers'>, node: string | undefined): boolean =>
  node === undefined || headers[HEADER.ledger] === node

/** The consumer group of live traffic. */
export const GROUP = 'delivery'

/** Letters published at once. */
const SLICE = 500

export class Replays {
  readonly #deps: ReplayDeps
  /** Letters may be marked that the bus has not: a full disk refused them. */
  #owed = false

  constructor(deps: ReplayDeps) {
    this.#deps = deps
  }

  /**
   * Puts waiting letters through delivery again. More than one slice must come in the order of the log (`byReceipt`): what is
   * published first is delivered first. Returns the ids of those that were waiting.
   */
  async start(ids: readonly string[]): Promise<readonly string[]> {
    const replayed: string[] = []
    for (let at = 0; at < ids.length; at += SLICE) {
      const letters = await this.#deps.ledger.dead.startReplay(ids.slice(at, at + SLICE))
      await this.#publish(letters)
      replayed.push(...letters.map(({ id }) => id))
    }
    return replayed
  }

  /**
   * At start: letters that were marked and are not on the bus are published now. Returns how many. A slice at a time is read:
   * a million of them may wait for an outage to end.
   */
  async resume(): Promise<number> {
    const marked = await this.#deps.ledger.dead.replaying()
    if (marked.length === 0) return 0
    const waiting = await unsettledIds(this.#deps)
    const lost = marked.filter(({ id }) => !waiting.has(id))
    for (let at = 0; at < lost.length; at += SLICE)
      await this.#publish(await this.#read(lost.slice(at, at + SLICE)))
    return lost.length
  }

  /** Those that are still on their way: one that has ended meanwhile is a letter no more. */
  async #read(places: readonly LetterPlace[]): Promise<DeadLetter[]> {
    const found = await Promise.all(places.map(({ id }) => this.#deps.ledger.dead.find(id)))
    return found.flatMap((letter) => (letter?.state === 'replaying' ? letter : []))
  }

  /** To be called now and then: what could not be published when it was marked is tried again. */
  async catchUp(): Promise<void> {
    if (!this.#owed) return
    this.#owed = false
    await this.resume()
  }

  async #publish(letters: readonly DeadLetter[]): Promise<void> {
    const { bus, clock, notify, node } = this.#deps
    if (letters.length === 0) return
    const records = letters.map((letter) => recordOf(letter, clock.now(), node))
    try {
      await bus.publish(TOPICS.replay, records)
    } catch (thrown) {
      this.#owed = true
      throw thrown
    }
    notify('ledger.replayed', { count: letters.length })
  }
}

const recordOf = (
  { id, key, kind, headers, value }: DeadLetter,
  at: number,
  node: string | undefined,
): BusRecord => ({
  id,
  key,
  kind,
  at,
  headers: node === undefined ? headers : { ...headers, [HEADER.ledger]: node },
  value,
})

async function unsettledIds({ bus, node }: ReplayDeps): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  const { positions } = await bus.lag(TOPICS.replay, replayGroup(node))
  for (const [lane, position] of positions) {
    for (let from = position; ; ) {
      const records = await bus.read(TOPICS.replay, { lane, from, limit: 1000 })
      for (const { id } of records) ids.add(id)
      const last = records.at(-1)
      if (last === undefined) break
      from = last.offset + 1
    }
  }
  return ids
}
