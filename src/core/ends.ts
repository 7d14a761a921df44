/**
 * How operations ended, one by one and many together. Those that ended together wait for the disk in columns: what waits as
 * objects, one for each, has to be moved and looked at by every collection of memory until it is written.
 */
import type { Attempt, Outcome, Refusal } from './outcome.ts'
import type { Headers } from './record.ts'
import { type Column, ColumnReader, ColumnWriter, RunReader, type Runs, RunWriter } from './runs.ts'

/** One operation's end. */
export interface End {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly headers: Headers
  /** When Sluice received it, and when it ended; milliseconds since 1970. */
  readonly receivedAt: number
  readonly endedAt: number
  readonly topic: string
  readonly lane: number
  readonly offset: number
  readonly outcome: Outcome
  readonly attempts: readonly Attempt[]
  /** For `coalesced`: the operation that carried its values. */
  readonly into?: string
  /** For `dead` and `suppressed`. */
  readonly refusal?: Refusal
}

/** What few have. */
export type Rare = Pick<End, 'into' | 'refusal'>

/** Operations that ended at one time, in columns. None of them is dead: those are kept whole. Plain data. */
export interface Ends {
  readonly ended: number
  readonly ids: readonly string[]
  readonly keys: readonly string[]
  readonly lanes: readonly number[]
  readonly offsets: readonly number[]
  readonly received: Runs
  readonly kind: Column<string>
  readonly headers: Column<Headers>
  readonly topic: Column<string>
  readonly outcome: Column<Outcome>
  readonly attempts: Column<readonly Attempt[]>
  /** By their places. */
  readonly more: readonly (readonly [place: number, rare: Rare])[]
}

export const isMany = (ended: End | Ends): ended is Ends => 'ids' in ended

/** What ended, as a record or an entry has it. */
export interface Subject
  extends Pick<End, 'id' | 'key' | 'kind' | 'headers' | 'topic' | 'lane' | 'offset' | 'attempts'> {
  /** When Sluice received it. */
  readonly at: number
}

export class EndsWriter {
  readonly #ended: number
  readonly #ids: string[] = []
  readonly #keys: string[] = []
  readonly #lanes: number[] = []
  readonly #offsets: number[] = []
  readonly #received = new RunWriter()
  readonly #kinds = new ColumnWriter<string>(String)
  readonly #headers = new ColumnWriter<Headers>(JSON.stringify)
  readonly #topics = new ColumnWriter<string>(String)
  readonly #outcomes = new ColumnWriter<Outcome>(String)
  readonly #attempts = new ColumnWriter<readonly Attempt[]>(JSON.stringify)
  readonly #more: (readonly [number, Rare])[] = []

  /** `ended`: milliseconds since 1970. */
  constructor(ended: number) {
    this.#ended = ended
  }

  add(subject: Subject, { outcome, into, refusal }: Pick<End, 'outcome'> & Rare): void {
    const { id, key, kind, headers, topic, lane, offset, attempts, at } = subject
    const place = this.#ids.push(id) - 1
    this.#keys.push(key)
    this.#lanes.push(lane)
    this.#offsets.push(offset)
    this.#received.add(at)
    this.#kinds.add(kind)
    this.#headers.add(headers)
    this.#topics.add(topic)
    this.#outcomes.add(outcome)
    this.#attempts.add(attempts)
    if (into !== undefined || refusal !== undefined) this.#more.push([place, rareOf(into, refusal)])
  }

  get ends(): Ends {
    return {
      ended: this.#ended,
      ids: this.#ids,
      keys: this.#keys,
      lanes: this.#lanes,
      offsets: this.#offsets,
      received: this.#received.runs,
      kind: this.#kinds.column,
      headers: this.#headers.column,
      topic: this.#topics.column,
      outcome: this.#outcomes.column,
      attempts: this.#attempts.column,
      more: this.#more,
    }
  }
}

const rareOf = (into: string | undefined, refusal: Refusal | undefined): Rare => ({
  ...(into === undefined ? {} : { into }),
  ...(refusal === undefined ? {} : { refusal }),
})

/** One by one, in the order in which they ended. */
export function eachOf(ends: Ends): End[] {
  const { ids, keys, lanes, offsets } = ends
  const received = new RunReader(ends.received)
  const [kinds, topics] = [new ColumnReader(ends.kind), new ColumnReader(ends.topic)]
  const outcomes = new ColumnReader(ends.outcome)
  const headers = new ColumnReader(ends.headers)
  const attempts = new ColumnReader(ends.attempts)
  const more = new Map(ends.more)
  return ids.map((id, place) => ({
    id,
    key: keys[place] ?? '',
    kind: kinds.next() ?? '',
    headers: headers.next() ?? {},
    receivedAt: received.next(),
    endedAt: ends.ended,
    topic: topics.next() ?? '',
    lane: lanes[place] ?? 0,
    offset: offsets[place] ?? 0,
    outcome: outcomes.next() ?? 'delivered',
    attempts: attempts.next() ?? [],
    ...more.get(place),
  }))
}
