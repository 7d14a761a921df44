/**
 * Moves a backlog from one bus to another: what no group has settled, lane by lane in its order, so that every person keeps
 * hers. A record is settled at the source when it is durable at the target. Interrupted, it goes on where it was: what the
 * target holds already is known by where it came from, which every record carries.
 */
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { type BusRecord, HEADER, placeOf, type Received, TOPICS } from '../core/record.ts'
import type { Bus, Subscription } from './bus.ts'

export interface CopyOptions {
  readonly from: Bus
  readonly to: Bus
  /** The topics that are read, with who reads them. */
  readonly readers: readonly { readonly topic: string; readonly group: string }[]
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (moved: number, total: number) => void
}

const BATCH = 500
const LOOK_MS = 100
/** A member of a group on Kafka that died is given up after its session; one that lives stays. */
const ALONE_MS = 15_000

/** How many records wait at the source. */
export async function backlogOf({ from, readers }: Pick<CopyOptions, 'from' | 'readers'>): Promise<number> {
  const lags = await Promise.all(readers.map(({ topic, group }) => from.lag(topic, group)))
  return lags.reduce((sum, { unsettled }) => sum + unsettled, 0)
}

/**
 * Returns how many records were moved; those that an earlier run had brought to the target are not brought again. Throws
 * `conflict` when somebody else reads the source. Whether the target is new `assertEmpty` tells, before the first run.
 */
export async function copyBacklog(options: CopyOptions): Promise<number> {
  const { readers, onProgress } = options
  const total = await backlogOf(options)
  let moved = 0
  for (const reader of readers)
    moved += await copyTopic(options, reader, (count) => onProgress(moved + count, total))
  return moved
}

/** Throws `conflict` for a bus that ever took a record. */
export async function assertEmpty(bus: Bus): Promise<void> {
  for (const topic of Object.values(TOPICS)) {
    const { published } = await bus.lag(topic, 'copy')
    if (published > 0)
      throw new SluiceError('conflict', `The target holds ${published} records on ${topic} already.`, {
        details: { topic, published },
        hint: 'A backlog is moved to a bus that is new, so that nobody loses her order.',
      })
  }
}

type Reader = CopyOptions['readers'][number]

async function copyTopic(
  options: CopyOptions,
  { topic, group }: Reader,
  onMoved: (count: number) => void,
): Promise<number> {
  const { from, to, signal } = options
  const { unsettled } = await from.lag(topic, group)
  if (unsettled === 0) return 0
  const there = await placesAt(to, topic)
  await using subscription = await from.subscribe(topic, group, { batch: BATCH })
  await assertAlone(subscription, options, topic)
  let moved = 0
  for await (const records of subscription) {
    signal.throwIfAborted()
    const copies = records.filter((record) => !there.has(placeOf(record))).map(copyOf)
    await to.publish(topic, copies)
    await subscription.settle(records)
    moved += records.length
    onMoved(moved)
    if (moved >= unsettled) break
  }
  return moved
}

/** On a shared bus others may read along: then a part of the lanes is theirs. */
async function assertAlone(subscription: Subscription, { clock }: CopyOptions, topic: string): Promise<void> {
  const deadline = clock.mono() + ALONE_MS
  while (subscription.share < 1) {
    if (clock.mono() > deadline)
      throw new SluiceError('conflict', `Another process reads ${topic} of the source.`, {
        hint: 'Stop every Sluice that reads it, then copy again.',
      })
    await clock.sleep(LOOK_MS)
  }
}

async function placesAt(bus: Bus, topic: string): Promise<Set<string>> {
  const places = new Set<string>()
  const { positions } = await bus.lag(topic, 'copy')
  for (const [lane, first] of positions)
    for (let from = first; ; ) {
      const records = await bus.read(topic, { lane, from, limit: 10_000 })
      for (const { headers } of records) places.add(headers[HEADER.copiedFrom] ?? '')
      const last = records.at(-1)
      if (last === undefined) break
      from = last.offset + 1
    }
  return places
}

function copyOf(record: Received): BusRecord {
  const { id, key, kind, at, headers, value } = record
  return { id, key, kind, at, headers: { ...headers, [HEADER.copiedFrom]: placeOf(record) }, value }
}
