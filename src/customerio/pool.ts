/**
 * Connections to one host, kept open between calls. undici is loaded with the first call: who listens need not wait for it,
 * and who never called stops without it.
 */
import type { Pool } from 'undici'

export interface LazyPool {
  /** The one pool, whenever it is asked for. */
  get(): Promise<Pool>
  /** Cuts what is under way. A call that comes later fails as one on a pool that is gone. */
  destroy(): Promise<void>
}

/** `url`: of the host; its path counts for nothing. */
export function lazyPool(url: string, options: Pool.Options): LazyPool {
  const { origin } = new URL(url)
  let pool: Promise<Pool> | undefined
  let gone = false
  const make = async () => {
    const { Pool } = await import('undici')
    const made = new Pool(origin, options)
    if (gone) await made.destroy()
    return made
  }
  return {
    get: () => (pool ??= make()),
    destroy: async () => {
      gone = true
      await (await pool)?.destroy()
    },
  }
}
