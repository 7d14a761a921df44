/**
 * An operation: one thing the application says, in the terms of Track API v2 (`type`, `action`, `identifiers`).
 * Its value is the JSON text that goes into a v2 batch, whatever form it came in.
 */
import { isObject, plainText } from './json.ts'

/** Every kind of operation, with the class that decides what it may share a run with (delivery/run.ts). */
export const KINDS = {
  'person.identify': 'identify',
  'person.event': 'event',
  'person.page': 'event',
  'person.screen': 'event',
  /** Of in-app messages to nobody known. Undocumented in Track v2; Customer.io's own Pipelines say them so. */
  'person.viewed_content': 'event',
  'person.clicked_content': 'event',
  /** An event of nobody known yet. Track v2 has no form for it, so it is delivered through v1. */
  'anonymous.event': 'anonymous',
  'person.add_device': 'device',
  'person.delete_device': 'device',
  'person.add_relationships': 'relationship',
  'person.delete_relationships': 'relationship',
  'person.delete': 'barrier',
  'person.merge': 'barrier',
  'person.suppress': 'barrier',
  'person.unsuppress': 'barrier',
  'object.identify': 'object',
  'object.identify_anonymous': 'object',
  'object.delete': 'barrier',
  'object.add_relationships': 'object',
  'object.delete_relationships': 'object',
  'delivery.event': 'delivery',
  /** Of these Track v2 has no form either: each is delivered as the v1 call that it came as (customerio/v1-calls.ts). */
  'segment.add': 'segment',
  'segment.remove': 'segment',
  'form.submit': 'form',
  'metric.report': 'report',
  'push.report': 'report',
  'in_app.report': 'report',
  'unsubscribe.report': 'report',
} as const

export type Kind = keyof typeof KINDS
export type KindClass = (typeof KINDS)[Kind]

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text)

/** The kinds that carry a ULID of their own and take effect once (promise P4). */
export const isEvent = (kind: string): boolean => EVENTS.has(kind)

const EVENTS: ReadonlySet<string> = new Set(
  Object.keys(KINDS).filter((kind) => isKind(kind) && /^(event|anonymous)$/.test(KINDS[kind])),
)

/** The identifiers that a person may be called by, in the order in which Customer.io prefers them. */
const PERSON_IDENTIFIERS = ['id', 'cio_id', 'email', 'phone', 'anonymous_id'] as const

/**
 * The person key: the identifier as given. E-mail addresses are compared without case (Track API, identifiers), every
 * other identifier is opaque. Undefined when there is none.
 */
export function personKey(identifiers: unknown): string | undefined {
  if (!isObject(identifiers)) return undefined
  for (const name of PERSON_IDENTIFIERS) {
    const value = identifiers[name]
    if (value === undefined || value === null || value === '') continue
    return name === 'email' ? emailKey(plainText(value)) : `${name}:${plainText(value)}`
  }
  return undefined
}

export const emailKey = (email: string): string => `email:${email.trim().toLowerCase()}`

/** The key of an object: `object:<type>:<id>` or `object:<cio_object_id>`. */
export function objectKey(identifiers: unknown): string | undefined {
  if (!isObject(identifiers)) return undefined
  const { object_type_id: type, object_id: id, cio_object_id: cioId } = identifiers
  if (cioId !== undefined && cioId !== '') return `object:${plainText(cioId)}`
  if (type === undefined || id === undefined || id === '') return undefined
  return `object:${plainText(type)}:${plainText(id)}`
}
