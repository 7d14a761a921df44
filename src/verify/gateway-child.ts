/**
 * The gateway in a process of its own, for the proofs that kill it. It has everything loaded and waits for an order; then it
 * starts, says where it listens, and ends with its parent at the latest.
 */
import { enableCompileCache, flushCompileCache } from 'node:module'
import type { Order, Word } from './gateway-process.ts'

// A thousand processes load the same code: from a cache it takes them a third of the time. A killed one writes none, hence the flush.
enableCompileCache()
const { toSluiceError } = await import('../core/errors.ts')
const { startGateway } = await import('../gateway.ts')
const { plant } = await import('./faults.ts')
const { configFor } = await import('./stand.ts')

async function obey({ trackUrl, directory, env, fault }: Order): Promise<void> {
  const gateway = await startGateway(await configFor(trackUrl, { directory, env }), plant(fault))
  process.once('SIGTERM', () => void gateway.close().then(() => process.exit(0)))
  void gateway.failed.then(fail)
  process.send?.({ url: gateway.url } satisfies Word)
}

function fail(thrown: unknown): void {
  const { code, message } = toSluiceError(thrown)
  process.send?.({ failed: `${code}: ${message}` } satisfies Word, () => process.exit(1))
}

process.once('message', (order) => void obey(order as Order).catch(fail)) // gateway-process.ts sent it
process.once('disconnect', () => process.exit(0))
flushCompileCache()
