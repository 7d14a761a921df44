/** Sends the parts of a batch in their order, and puts together what became of the items. */
import { SluiceError, toSluiceError } from '../core/errors.ts'
import type { Part } from './batch-parts.ts'
import type { Done, Send } from './caller.ts'
import { batchCall } from './track.ts'
import type { ItemError } from './wire.ts'

/** An item that Customer.io refused, in its own words. */
export interface RefusedItem {
  /** Where it stands in what was given to `batch`. */
  readonly index: number
  readonly reason: string
  readonly field?: string
  readonly message?: string
}

export interface BatchResult extends Done {
  /** How many items were taken. */
  readonly accepted: number
  readonly errors: readonly RefusedItem[]
  /** By a gateway only: the ids of the operations as each call told them, for `sluice trace`. */
  readonly operationIds: readonly string[]
}

/** Status 207 when any item was refused. Throws at the first part that fails, with `from` and `accepted` in the details. */
export async function sendParts(parts: readonly Part[], send: Send): Promise<BatchResult> {
  let attempts = 0
  let accepted = 0
  const errors: RefusedItem[] = []
  const operationIds: string[] = []
  for (const part of parts) {
    try {
      const taken = await send(batchCall(part.texts))
      const refused = refusedItems(part, taken.errors)
      attempts += taken.attempts
      errors.push(...refused)
      accepted += part.texts.length - refused.length
      if (taken.sluiceId !== undefined) operationIds.push(taken.sluiceId)
    } catch (thrown) {
      throw stoppedAt(part.from, accepted, toSluiceError(thrown))
    }
  }
  return { status: errors.length > 0 ? 207 : 200, attempts, accepted, errors, operationIds }
}

/** One for each item, the first that is told of it. An index beyond the batch makes the answer worthless. */
function refusedItems(part: Part, errors: readonly ItemError[]): RefusedItem[] {
  const refused = new Map<number, RefusedItem>()
  for (const { batch_index: at = -1, ...words } of errors) {
    if (at < 0 || at >= part.texts.length)
      throw new SluiceError('upstream_unintelligible', `A 207 names item ${at} of ${part.texts.length}.`)
    if (!refused.has(at)) refused.set(at, { index: part.from + at, ...words })
  }
  return [...refused.values()]
}

function stoppedAt(from: number, accepted: number, error: SluiceError): SluiceError {
  const { code, message, cause, hint, details } = error
  return new SluiceError(code, message, { cause, hint, details: { ...details, from, accepted } })
}
