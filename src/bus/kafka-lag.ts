/** How far a group is, from what the cluster knows and what this process has settled since. */
import type { Lag } from './bus.ts'
import type { HeldLane } from './kafka-lane.ts'
import { settledAbove } from './kafka-position.ts'
import type { KafkaReader } from './kafka-reader.ts'
import type { Saved } from './progress.ts'

/** Of every lane where the oldest unsettled record was, and when it was received: most lanes have not moved since. */
export type Oldest = Map<number, { readonly position: number; readonly at: number | undefined }>

export interface LagQuestion {
  readonly topic: string
  readonly group: string
  /**
   * Lanes that this process holds: what it has settled counts at once, though its commit is still under way. Only what it has
   * settled when it asks: what its ledger counted in that moment would otherwise be settled, too, by the time Kafka has answered.
   */
  readonly held: readonly HeldLane[]
  readonly oldest: Oldest
}

export async function lagOf(reader: KafkaReader, { topic, group, held, oldest }: LagQuestion): Promise<Lag> {
  const own = held.map(({ lane, progress }) => [lane, progress.saved()] as const)
  const [ends, starts, saved] = await Promise.all([
    reader.ends(topic),
    reader.starts(topic),
    reader.committed(topic, group),
  ])
  for (const [lane, progress] of own) saved.set(lane, progress)
  const positions = new Map<number, number>()
  let unsettled = 0
  for (const [lane, end] of ends.entries()) {
    const { position, above } = startAt(saved.get(lane), starts[lane] ?? 0)
    if (position >= end) continue
    positions.set(lane, position)
    unsettled += end - position - settledAbove({ position, above })
  }
  const published = ends.reduce((sum, end) => sum + end, 0)
  return { published, unsettled, oldestAt: await oldestAt(reader, topic, { positions, oldest }), positions }
}

/** A group that has settled nothing begins at the first record that is there, as does one that was overtaken by retention. */
const startAt = (saved: Saved | undefined, start: number): Saved =>
  saved === undefined || saved.position < start ? { position: start, above: [] } : saved

async function oldestAt(
  reader: KafkaReader,
  topic: string,
  { positions, oldest }: { readonly positions: ReadonlyMap<number, number>; readonly oldest: Oldest },
): Promise<number | undefined> {
  const look = async ([lane, position]: readonly [number, number]) => {
    const known = oldest.get(lane)
    if (known?.position === position) return known.at
    const at = await reader.receivedAt(topic, { lane, offset: position })
    oldest.set(lane, { position, at })
    return at
  }
  const all = await Promise.all([...positions].map(look))
  const known = all.filter((at) => at !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
