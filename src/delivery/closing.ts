/** What has ended, as it waits for settlement: the dead one by one and whole, all others in columns. Pure. */
import { type Ends, EndsWriter, isMany } from '../core/ends.ts'
import type { Place } from '../core/record.ts'
import { RunReader, type Runs, RunWriter } from '../core/runs.ts'
import type { Entry } from '../ledger/ledger.ts'
import { headersOf } from './age.ts'
import type { Ended } from './op.ts'

export interface Closing {
  readonly topic: string
  readonly ended: Ends | Entry
  /** Under which each was handed out. */
  readonly epochs: Runs
}

/** In the order in which they ended. */
export function closingsOf(ended: readonly Ended[], endedAt: number): Closing[] {
  const closings: Closing[] = []
  let many: Many | undefined
  for (const end of ended) {
    const { topic, epoch } = end.op
    if (many && (end.outcome === 'dead' || many.topic !== topic)) {
      closings.push(many.closing)
      many = undefined
    }
    if (end.outcome === 'dead') closings.push({ topic, ended: deadOf(end, endedAt), epochs: [epoch, 1] })
    else {
      many ??= new Many(topic, endedAt)
      many.add(end)
    }
  }
  if (many) closings.push(many.closing)
  return closings
}

class Many {
  readonly topic: string
  readonly #ends: EndsWriter
  readonly #epochs = new RunWriter()

  constructor(topic: string, endedAt: number) {
    this.topic = topic
    this.#ends = new EndsWriter(endedAt)
  }

  add(end: Ended): void {
    const { op } = end
    this.#ends.add(op.findings.length === 0 ? op : { ...op, headers: headersOf(op) }, end)
    this.#epochs.add(op.epoch)
  }

  get closing(): Closing {
    return { topic: this.topic, ended: this.#ends.ends, epochs: this.#epochs.runs }
  }
}

function deadOf({ op, refusal }: Ended, endedAt: number): Entry {
  const { id, key, kind, at: receivedAt, topic, lane, offset, value, attempts } = op
  const what = { id, key, kind, headers: headersOf(op), topic, lane, offset, value }
  const end = { receivedAt, endedAt, outcome: 'dead', attempts } as const
  return refusal === undefined ? { ...what, ...end } : { ...what, ...end, refusal }
}

/** How many operations lie on this topic. */
export const countOn = (topic: string, closings: readonly Closing[]): number =>
  closings.reduce((count, closing) => count + (closing.topic === topic ? sizeOf(closing) : 0), 0)

const sizeOf = ({ ended }: Closing): number => (isMany(ended) ? ended.ids.length : 1)

/** Where they lie. */
export function placesOf({ topic, ended, epochs }: Closing): Place[] {
  const epoch = new RunReader(epochs)
  const { lanes, offsets } = isMany(ended) ? ended : { lanes: [ended.lane], offsets: [ended.offset] }
  return lanes.map((lane, at) => ({ topic, lane, offset: offsets[at] ?? 0, epoch: epoch.next() }))
}
