/** Who may publish: the named sources, each with the site id and API key that it shows as Basic credentials. */
import { type Digest, digest, readBasic, sameSecret } from '../http/credentials.ts'

export interface Source {
  readonly name: string
  readonly siteId: string
  readonly apiKey: string
}

/** The name of the source that an Authorization header belongs to; undefined when there is none. */
export type NameSource = (authorization: string | undefined) => string | undefined

/** Keys are kept and compared as digests, so that neither memory nor the time taken tells anything about them. */
export function knowSources(sources: readonly Source[]): NameSource {
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
