/**
 * The body of a v1 event read in one pass over its bytes, as cut-batch.ts reads a batch: a `name`, and beside it `data`, a
 * `timestamp` and an `id` or none of them, in any order. Whatever else it may be goes the general way (translate-v1.ts).
 * Both ways give the same operation: a test compares them. Pure.
 */
import { isAscii } from 'node:buffer'
import { bytesOf, endOfValue, skipSpace, startsWith } from '../core/json-bytes.ts'
import { LIMITS } from '../core/limits.ts'
import { personKey } from '../core/operation.ts'
import { isClear } from '../preflight/clear.ts'
import { type Draft, PlainDraft } from './draft.ts'
import { endOfName, endOfSeconds } from './plain-bytes.ts'
import { toIdentifiers } from './translate-v1.ts'

const COLON = 58
const COMMA = 44
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/** Where a value that is recognised ends; -1 where it is none. */
type EndOf = (bytes: Uint8Array, at: number) => number

const endOfEventName: EndOf = (bytes, at) => endOfName(bytes, at, LIMITS.eventNameBytes)
const endOfId: EndOf = (bytes, at) => endOfName(bytes, at, LIMITS.nameBytes)
const endOfData: EndOf = (bytes, at) => (bytes[at] === OPEN_OBJECT ? endOfValue(bytes, at, 1) : -1)

const MEMBERS = (
  [
    ['name', endOfEventName],
    ['data', endOfData],
    ['timestamp', endOfSeconds],
    ['id', endOfId],
  ] as const
).map(([name, endOf]) => ({ name, token: bytesOf(`"${name}"`), endOf }))

/** Texts of the values. */
type Found = { [Name in (typeof MEMBERS)[number]['name']]?: string }

/** An identifier that stands in JSON as it stands in a path. */
const PLAIN_ID = /^(?!cio_$)[\w.@~+-]{1,150}$/

/** Of the item that is made of the body, what is not the body: an item larger than the limit is looked at by the rules. */
const BESIDE = 1024

export function cutEvent(identifier: string, body: Buffer): Draft | undefined {
  if (body.length + BESIDE > LIMITS.itemBytes || !PLAIN_ID.test(identifier)) return undefined
  const found = readMembers(body)
  if (found?.name === undefined) return undefined
  const identifiers = toIdentifiers(identifier)
  const { name, data, timestamp, id } = found
  const time = timestamp === undefined ? '' : `,"timestamp":${timestamp}`
  return new PlainDraft({
    kind: 'person.event',
    key: personKey(identifiers),
    clientId: id?.slice(1, -1),
    seconds: timestamp === undefined ? undefined : Number(timestamp),
    before: `{"type":"person","identifiers":${JSON.stringify(identifiers)},"action":"event","name":${name}`,
    after: data === undefined ? `${time}}` : `${time},"attributes":${data}}`,
    isClear: data === undefined || isClear('person.event', data),
  })
}

/** Undefined where there is anything that is not recognised, or anything twice. */
function readMembers(body: Buffer): Found | undefined {
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.length)
  const text = isAscii(body) ? body.toString('latin1') : undefined
  const found: Found = {}
  let at = skipSpace(bytes, 0)
  if (bytes[at] !== OPEN_OBJECT) return undefined
  do {
    at = skipSpace(bytes, at + 1)
    const member = MEMBERS.find(({ token }) => startsWith(bytes, at, token))
    if (member === undefined || found[member.name] !== undefined) return undefined
    at = skipSpace(bytes, at + member.token.length)
    if (bytes[at] !== COLON) return undefined
    const start = skipSpace(bytes, at + 1)
    const end = member.endOf(bytes, start)
    if (end < 0) return undefined
    found[member.name] = text === undefined ? body.toString('utf8', start, end) : text.slice(start, end)
    at = skipSpace(bytes, end)
  } while (bytes[at] === COMMA)
  return bytes[at] === CLOSE_OBJECT && skipSpace(bytes, at + 1) === bytes.length ? found : undefined
}
