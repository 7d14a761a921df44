/**
 * Limits in bytes, and of numbers of things. Most operations are far below all of them, and that is seen by the length of
 * their text alone: a UTF-16 unit becomes three bytes of UTF-8 at the most.
 */
import { byteLength, elements, isObject, type JsonObject, memberMap } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { isEvent } from '../core/operation.ts'
import type { Finding, Subject } from './finding.ts'

/** The bytes of a text that has more of them than the limit, else undefined. */
function bytesOver(text: string, limit: number): number | undefined {
  if (text.length * 3 <= limit) return undefined
  const bytes = byteLength(text)
  return bytes > limit ? bytes : undefined
}

/** A value as its bytes count: a text without its quotes, anything else as it stands. */
const plain = (value: unknown, text: string): string => (typeof value === 'string' ? value : text)

export function checkSizes(subject: Subject, found: Finding[]): void {
  const { kind, value, members } = subject
  for (const field of ['identifiers', 'primary', 'secondary'])
    if (value[field] !== undefined) checkIdentifiers({ field, value, members }, found)
  if (kind === 'person.identify' || kind.startsWith('object.identify')) checkIdentify(subject, found)
  else if (isEvent(kind)) checkEvent(subject, found)
  if (value.cio_relationships !== undefined) checkRelationships(subject, found)
}

interface Place {
  readonly field: string
  readonly value: JsonObject
  readonly members: ReadonlyMap<string, string>
}

/** An anonymous_id is nobody's ID yet, and Customer.io names no limit for it. */
const IDENTIFIERS = ['id', 'email', 'phone', 'cio_id', 'object_id', 'cio_object_id']

function checkIdentifiers({ field, value, members }: Place, found: Finding[]): void {
  const text = members.get(field) ?? ''
  const identifiers = value[field]
  if (!isObject(identifiers) || bytesOver(text, LIMITS.nameBytes) === undefined) return
  const texts = memberMap(text)
  for (const name of IDENTIFIERS) {
    const bytes = bytesOver(plain(identifiers[name], texts.get(name) ?? ''), LIMITS.nameBytes)
    if (bytes !== undefined) found.push(tooLong({ rule: 'id_bytes', field: `${field}.${name}`, name, bytes }))
  }
}

interface TooLong {
  readonly rule: 'id_bytes' | 'attribute_name_bytes' | 'attribute_value_bytes'
  readonly field: string
  readonly name: string
  readonly bytes: number
}

/** Customer.io's own words where they are known ("property value cannot be longer than 1000 bytes"), and the figure. */
function tooLong({ rule, field, name, bytes }: TooLong): Finding {
  const shown = name.length > 60 ? `${name.slice(0, 60).toWellFormed()}…` : name
  if (rule === 'id_bytes')
    return {
      rule,
      field,
      counted: bytes,
      message: `${shown} cannot be longer than ${LIMITS.nameBytes} bytes: it has ${bytes}`,
    }
  const [what, limit] =
    rule === 'attribute_name_bytes' ? ['name', LIMITS.nameBytes] : ['value', LIMITS.valueBytes]
  const message = `property ${what} cannot be longer than ${limit} bytes: that of ${shown} has ${bytes}`
  return { rule, field, counted: bytes, message }
}

function checkIdentify({ kind, value, members }: Subject, found: Finding[]): void {
  const { attributes } = value
  const text = members.get('attributes')
  if (text === undefined || !isObject(attributes)) return
  const isPerson = kind === 'person.identify'
  for (const each of attributeFindings(attributes, text, isPerson)) found.push(inField('attributes', each))
  if (!isPerson) checkObjectBytes('attributes', text, found)
}

const inField = (field: string, finding: Finding): Finding => ({
  ...finding,
  field: finding.field === '' ? field : `${field}.${finding.field}`,
})

/**
 * Attributes over one of their limits, each under its name as the field. Keys that begin with `cio_` have rules of their
 * own; the `id` and `email` of a person are identifiers.
 */
export function attributeFindings(attributes: JsonObject, text: string, isPerson = true): Finding[] {
  const found: Finding[] = []
  const names = Object.keys(attributes)
  if (names.length > LIMITS.attributes)
    found.push({
      rule: 'attribute_count',
      field: '',
      counted: names.length,
      message: `cannot have more than ${LIMITS.attributes} attributes: there are ${names.length}`,
    })
  const bytes = text.length * 3 > LIMITS.nameBytes ? byteLength(text) : 0
  if (bytes <= LIMITS.nameBytes) return found
  let texts: Map<string, string> | undefined
  for (const name of names) {
    if (name.startsWith('cio_')) continue
    const nameBytes = bytesOver(name, LIMITS.nameBytes)
    if (nameBytes !== undefined)
      found.push(tooLong({ rule: 'attribute_name_bytes', field: name, name, bytes: nameBytes }))
    const isId = isPerson && (name === 'id' || name === 'email')
    const limit = isId ? LIMITS.nameBytes : LIMITS.valueBytes
    if (bytes <= limit) continue
    const value = attributes[name]
    if (typeof value !== 'string') texts ??= memberMap(text)
    const valueBytes = bytesOver(plain(value, texts?.get(name) ?? ''), limit)
    if (valueBytes === undefined) continue
    const rule = isId ? 'id_bytes' : 'attribute_value_bytes'
    found.push(tooLong({ rule, field: name, name, bytes: valueBytes }))
  }
  return found
}

function checkObjectBytes(field: string, text: string, found: Finding[]): void {
  const bytes = bytesOver(text, LIMITS.objectBytes)
  if (bytes === undefined) return
  const message = `attributes cannot be larger than ${LIMITS.objectBytes} bytes: these have ${bytes}`
  found.push({ rule: 'object_bytes', field, message })
}

function checkEvent({ value, members }: Subject, found: Finding[]): void {
  const { name } = value
  const nameBytes = typeof name === 'string' ? bytesOver(name.trim(), LIMITS.eventNameBytes) : undefined
  if (nameBytes !== undefined)
    found.push({
      rule: 'event_name_bytes',
      field: 'name',
      message: `event name cannot be longer than ${LIMITS.eventNameBytes} bytes: it has ${nameBytes}`,
    })
  const bytes = bytesOver(members.get('attributes') ?? '', LIMITS.eventDataBytes)
  if (bytes !== undefined)
    found.push({
      rule: 'event_data_bytes',
      field: 'attributes',
      message: `event data cannot be larger than ${LIMITS.eventDataBytes} bytes: it has ${bytes}`,
    })
}

function checkRelationships({ value, members }: Subject, found: Finding[]): void {
  const text = members.get('cio_relationships') ?? ''
  const list: unknown = value.cio_relationships
  if (!Array.isArray(list) || bytesOver(text, LIMITS.nameBytes) === undefined) return
  for (const [index, each] of elements(text).entries()) {
    const relationship: unknown = list[index]
    if (!isObject(relationship)) continue
    const texts = memberMap(each)
    const field = `cio_relationships.${index}`
    const within: Finding[] = []
    checkIdentifiers({ field: 'identifiers', value: relationship, members: texts }, within)
    const { relationship_attributes: attributes } = relationship
    const attributesText = texts.get('relationship_attributes')
    if (isObject(attributes) && attributesText !== undefined) {
      for (const one of attributeFindings(attributes, attributesText, false))
        within.push(inField('relationship_attributes', one))
      checkObjectBytes('relationship_attributes', attributesText, within)
    }
    for (const one of within) found.push(inField(field, one))
  }
}
