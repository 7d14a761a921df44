/** The correlation id: what ties together the calls that belong to one piece of the application's work. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { SluiceError } from '../core/errors.ts'

const current = new AsyncLocalStorage<string>()

/** What can stand in a header and in a log line as it is. The gateway takes no other, and makes one up instead. */
const PATTERN = /^[\x21-\x7e]{1,128}$/

/**
 * Runs `work`; every call made within it, however deep and however late, carries this id unless it is given its own.
 * Returns what `work` returns. Throws `bad_request` when the id is not 1 to 128 printable ASCII characters without spaces.
 */
export function withCorrelationId<T>(id: string, work: () => T): T {
  checkCorrelationId(id)
  return current.run(id, work)
}

/** The id of the work that runs now; undefined outside of `withCorrelationId`. */
export const currentCorrelationId = (): string | undefined => current.getStore()

export function checkCorrelationId(id: string): void {
  if (typeof id === 'string' && PATTERN.test(id)) return
  throw new SluiceError(
    'bad_request',
    'correlationId must be 1 to 128 printable ASCII characters without spaces.',
    { details: { field: 'correlationId', limit: 128 } },
  )
}
