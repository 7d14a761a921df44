/**
 * The id and the time that an operation carries from here on. An event keeps one ULID through every retry and replay
 * (promise P4); where the client gave an id, the same id always gives the same ULID. Pure, but for the ULIDs it draws.
 */
import { byteLength, memberMap } from '../core/json.ts'
import { isEvent, KINDS, type Kind } from '../core/operation.ts'
import type { BusRecord, Headers } from '../core/record.ts'
import { deriveUlid, isUlid, type Ulids } from '../core/ulid.ts'
import { setMember } from '../preflight/times.ts'
import { type Draft, type Members, writeValue } from './draft.ts'

/** What all operations of one request have in common. */
export interface Arrival {
  readonly source: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** The request's `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined
  /** What most of its records say. */
  readonly headers: Headers
  readonly ulids: Ulids
}

/** An operation on its way to its place on the bus. */
export interface Operation {
  readonly id: string
  /** Under what a repeat is recognised, within its source; undefined when the client gave nothing to tell it by. */
  readonly seenAs: string | undefined
  readonly kind: Kind
  readonly key: string
  readonly others: readonly string[]
  /** The identify had no timestamp of its own. */
  readonly stamped: boolean
  readonly value: string
  /** What is said beside it, over what its request says for all. */
  readonly own: Headers | undefined
}

/**
 * Classes, since V8 allocates what comes of a literal among the old as soon as most of it survives a collection of the young,
 * as it does while a process starts: from then on all that it points to lives on with it.
 */
class Stamped implements Operation {
  readonly id: string
  readonly seenAs: string | undefined
  readonly kind: Kind
  readonly key: string
  readonly others: readonly string[]
  readonly stamped: boolean
  readonly value: string
  readonly own: Headers | undefined

  /** `at`: when it came in, milliseconds since 1970. */
  constructor(draft: Draft, { id, seenAs }: Name, at: number) {
    const { kind, others, headers } = draft
    const isStamped = draft.seconds === undefined && hasTime(kind)
    if (kind === 'person.add_device') stampDevice(draft.members, at)
    this.id = id
    this.seenAs = seenAs
    this.kind = kind
    this.key = draft.key ?? `invite:${id}`
    this.others = others
    this.stamped = isStamped && kind === 'person.identify'
    this.value = stampedValue(draft, isEvent(kind) ? id : undefined, isStamped ? secondsText(at) : undefined)
    this.own = headers
  }
}

/** An event without anything to be remembered or looked at later: it is the record already, unless its key is another. */
export class PlainEvent implements Operation, BusRecord {
  readonly id: string
  readonly key: string
  readonly kind: Kind
  readonly at: number
  readonly headers: Headers
  readonly value: string

  constructor(draft: Draft, key: string, { at, headers, ulids }: Arrival) {
    this.id = ulids(at)
    this.key = key
    this.kind = draft.kind
    this.at = at
    this.headers = headers
    this.value = stampedValue(draft, this.id, draft.seconds === undefined ? secondsText(at) : undefined)
  }

  get seenAs(): undefined {
    return undefined
  }

  get others(): readonly string[] {
    return NOBODY
  }

  get stamped(): boolean {
    return false
  }

  get own(): undefined {
    return undefined
  }
}

const NOBODY: readonly string[] = []

type Name = Pick<Operation, 'id' | 'seenAs'>

/** `index` is the operation's place in its request, among those that were refused too. The draft is used up: the stamps go into its members. */
export function stamp(draft: Draft, index: number, arrival: Arrival): Operation {
  const { key } = draft
  if (key !== undefined && isPlainEvent(draft, arrival)) return new PlainEvent(draft, key, arrival)
  return new Stamped(draft, nameOperation(draft, index, arrival), draft.at ?? arrival.at)
}

const isPlainEvent = ({ kind, clientId, at, others, headers }: Draft, { idempotencyKey }: Arrival): boolean =>
  clientId === undefined &&
  idempotencyKey === undefined &&
  others.length === 0 &&
  headers === undefined &&
  at === undefined &&
  isEvent(kind)

let lastSecond = 0
let lastText = '0'

/** Unix seconds: most are those of the operation before, and need not be written again. */
function secondsText(at: number): string {
  const second = Math.floor(at / 1000)
  if (second !== lastSecond) {
    lastSecond = second
    lastText = String(second)
  }
  return lastText
}

function stampedValue(draft: Draft, id: string | undefined, timestamp: string | undefined): string {
  const { plain } = draft
  if (plain !== undefined) {
    const time = timestamp === undefined ? '' : `,"timestamp":${timestamp}`
    return id === undefined
      ? `${plain.before}${time}${plain.after}`
      : `${plain.before},"id":"${id}"${time}${plain.after}`
  }
  const { members } = draft
  if (id !== undefined) members.set('id', JSON.stringify(id))
  if (timestamp !== undefined) members.set('timestamp', timestamp)
  return writeValue(members)
}

/** Room for what is added: an id and a time, each with its name, and a time in a device. */
const BESIDE = 100
/** A ULID, and a time, as long as any. */
const ANY_ULID = '0'.repeat(26)
const ANY_TIME = 1_000_000_000_000

/**
 * The bytes of an operation with what is added to it, where these are more than the limit; else undefined. The draft stays as
 * it is.
 */
export function stampedBytesOver(draft: Draft, limit: number): number | undefined {
  if (lengthOf(draft) * 3 + BESIDE <= limit) return undefined
  const { clientId } = draft
  const id = clientId !== undefined && isUlid(clientId) ? clientId : ANY_ULID
  const copy = draft.plain === undefined ? { ...draft, members: new Map(draft.members) } : draft
  const bytes = byteLength(new Stamped(copy, { id, seenAs: undefined }, ANY_TIME).value)
  return bytes > limit ? bytes : undefined
}

/** Of its text, in UTF-16 units, each of which is three bytes of UTF-8 at the most. */
function lengthOf(draft: Draft): number {
  const { plain } = draft
  if (plain !== undefined) return plain.before.length + plain.after.length
  let length = 0
  for (const [name, text] of draft.members) length += name.length + text.length + 4
  return length
}

/** Of a device that says no time of its own Customer.io takes that of the call: delivered late, it would be the one used last. */
function stampDevice(members: Members, at: number): void {
  const device = members.get('device') ?? '{}'
  if (['""', 'null', undefined].includes(memberMap(device).get('last_used')))
    members.set('device', setMember('last_used', secondsText(at))(device))
}

/** What Customer.io would take to have happened when it is delivered. */
const hasTime = (kind: Kind): boolean =>
  isEvent(kind) || kind === 'person.identify' || (KINDS[kind] === 'report' && kind !== 'unsubscribe.report')

/**
 * A ULID of the client is the operation's id exactly as it stands in the value; two spellings of one ULID are the same
 * repeat. Any other id, or an Idempotency-Key, is hashed into a ULID with the event's own time, or 0: not that of the
 * receipt, which differs between two tries. The repeat is recognised by the hash alone (its last 16 digits, 80 bits), so
 * that a client which stamps each try anew is recognised too.
 */
function nameOperation(draft: Draft, index: number, arrival: Arrival): Name {
  const { clientId, seconds } = draft
  const { source, idempotencyKey } = arrival
  if (clientId !== undefined && isUlid(clientId)) return { id: clientId, seenAs: clientId.toUpperCase() }
  if (clientId === undefined && idempotencyKey === undefined)
    return { id: arrival.ulids(arrival.at), seenAs: undefined }
  const parts = clientId === undefined ? [source, idempotencyKey ?? '', String(index)] : [source, clientId]
  const time = seconds !== undefined && Number.isFinite(seconds) ? seconds * 1000 : 0
  const id = deriveUlid(time, parts)
  return { id, seenAs: id.slice(10) }
}
