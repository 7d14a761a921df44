/** What a person is called by: an id, an e-mail address, a phone number, or Customer.io's own cio_id. */
import { isObject } from '../core/json.ts'
import { emailKey } from '../core/operation.ts'
import { type Item, partMap, scalarText } from './item.ts'

const KINDS = ['id', 'email', 'phone', 'cio_id'] as const
export type IdentifierKind = (typeof KINDS)[number]

export interface Identifier {
  readonly kind: IdentifierKind
  readonly value: string
}

export const isIdentifierKind = (text: string): text is IdentifierKind => KINDS.some((kind) => kind === text)

/** E-mail addresses are compared without case; everything else is compared as it is. */
export const identifierKey = ({ kind, value }: Identifier): string =>
  kind === 'email' ? emailKey(value) : `${kind}:${value}`

/**
 * The identifier in a path of Track v1: its kind is inferred from its shape, so a phone number is taken for an id
 * (Track API, identifiers). The text is already percent-decoded.
 */
export function identifierOfPath(text: string): Identifier {
  if (text.includes('@')) return { kind: 'email', value: text }
  if (text.startsWith('cio_')) return { kind: 'cio_id', value: text.slice(4) }
  return { kind: 'id', value: text }
}

/** A person as the control API names one: `id:42`, `email:…`, `phone:…`, `cio_id:…`, or the form of a path. */
export function identifierOfKey(key: string): Identifier {
  const colon = key.indexOf(':')
  const kind = key.slice(0, Math.max(colon, 0))
  return isIdentifierKind(kind) ? { kind, value: key.slice(colon + 1) } : identifierOfPath(key)
}

/** Every identifier under a member such as `identifiers`, `primary` or `secondary`. */
export function identifiersIn(item: Item, name: string): Identifier[] {
  return identifiersOf(item.value[name], () => partMap(item, name))
}

/** The same from a parsed object; `texts` gives the members as text, for an id that is a number and must stay exact. */
export function identifiersOf(value: unknown, texts: () => Map<string, string>): Identifier[] {
  if (!isObject(value)) return []
  const found: Identifier[] = []
  for (const kind of KINDS) {
    const given = value[kind]
    if (typeof given === 'string' && given !== '') found.push({ kind, value: given })
    else if (typeof given === 'number') found.push({ kind, value: scalarText(texts().get(kind) ?? '') })
  }
  return found
}

/** Identifiers as an `identifiers` member of an item. */
export const identifierText = ({ kind, value }: Identifier): string => JSON.stringify({ [kind]: value })
