/** What took effect at the emulated Customer.io, by the numbers that the load put into its events. */
import type { Emulator } from '../emulator/emulator.ts'
import type { Tick } from './load.ts'

export interface Effects {
  readonly seen: ReadonlySet<number>
  /** Events whose number had taken effect before, under whatever id. */
  readonly twice: number
  /** Events that took effect after a later one of the same person. */
  readonly outOfOrder: number
}

export function effectsOf(emulator: Emulator): Effects {
  const seen = new Set<number>()
  const last = new Map<string, number>()
  let twice = 0
  let outOfOrder = 0
  for (const { data, person } of emulator.events()) {
    const n = Number(data.n)
    const key = person ?? ''
    if (seen.has(n)) twice += 1
    else if (n < (last.get(key) ?? 0)) outOfOrder += 1
    seen.add(n)
    last.set(key, n)
  }
  return { seen, twice, outOfOrder }
}

/** The numbers of those that should have taken effect and did not. */
export const lostOf = (sent: readonly Tick[], { seen }: Effects): number[] =>
  sent.filter(({ n, bad }) => !bad && !seen.has(n)).map(({ n }) => n)

/** The first few of a list, for a person to look at. */
export const someOf = (list: Iterable<unknown>): string => [...list].slice(0, 3).join(', ')
