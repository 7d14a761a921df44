/** Who may call the App API: by a bearer token, which is a key of a source's own or that of the workspace. */
import { digest, readBearer } from '../http/credentials.ts'

export interface Caller {
  readonly name: string
  readonly key: string
}

/** The name of the caller that an Authorization header belongs to; undefined when there is none. */
export type NameCaller = (authorization: string | undefined) => string | undefined

/** Keys are looked up by their digests: how long that takes tells nothing about a key that is nearly right. */
export function knowCallers(callers: readonly Caller[]): NameCaller {
  const names = new Map(callers.map(({ name, key }) => [keyOf(key), name]))
  return (authorization) => {
    const key = readBearer(authorization)
    return key === undefined ? undefined : names.get(keyOf(key))
  }
}

const keyOf = (key: string): string => Buffer.from(digest(key)).toString('latin1')
