/** What became of the events of a scenario: the check behind the words "none lost". Pure. */

export interface SentEvent {
  readonly id: string
  readonly person: string
}

export interface AppliedEvent {
  readonly id: string | null
}

export interface Tally {
  readonly sent: number
  readonly applied: number
  /** Sent and never applied. */
  readonly missing: number
  /** Applied more than once. */
  readonly repeated: number
  /** Applied before an earlier one of the same person. */
  readonly out_of_order: number
}

/** Both in their order: `sent` as it was accepted, `applied` as it took effect. Events of others do not count. */
export function tally(sent: readonly SentEvent[], applied: readonly AppliedEvent[]): Tally {
  const places = new Map(sent.map(({ id, person }, place) => [id, { place, person }]))
  const seen = new Map<string, number>()
  const latest = new Map<string, number>()
  let outOfOrder = 0
  for (const { id } of applied) {
    const known = id === null ? undefined : places.get(id)
    if (id === null || known === undefined) continue
    const times = (seen.get(id) ?? 0) + 1
    seen.set(id, times)
    if (times > 1) continue
    if (known.place < (latest.get(known.person) ?? -1)) outOfOrder += 1
    latest.set(known.person, Math.max(known.place, latest.get(known.person) ?? -1))
  }
  const repeated = [...seen.values()].filter((times) => times > 1).length
  return {
    sent: sent.length,
    applied: seen.size,
    missing: sent.length - seen.size,
    repeated,
    out_of_order: outOfOrder,
  }
}

export const isWhole = ({ missing, repeated, out_of_order }: Tally): boolean =>
  missing === 0 && repeated === 0 && out_of_order === 0
