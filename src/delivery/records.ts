/** Outcomes and dead letters as the records that tell of them; their form is in docs/asyncapi.yaml. Pure. */
import { type End, type Ends, eachOf, isMany } from '../core/ends.ts'
import { isObject, parseJson, plainText } from '../core/json.ts'
import type { Refusal } from '../core/outcome.ts'
import { type BusRecord, HEADER, type Headers, UNREADABLE } from '../core/record.ts'
import type { Entry } from '../ledger/ledger.ts'

/** Records that are published in one call, at the least, where there are so many: as many as one chunk of the log has. */
const TOGETHER = 1_000

/**
 * `customerio.processed`: how each ended, how long it took from receipt, and the correlation id to join it by. Operations of
 * one request that ended in one call differ in their ids alone, so that the rest is written once for all of them.
 * They come some at a time.
 */
export function* processedRecords(ended: readonly (End | Ends)[]): Generator<BusRecord[]> {
  const told = new Map<Headers, Told>()
  let records: BusRecord[] = []
  for (const one of ended) {
    for (const end of isMany(one) ? eachOf(one) : [one]) records.push(processedRecord(end, told))
    if (records.length < TOGETHER) continue
    yield records
    records = []
  }
  if (records.length > 0) yield records
}

function processedRecord(end: End, told: Map<Headers, Told>): BusRecord {
  const before = told.get(end.headers)
  const tale = before && isAlike(before.end, end) ? before : tell(end)
  if (tale !== before) told.set(end.headers, tale)
  return new Processed(end, tale)
}

/** A class, as an operation is (op.ts): it is gone as soon as it is published. */
class Processed implements BusRecord {
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly at: number
  readonly headers: Headers
  readonly value: string

  constructor({ id, key, kind, endedAt }: End, { headers, rest }: Told) {
    this.id = id
    this.key = key
    this.kind = kind
    this.at = endedAt
    this.headers = headers
    this.value = `{"id":${JSON.stringify(id)},${rest}`
  }
}

/** All but the id, with the end that it was said of. */
interface Told {
  readonly end: End
  readonly rest: string
  readonly headers: Headers
}

const tell = (end: End): Told => ({
  end,
  rest: JSON.stringify(taleOf(end)).slice(1),
  headers: withoutEncoding(end.headers),
})

const isAlike = (one: End, other: End): boolean =>
  one.attempts === other.attempts &&
  one.kind === other.kind &&
  one.outcome === other.outcome &&
  one.receivedAt === other.receivedAt &&
  one.endedAt === other.endedAt &&
  one.into === other.into &&
  one.refusal === other.refusal

const taleOf = ({ kind, headers, receivedAt, endedAt, outcome, attempts, into, refusal }: End): object => ({
  kind,
  outcome,
  into,
  refusal,
  attempts: attempts.length,
  correlation_id: headers[HEADER.correlationId],
  origin: headers[HEADER.origin],
  received_at: new Date(receivedAt).toISOString(),
  processed_at: new Date(endedAt).toISOString(),
  processing_ms: Math.max(0, endedAt - receivedAt),
})

/** `customerio.dlq`: the operation whole, or the message that is none; every attempt; and the reason. */
export function deadRecord(entry: Entry): BusRecord {
  const { id, key, kind, headers, receivedAt, endedAt, attempts, refusal, value = 'null' } = entry
  const rest = JSON.stringify({
    id,
    kind,
    refusal,
    attempts,
    correlation_id: headers[HEADER.correlationId],
    received_at: new Date(receivedAt).toISOString(),
    dead_at: new Date(endedAt).toISOString(),
  })
  const what = isJson(entry) ? `"operation":${value}` : `"message":${JSON.stringify(messageOf(entry))}`
  return {
    id,
    key,
    kind,
    at: endedAt,
    headers: withoutEncoding(headers),
    value: `${rest.slice(0, -1)},${what}}`,
  }
}

/** Any kind but ours may hold anything, also where its headers say otherwise. */
const isJson = ({ kind, value = 'null' }: Entry): boolean =>
  kind !== UNREADABLE && parseJson(value) !== undefined

/** Whatever was written, with the place where it lies: that of the stranger's record, else that of this one. */
function messageOf({ headers, topic, lane, offset, value }: Entry): object {
  const [from = topic, partition = lane, at = offset] = headers[HEADER.origin]?.split('/') ?? []
  const encoding = headers[HEADER.encoding] ?? 'utf-8'
  return { topic: from, partition: Number(partition), offset: Number(at), encoding, value: value ?? '' }
}

/** The header speaks of the value of the operation, which here stands within another. */
function withoutEncoding({ [HEADER.encoding]: _, ...headers }: Headers): Headers {
  return headers
}

/** Why a record is no operation: what ingest found, or else only that its kind is none. */
export function faultOf(headers: Headers): Refusal {
  const found = parseJson(headers[HEADER.fault] ?? '')
  const { reason, field, message } = isObject(found) ? found : { reason: 'unknown_kind' }
  return {
    code: 'unreadable_record',
    reason: plainText(reason),
    ...(field === undefined || field === '' ? {} : { field: plainText(field) }),
    ...(message === undefined ? {} : { message: plainText(message) }),
  }
}
