/**
 * The id and the time that an operation carries from here on. An event keeps one ULID through every retry and replay
 * (promise P4); where the client gave an id, the same id always gives the same ULID. Pure, but for the ULIDs it draws.
 */
import { isEvent, KINDS, type Kind } from '../core/operation.ts'
import type { Headers } from '../core/record.ts'
import { deriveUlid, isUlid, type Ulids } from '../core/ulid.ts'
import { type Draft, writeValue } from './draft.ts'

/** What all operations of one request have in common. */
export interface Arrival {
  readonly source: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** The request's `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined
  readonly ulids: Ulids
}

/**
 * A class, since V8 allocates what comes of a literal among the old as soon as most of it survives a collection of the young,
 * as it does while a process starts: from then on all that it points to lives on with it.
 */
export class Operation {
  readonly id: string
  /** Under what a repeat is recognised, within its source; undefined when the client gave nothing to tell it by. */
  readonly seenAs: string | undefined
  readonly kind: Kind
  readonly key: string
  readonly others: readonly string[]
  /** The identify had no timestamp of its own. */
  readonly stamped: boolean
  readonly value: string
  readonly headers: Headers | undefined

  /** `at`: when it came in, milliseconds since 1970. */
  constructor(draft: Draft, { id, seenAs }: Name, at: number) {
    const { kind, others, headers } = draft
    const isStamped = draft.seconds === undefined && hasTime(kind)
    this.id = id
    this.seenAs = seenAs
    this.kind = kind
    this.key = draft.key ?? `invite:${id}`
    this.others = others
    this.stamped = isStamped && kind === 'person.identify'
    this.value = stampedValue(draft, isEvent(kind) ? id : undefined, isStamped ? secondsText(at) : undefined)
    this.headers = headers
  }
}

type Name = Pick<Operation, 'id' | 'seenAs'>

/** `index` is the operation's place in its request. The draft is used up: the stamps go into its members. */
export const stamp = (draft: Draft, index: number, arrival: Arrival): Operation =>
  new Operation(draft, nameOperation(draft, index, arrival), draft.at ?? arrival.at)

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
