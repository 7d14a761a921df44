/**
 * Records of strangers, as records of Sluice. What they say becomes an operation; what cannot be read keeps its bytes and the
 * reason, and goes the same way, so that one stage ends everything and the figures add up. Read again, a record gives
 * the same id.
 */
import { isUtf8 } from 'node:buffer'
import { type BusRecord, HEADER, type Headers, placeOf, type Received, UNREADABLE } from '../core/record.ts'
import { deriveUlid, type Ulids } from '../core/ulid.ts'
import type { Judge } from './judge.ts'
import { type Fault, isFault, readAndJudge } from './message.ts'
import { makeRecord } from './placed.ts'
import { stamp } from './stamp.ts'

/** Whether it was written by a producer that knows nothing of Sluice. */
const isStrange = ({ id }: Received): boolean => id === ''

/** What a producer writes: a key, by which it is put into a lane, and whatever it has to say. */
export interface Message {
  readonly key?: string
  readonly value: string | Uint8Array
  /** When it was written, milliseconds since 1970. Default: now. */
  readonly at?: number
  readonly headers?: Headers
}

/** A message as the record that every bus makes of it (bus/bus.ts). */
export function strangeRecord({ key = '', value, at, headers = {} }: Message, now: number): BusRecord {
  const isText = typeof value === 'string' || isUtf8(value)
  return {
    id: '',
    key,
    kind: '',
    at: at ?? now,
    headers: isText ? headers : { ...headers, [HEADER.encoding]: 'base64' },
    value: typeof value === 'string' ? value : Buffer.from(value).toString(isText ? 'utf8' : 'base64'),
  }
}

/** For the dead letters: whatever it is, with where it lies and why it is no operation. */
export function unreadableRecord(record: Received, { reason, field, message }: Fault): BusRecord {
  const place = placeOf(record)
  const encoding = record.headers[HEADER.encoding]
  return {
    id: deriveUlid(record.at, [place]),
    key: record.key === '' ? place : record.key,
    kind: UNREADABLE,
    at: record.at,
    headers: {
      [HEADER.source]: record.topic,
      [HEADER.correlationId]: place,
      [HEADER.origin]: place,
      [HEADER.fault]: JSON.stringify({ reason, field, message }),
      ...(encoding === undefined ? {} : { [HEADER.encoding]: encoding }),
    },
    value: record.value,
  }
}

/** The id is always the producer's own or made from the place, never drawn. */
const never: Ulids = () => ''

/**
 * A record where it lies, for who reads the topic of operations itself. It is ordered by the identifier that it names: which
 * other identifiers are the same person is not looked up here, so a producer that wants this writes to customerio.identify
 * and customerio.track.
 */
export function adopt(record: Received, judge: Judge): Received {
  if (!isStrange(record)) return record
  const read = readAndJudge(record, judge)
  if (isFault(read)) return { ...record, ...unreadableRecord(record, read) }
  const headers = { [HEADER.source]: record.topic, [HEADER.correlationId]: placeOf(record) }
  const arrival = { source: record.topic, at: record.at, idempotencyKey: undefined, headers, ulids: never }
  const operation = stamp(read, 0, arrival)
  const placement = { key: operation.key, alsoKeys: operation.others, links: [] }
  return { ...record, ...makeRecord(operation, placement, { headers, at: record.at }) }
}
