/** Moments: seconds that are none, the future, and what is too long ago. */
import { isObject, memberMap, objectText, plainNumber } from '../core/json.ts'
import { isEvent } from '../core/operation.ts'
import { inSeconds, MOST_SECONDS, unixSeconds } from '../core/unix-time.ts'
import type { Finding, Fix, Subject } from './finding.ts'

/** Events older than this trigger no campaign (Track API, events). */
export const EVENT_SECONDS = 72 * 3600
/** What a clock may be ahead. */
const AHEAD_SECONDS = 300
export const isAhead = (ageSeconds: number): boolean => ageSeconds < -AHEAD_SECONDS

const isGiven = (value: unknown) => value !== undefined && value !== null && value !== ''
const isNumeric = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)

/** What a time was meant to be, when it is no seconds: undefined for what is no time at all, null when nothing is wrong. */
function meant(value: unknown): number | undefined | null {
  if (typeof value === 'string' && !isNumeric(value)) return unixSeconds(value)
  if (!isNumeric(value)) return undefined
  const time = plainNumber(value)
  return time < MOST_SECONDS ? null : inSeconds(time)
}

/** Sets one member of an object, as text, and leaves the others as they are. */
export const setMember =
  (name: string, text: string) =>
  (object: string): string =>
    objectText(memberMap(object).set(name, text))

export function checkTimes({ kind, value, members }: Subject, nowSeconds: number, found: Finding[]): void {
  const { timestamp, device, attributes } = value
  if (isGiven(timestamp)) checkTimestamp({ kind, timestamp, nowSeconds }, found)
  if (isObject(device) && isGiven(device.last_used)) {
    const seconds = meant(device.last_used)
    const fix = seconds ? { member: 'device', apply: setMember('last_used', String(seconds)) } : undefined
    if (seconds !== null) found.push(notSeconds('device.last_used', fix))
  }
  if (kind === 'person.identify' && isObject(attributes))
    checkCreatedAt(attributes.created_at, members, found)
}

const notSeconds = (field: string, fix: Fix | undefined): Finding => ({
  rule: 'time_not_seconds',
  field,
  message: `${field} must be unix seconds${fix ? '; this looks like something finer, or like a date' : ''}`,
  ...(fix && { fix }),
})

interface Stamped {
  readonly kind: string
  readonly timestamp: unknown
  readonly nowSeconds: number
}

function checkTimestamp({ kind, timestamp, nowSeconds }: Stamped, found: Finding[]): void {
  const seconds = meant(timestamp)
  const set = (to: number): Fix => ({ member: 'timestamp', apply: () => String(to) })
  if (seconds !== null) found.push(notSeconds('timestamp', seconds === undefined ? undefined : set(seconds)))
  if (seconds === undefined) return
  const ageSeconds = nowSeconds - (seconds ?? plainNumber(timestamp))
  if (isAhead(ageSeconds))
    found.push({
      rule: 'time_in_future',
      field: 'timestamp',
      message: `timestamp is ${Math.floor(-ageSeconds)} seconds in the future`,
      fix: set(nowSeconds),
    })
  if (isEvent(kind) && ageSeconds > EVENT_SECONDS)
    found.push({
      rule: 'old_event',
      field: 'timestamp',
      message: `the event is ${Math.floor(ageSeconds / 3600)} hours old and triggers no campaign`,
    })
}

function checkCreatedAt(given: unknown, members: ReadonlyMap<string, string>, found: Finding[]): void {
  if (!isGiven(given) || !members.has('attributes')) return
  const seconds = meant(given)
  if (seconds === null || seconds === undefined) return
  found.push({
    rule: 'created_at_not_seconds',
    field: 'attributes.created_at',
    message: 'created_at must be unix seconds',
    fix: { member: 'attributes', apply: setMember('created_at', String(seconds)) },
  })
}
