/** The table `reached`: how far into each lane anything has ended. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Ends } from '../core/ends.ts'
import { ColumnReader } from '../core/runs.ts'

/** Of one topic the highest offset of each of these lanes. Plain data: it crosses to another thread. */
export type Reach = readonly [topic: string, offsets: Readonly<Record<number, number>>]

export class ReachedTable {
  readonly #note: StatementSync
  readonly #of: StatementSync

  constructor(db: DatabaseSync) {
    this.#note = db.prepare(`INSERT INTO reached SELECT ?, key, value FROM json_each(?) WHERE true
      ON CONFLICT DO UPDATE SET "offset" = max("offset", excluded."offset")`)
    this.#of = db.prepare('SELECT lane, "offset" FROM reached WHERE topic = ?')
  }

  /** Belongs in the transaction that records what ended there. */
  note(reaches: Iterable<Reach>): void {
    for (const [topic, offsets] of reaches) this.#note.run(topic, JSON.stringify(offsets))
  }

  of(topic: string): ReadonlyMap<number, number> {
    return new Map(this.#of.all(topic).map(({ lane, offset }) => [Number(lane), Number(offset)]))
  }
}

export function reachesOf({ topic, lanes, offsets }: Pick<Ends, 'topic' | 'lanes' | 'offsets'>): Reach[] {
  const topics = new ColumnReader(topic)
  const reaches = new Map(topic.values.map((name): [string, Record<number, number>] => [name, {}]))
  lanes.forEach((lane, at) => {
    const highest = reaches.get(topics.next() ?? '') ?? {}
    highest[lane] = Math.max(highest[lane] ?? 0, offsets[at] ?? 0)
  })
  return [...reaches]
}
