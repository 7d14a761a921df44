/** What of Track v2 can be said in Track v1 as well, which takes larger bodies. Pure. */
import { memberMap } from './json.ts'
import { isKind, KINDS, type KindClass } from './operation.ts'

/** Classes of which v2 has no form at all. */
export const V1_ONLY: ReadonlySet<KindClass | undefined> = new Set(['anonymous', 'segment', 'form', 'report'])

/** Kinds that both have, where v1 has a name for the person. */
const IN_BOTH: ReadonlySet<string> = new Set([
  'person.identify',
  'person.event',
  'person.page',
  'person.screen',
])

/** `identifiers`: the text of that member. */
export const hasV1Form = (kind: string, identifiers: string | undefined): boolean =>
  (isKind(kind) && V1_ONLY.has(KINDS[kind])) || v1Name(kind, identifiers) !== undefined

/**
 * What the person of an operation of v2 is called in a path of v1; undefined where v1 cannot say it. It infers what an identifier
 * is from its shape, which would name somebody else for an id that looks like an address, an address that does not, and what a
 * path takes for a place in it; and it knows no phone numbers.
 */
export function v1Name(kind: string, identifiers: string | undefined): string | undefined {
  if (!IN_BOTH.has(kind) || !identifiers?.startsWith('{')) return undefined
  const texts = memberMap(identifiers)
  const id = nameIn(texts, 'id')
  const email = nameIn(texts, 'email')
  const cioId = nameIn(texts, 'cio_id')
  const isPlainId = id !== undefined && !/@|^cio_|^\.{1,2}$/.test(id)
  const address = email?.includes('@') ? email : undefined
  return isPlainId ? id : (address ?? (cioId === undefined ? undefined : `cio_${cioId}`))
}

/** A number as it was written: one of 19 digits is another after JSON.parse. Customer.io takes null and "" for nothing. */
function nameIn(texts: ReadonlyMap<string, string>, name: string): string | undefined {
  const text = texts.get(name)
  if (text === undefined || text === 'null' || text === '""') return undefined
  return text.startsWith('"') ? String(JSON.parse(text)) : text
}
