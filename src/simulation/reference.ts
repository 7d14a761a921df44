/**
 * What Customer.io would hold had everything in the log reached it at once, in order and once: the emulator's own rules,
 * without a network. What it really holds is compared with that.
 */
import type { Clock } from '../core/clock.ts'
import { apply } from '../emulator/apply.ts'
import { dataOf, isEventEffect } from '../emulator/history.ts'
import { readItem } from '../emulator/item.ts'
import { newState, type State } from '../emulator/state.ts'
import type { Logged } from './log-view.ts'

export function stateOf(records: readonly Logged[], clock: Pick<Clock, 'now'>): State {
  const state = newState()
  const now = clock.now()
  for (const { value, at } of records) apply(state, readItem(value), { accepted: at, now })
  return state
}

/** Everything that an application could see, without the moments at which it came to be so and without cio_ids. */
export function holdingsOf(state: State): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const person of state.people.values()) {
    const names = [...person.identifiers].map(([kind, { value }]) => `${kind}:${value}`).sort()
    const attributes = [...person.attributes].map(([name, { text }]) => `${name}=${text}`).sort()
    const devices = [...person.devices.keys()].sort()
    const anonymous = [...person.anonymousIds].sort()
    found[names.join(' ')] = JSON.stringify({ attributes, devices, anonymous })
  }
  const suppressed = [...state.suppressed.keys()].filter((key) => !key.startsWith('cio_id:'))
  found.suppressed = suppressed.sort().join(' ')
  for (const [key, { attributes }] of state.objects) found[`object ${key}`] = JSON.stringify([...attributes])
  return found
}

/** The data of every event that took effect, in no order. */
export const eventsOf = (state: State): readonly string[] =>
  state.history.effects.filter(isEventEffect).map(dataOf).sort()
