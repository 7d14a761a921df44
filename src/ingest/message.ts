/**
 * A stranger's record to a draft, or to why it cannot be read. Its value is an operation in Track v2 form or the envelope of
 * the reference architecture, told apart by their `type`. Pure.
 */
import { SluiceError } from '../core/errors.ts'
import { isObject, type JsonObject, memberMap, parseJson } from '../core/json.ts'
import { brokenLimit } from '../core/json-limits.ts'
import { HEADER, placeOf, type Received } from '../core/record.ts'
import type { Draft } from './draft.ts'
import { envelopeItem } from './envelope.ts'
import type { Judge } from './judge.ts'
import { Part } from './pipelines-part.ts'
import { checkLength, type ItemError, invalid, isItemError, readItem } from './read-v2.ts'

/** Why a record is no operation, with the field that is to blame; it goes to the dead letters. */
export type Fault = ItemError

export const isFault = isItemError

/**
 * What the record says. Read again after a crash or a rebalance it gives the same ids and times: those that the producer
 * gave, or else its place on the bus and the time that it carries there.
 */
export function readMessage(record: Received): Draft | Fault {
  try {
    return readText(record)
  } catch (thrown) {
    return faultOf(thrown)
  }
}

/** The same, as the rules let it pass. */
export function readAndJudge(record: Received, judge: Judge): Draft | Fault {
  const read = readMessage(record)
  if (isFault(read)) return read
  try {
    return judge.judge(read)
  } catch (thrown) {
    return faultOf(thrown)
  }
}

/** The reader's refusal, or that of the rules, as what is to blame. Throws whatever else it is given. */
function faultOf(thrown: unknown): Fault {
  if (!(thrown instanceof SluiceError) || !REFUSALS.has(thrown.code)) throw thrown
  return invalid(String(thrown.details.field ?? ''), thrown.message)
}
const REFUSALS: ReadonlySet<string> = new Set(['bad_request', 'preflight_refused'])

function readText(record: Received): Draft | Fault {
  const { value: text, headers } = record
  if (headers[HEADER.encoding] === 'base64') return invalid('', 'The value is not UTF-8 text.')
  const broken = brokenLimit(text)
  if (broken !== undefined) return invalid('', broken)
  const value = parseJson(text)
  if (!isObject(value))
    return invalid('', text === '' ? 'The value is empty.' : 'The value is not a JSON object.')
  checkLength(text)
  return isOperation(value) ? readOperation(record, value) : readEnvelope(record, value)
}

/** Customer.io's own example of a merge has no type at all. */
const isOperation = ({ type, primary, secondary }: JsonObject): boolean =>
  type === 'person' ||
  type === 'object' ||
  type === 'delivery' ||
  (type === undefined && isObject(primary) && isObject(secondary))

function readOperation(record: Received, value: JsonObject): Draft | Fault {
  const read = readItem({ value, members: memberMap(record.value) })
  return isItemError(read) ? read : toDraft(record, read, record.headers[HEADER.correlationId])
}

function readEnvelope(record: Received, value: JsonObject): Draft | Fault {
  const body = new Part(value, record.value)
  const read = readItem(envelopeItem(body))
  if (isItemError(read)) return read
  const clientId = body.id('messageId', 'id')
  const correlationId = body.id('correlationId') ?? record.headers[HEADER.correlationId]
  return toDraft(record, clientId === undefined ? read : { ...read, clientId }, correlationId)
}

function toDraft(record: Received, read: Draft, correlationId: string | undefined): Draft {
  const place = placeOf(record)
  const headers = { [HEADER.correlationId]: oneLine(correlationId) || place, [HEADER.origin]: place }
  // A record may carry no time: Kafka has -1 for it.
  return { ...read, clientId: read.clientId ?? place, ...(record.at > 0 ? { at: record.at } : {}), headers }
}

/** Headers are texts without line breaks. */
const oneLine = (text: string | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim().slice(0, 256)
