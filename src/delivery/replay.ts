/**
 * Replay of dead letters: marked in the ledger first, then published under the same id, so that a crash between the two
 * is seen at the next start and finished. Customer.io dedupes events on the id: a replay of one that had taken effect
 * changes nothing.
 */
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../core/clock.ts'
import { isShortage } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import { type BusRecord, HEADER, type Received, TOPICS } from '../core/record.ts'
import type { DeadLetter, Ledger } from '../ledger/ledger.ts'

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
  /** One after the other: what one has marked and not yet published, another would take for lost. */
  #line: Promise<unknown> = Promise.resolve()

  constructor(deps: ReplayDeps) {
    this.#deps = deps
  }

  /**
   * Puts waiting letters through delivery again. More than one slice must come in the order of the log: what is
   * published first is delivered first. Returns the ids of those that were waiting.
   */
  start(ids: readonly string[]): Promise<readonly string[]> {
    return this.#inLine(async () => {
      const replayed: string[] = []
      for (let at = 0; at < ids.length; at += SLICE) {
        const letters = await this.#deps.ledger.dead.startReplay(ids.slice(at, at + SLICE))
        await this.#publish(letters)
        replayed.push(...letters.map(({ id }) => id))
      }
      return replayed
    })
  }

  /**
   * At start: letters that were marked and are not on the bus are published now. Returns how many. A log that is full must be
   * drained before it can take them, and so keeps no process from starting: `catchUp` makes it good.
   */
  async resume(): Promise<number> {
    return this.#inLine(() => this.#publishOwed()).catch((thrown) => {
      if (!isShortage(thrown)) throw thrown
      this.#owed = true
      return 0
    })
  }

  /** To be called now and then: what could not be published when it was marked is tried again. */
  async catchUp(): Promise<void> {
    if (this.#owed) await this.#inLine(() => this.#publishOwed())
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => {}) // who asked is told
    return done
  }

  /**
   * What waits on the bus is asked first: a letter that ends meanwhile is marked no more. A slice at a time is read: a million
   * of them may wait for an outage to end.
   */
  async #publishOwed(): Promise<number> {
    const { ledger } = this.#deps
    if ((await ledger.counts()).replaying === 0) {
      this.#owed = false
      return 0
    }
    const rounds = await unsettledRounds(this.#deps)
    const marked = await ledger.dead.ids({ state: 'replaying' })
    const onTheirWay = await awaitedOf(rounds, ledger)
    const lost = marked.filter((id) => !onTheirWay.has(id))
    for (let at = 0; at < lost.length; at += SLICE)
      await this.#publish(await this.#read(lost.slice(at, at + SLICE)))
    this.#owed = false
    return lost.length
  }

  /** Those that are still on their way: one that has ended meanwhile is a letter no more. */
  async #read(ids: readonly string[]): Promise<DeadLetter[]> {
    const found = await Promise.all(ids.map((id) => this.#deps.ledger.dead.find(id)))
    return found.flatMap((letter) => (letter?.state === 'replaying' ? letter : []))
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

/**
 * Those of them that are still to be sent, each once. One that had ended when the process died, before the bus knew, comes again;
 * and where the bus left in doubt whether it had taken one, two of it may lie there. Sent once more, a deletion would take what
 * came after it. What the ledger knows nothing of is sent. Those that were let in before must have been recorded.
 */
export async function siftReplays(
  ledger: Pick<Ledger, 'dead' | 'find'>,
  records: readonly Received[],
): Promise<readonly Received[]> {
  const left = new Map<string, Received>()
  for (const record of records) {
    const { id } = record
    const letter = await ledger.dead.find(id)
    const isAwaited =
      letter === undefined ? (await ledger.find(id)) === undefined : isAwaitedBy(letter, roundOf(record))
    if (isAwaited && !left.has(id)) left.set(id, record)
  }
  return [...left.values()]
}

const isAwaitedBy = ({ state, replays }: DeadLetter, round: number | undefined): boolean =>
  state === 'replaying' && (round === undefined || round === replays + 1)

/** Undefined where a Sluice published it that did not count them yet. */
function roundOf({ headers }: Pick<BusRecord, 'headers'>): number | undefined {
  const round = headers[HEADER.round]
  return round === undefined ? undefined : Number(round)
}

const recordOf = (
  { id, key, kind, headers, value, replays }: DeadLetter,
  at: number,
  node: string | undefined,
): BusRecord => ({
  id,
  key,
  kind,
  at,
  headers: {
    ...headers,
    [HEADER.round]: String(replays + 1),
    ...(node === undefined ? {} : { [HEADER.ledger]: node }),
  },
  value,
})

/** The letters of which replays lie on the bus, by their round. */
type Rounds = ReadonlyMap<number | undefined, ReadonlySet<string>>

/**
 * The letters whose replays, the very ones that are awaited, lie on the bus. One of an earlier round, that has ended and is not
 * settled yet, or lies beyond one that is not, does not bring the letter anywhere.
 */
async function awaitedOf(rounds: Rounds, { dead }: Ledger): Promise<ReadonlySet<string>> {
  const found = new Set(rounds.get(undefined))
  for (const [round, lying] of rounds) {
    if (round === undefined) continue
    const awaited = await dead.ids({ state: 'replaying', replays: round - 1 })
    for (const id of awaited) if (lying.has(id)) found.add(id)
  }
  return found
}

async function unsettledRounds({ bus, node }: ReplayDeps): Promise<Rounds> {
  const rounds = new Map<number | undefined, Set<string>>()
  const { positions } = await bus.lag(TOPICS.replay, replayGroup(node))
  for (const [lane, position] of positions) {
    for (let from = position; ; ) {
      const records = await bus.read(TOPICS.replay, { lane, from, limit: 1000 })
      for (const record of records) if (isReplayOf(record, node)) note(rounds, record)
      const last = records.at(-1)
      if (last === undefined) break
      from = last.offset + 1
    }
  }
  return rounds
}

function note(rounds: Map<number | undefined, Set<string>>, record: Received): void {
  const ids = rounds.get(roundOf(record)) ?? new Set()
  rounds.set(roundOf(record), ids.add(record.id))
}
