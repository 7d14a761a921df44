/** Who may publish: the named sources, each with what it shows as Basic credentials: site id and API key, or a write key. */
import { type Digest, digest, readBasic, sameSecret } from '../http/credentials.ts'

export interface Source {
  readonly name: string
  readonly siteId: string
  readonly apiKey: string
  /** What it shows to the Pipelines API. Default: the API key. */
  readonly writeKey?: string
}

/** The name of the source that an Authorization header belongs to; undefined when there is none. */
export type NameSource = (authorization: string | undefined) => string | undefined

/** Keys are kept and compared as digests, so that neither memory nor the time taken tells anything about them. */
export function knowSources(sources: readonly Source[]): NameSource {
  return remembering(compareSources(sources))
}

/** Headers that are remembered: each source sends the same one with every call, in few spellings. */
const REMEMBERED = 1000

/**
 * A header that was right is right the next time: two digests for each call would be a tenth of all its work. Wrong ones
 * are never remembered, and a look into a Map tells of a guess no more than that it is not the whole of a right header.
 */
function remembering(nameSource: NameSource): NameSource {
  const right = new Map<string, string>()
  return (authorization = '') => {
    const known = right.get(authorization)
    if (known !== undefined) return known
    const name = nameSource(authorization)
    if (name === undefined) return undefined
    if (right.size >= REMEMBERED) right.clear()
    right.set(authorization, name)
    return name
  }
}

function compareSources(sources: readonly Source[]): NameSource {
  const known = new Map<string, { readonly name: string; readonly key: Digest }>()
  for (const { name, siteId, apiKey } of sources) known.set(siteId, { name, key: digest(apiKey) })
  const nobody = digest('')
  return (authorization) => {
    const given = readBasic(authorization)
    const source = known.get(given?.user ?? '')
    const matches = sameSecret(digest(given?.password ?? ''), source?.key ?? nobody)
    return matches ? source?.name : undefined
  }
}

/** By the write key as the user name, with a blank password (Pipelines API). Of sources that share a key, the first. */
export function knowWriters(sources: readonly Source[]): NameSource {
  const names = new Map<string, string>()
  for (const { name, apiKey, writeKey = apiKey } of sources) {
    const key = nameOf(writeKey)
    if (!names.has(key)) names.set(key, name)
  }
  return remembering((authorization) => {
    const given = readBasic(authorization)
    return given?.password === '' ? names.get(nameOf(given.user)) : undefined
  })
}

/** A key is looked up by its digest: how long that takes tells nothing about a key that is nearly right. */
const nameOf = (key: string): string => Buffer.from(digest(key)).toString('latin1')
