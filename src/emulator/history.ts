/**
 * What took effect, numbered in the order of application: events, attribute changes, merges, and whatever else
 * Customer.io's activity log would show. Bounded: the oldest effects are forgotten first.
 */
import { memberMap } from '../core/json.ts'
import { deriveUlid, isUlid } from '../core/ulid.ts'

/** The names of Customer.io's activity log; `_o:<type>:…` are those of objects. */
export type ActivityType =
  | EventType
  | 'add_relationship'
  | 'anon_merge'
  | 'attribute_change'
  | 'delete_relationship'
  | 'device_change'
  | 'failed_attribute_change'
  | 'profile_create'
  | 'profile_delete'
  | 'profile_merge'
  | 'skipped_update'
  | `_o:${string}`

const EVENT_TYPES = ['event', 'page', 'screen', 'viewed_content', 'clicked_content'] as const
export type EventType = (typeof EVENT_TYPES)[number]

export interface Effect {
  readonly seq: number
  readonly type: ActivityType
  /** The cio_id of the person it belongs to now; null for nobody. A merge and an anonymous_id change it. */
  owner: string | null
  /** What the person was called when it took effect, such as `id:42` or `anonymous_id:x`; empty for nobody. */
  readonly key: string
  /** The id that came with an event. */
  readonly id?: string
  readonly name?: string
  /** Unix seconds. */
  readonly timestamp: number
  /** When it took effect: milliseconds since 1970. */
  readonly appliedAt: number
  /** The item's text for an event, the data's own JSON text for everything else; dataOf reads both. */
  readonly text: string
}

export interface History {
  /** The number of the oldest effect that is kept. */
  first: number
  readonly effects: Effect[]
}

/** A million effects are about half a gigabyte; forgetting goes in tenths, so that it costs next to nothing. */
const MOST_EFFECTS = 1_000_000

export const newHistory = (): History => ({ first: 1, effects: [] })

export function append(history: History, effect: Omit<Effect, 'seq'>, most = MOST_EFFECTS): Effect {
  if (history.effects.length >= most) {
    const forgotten = history.effects.splice(0, Math.ceil(most / 10))
    history.first += forgotten.length
  }
  const kept: Effect = { ...effect, seq: history.first + history.effects.length }
  history.effects.push(kept)
  return kept
}

export const effectAt = (history: History, seq: number): Effect | undefined =>
  history.effects[seq - history.first]

export const isEventEffect = (effect: Effect): boolean => EVENT_TYPES.some((type) => type === effect.type)

/** What an effect carries, as JSON text. For an event it is cut out of the item only now: most are never read. */
export function dataOf(effect: Effect): string {
  if (!isEventEffect(effect)) return effect.text
  const data = memberMap(effect.text).get('attributes')
  return data?.startsWith('{') ? data : '{}'
}

/** The id under which an activity is shown: the event's own where it is a ULID, else one derived from its number. */
export function activityId(effect: Effect): string {
  if (effect.id !== undefined && isUlid(effect.id)) return effect.id
  return deriveUlid(effect.appliedAt, [String(effect.seq)])
}
