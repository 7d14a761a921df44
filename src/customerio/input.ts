/**
 * What the direct client is given, checked before anything is sent. Each error is `bad_request` and names the field and
 * the limit. Limits are Customer.io's, in bytes of UTF-8 (Track API, limits, August 2026). Pure.
 */
import { SluiceError } from '../core/errors.ts'
import { byteLength, isObject, type JsonObject, objectText } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { isUlid } from '../core/ulid.ts'
import { MOST_SECONDS } from '../core/unix-time.ts'
import { type RuleName, ruleOf } from '../preflight/rules.ts'
import { attributeFindings } from '../preflight/sizes.ts'

declare global {
  interface JSON {
    /** In every Node that runs this (V8 11.4), and not yet in TypeScript's library. */
    rawJSON(text: string): unknown
  }
}

/** One of the identifiers that a person may be called by in a merge. */
export type Identifiers = { readonly id: string } | { readonly email: string } | { readonly cio_id: string }

/** Unix seconds, or a Date. */
export type Moment = number | Date

export function refuse(
  field: string,
  must: string,
  details: Readonly<Record<string, number>> = {},
): SluiceError {
  return new SluiceError('bad_request', `${field} ${must}.`, {
    details: { field, ...details },
    hint: 'Correct the call; nothing was sent.',
  })
}

/** Throws unless the value is text that says something, in at most `limit` bytes. */
export function checkText(field: string, value: unknown, limit = Number.POSITIVE_INFINITY): string {
  if (typeof value !== 'string') throw refuse(field, `must be a string, not ${nameOf(value)}`)
  if (value.trim() === '') throw refuse(field, 'must not be empty')
  if (!value.isWellFormed()) throw refuse(field, 'must be well-formed Unicode')
  const bytes = byteLength(value.trim())
  if (bytes > limit) throw refuse(field, `must have at most ${limit} bytes, not ${bytes}`, { limit, bytes })
  return value
}

/** An identifier as one step of a path. */
export function pathStep(field: string, value: unknown, limit?: number): string {
  const text = checkText(field, value, limit)
  if (text === '.' || text === '..') throw refuse(field, 'must not be "." or "..", which a path cannot carry')
  return encodeURIComponent(text)
}

/** A Map or a promise that nobody awaited is an object too, and would be sent as an empty one. */
export function checkObject(field: string, value: unknown): JsonObject {
  if (isObject(value) && Object.prototype.toString.call(value) === '[object Object]') return value
  throw refuse(field, `must be an object, not ${nameOf(value)}`)
}

/** The texts of the members; members that are undefined are left out, as in JSON. */
export function memberTexts(field: string, value: unknown): [key: string, text: string][] {
  return Object.entries(checkObject(field, value))
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => [key, jsonText(`${field}.${key}`, member)])
}

/** The attributes of an identify: their number, the length of each name and of each value. The rules are those of preflight. */
export function checkAttributes(field: string, texts: readonly (readonly [string, string])[]): void {
  const text = objectText(texts)
  const [found] = attributeFindings(JSON.parse(text) as JsonObject, text) // it was put together as an object
  if (found === undefined) return
  const { rule, counted = 0 } = found
  const { limit = 0 } = ruleOf(rule)
  const path = found.field === '' ? field : `${field}.${found.field}`
  throw refuse(path, mostOf(rule, limit, counted), { limit, bytes: counted })
}

function mostOf(rule: RuleName, limit: number, counted: number): string {
  if (rule === 'attribute_count') return `must have at most ${limit} members, not ${counted}`
  if (rule === 'attribute_name_bytes') return `must have a name of at most ${limit} bytes`
  return `must have at most ${limit} bytes, not ${counted}`
}

/**
 * JSON text. A bigint is written with all of its digits. Throws for what JSON would turn into something else in silence
 * (NaN and the infinities become null), and for what it cannot say (a cycle).
 */
export function jsonText(field: string, value: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(value, (key, part: unknown) => {
      if (typeof part === 'bigint') return JSON.rawJSON(String(part))
      if (typeof part !== 'number' || Number.isFinite(part)) return part
      throw refuse(key === '' ? field : `${field}, ${key},`, `must be a finite number, not ${part}`)
    })
    if (text !== undefined) return text
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown
    throw new SluiceError('bad_request', `${field} cannot be written as JSON.`, {
      cause: thrown,
      details: { field },
    })
  }
  throw refuse(field, `must be a JSON value, not ${nameOf(value)}`)
}

/** A moment as unix seconds. Milliseconds, the usual mistake, would be the year 50,000. */
export function toSeconds(field: string, value: Moment): number {
  const seconds = value instanceof Date ? Math.floor(value.getTime() / 1000) : value
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0)
    throw refuse(field, 'must be unix seconds or a valid Date')
  if (seconds > MOST_SECONDS) throw refuse(field, 'must be unix seconds; this looks like milliseconds')
  return Math.floor(seconds)
}

/** Customer.io dedupes on ULIDs alone; under any other id a repeat would take effect again. */
export function checkEventId(id: string): string {
  if (typeof id === 'string' && isUlid(id)) return id
  throw refuse('id', 'must be a ULID (26 characters), the only form on which Customer.io dedupes')
}

/** Exactly one identifier, as a merge wants it. */
export function checkIdentifiers(field: string, given: Identifiers): JsonObject {
  const entries = Object.entries(checkObject(field, given))
  const [entry] = entries
  if (entry === undefined || entries.length > 1 || !['id', 'email', 'cio_id'].includes(entry[0]))
    throw refuse(field, 'must have exactly one of id, email, cio_id')
  checkText(`${field}.${entry[0]}`, entry[1], LIMITS.nameBytes)
  return given
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? `a ${value.constructor?.name}` : typeof value
}
