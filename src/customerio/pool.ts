/** Connections to one host, kept open between calls. undici is loaded with the first call: who listens need not wait for it. */
import type { Pool } from 'undici'

/** `url`: of the host; its path counts for nothing. The returned function gives the one pool, whenever it is called. */
export function lazyPool(url: string, options: Pool.Options): () => Promise<Pool> {
  const { origin } = new URL(url)
  let pool: Promise<Pool> | undefined
  return () => (pool ??= import('undici').then(({ Pool }) => new Pool(origin, options)))
}
