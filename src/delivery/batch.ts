/** What leaves in one call. */
import { itemsOf, type Run } from './run.ts'

/** `single`: one operation in a call of its own form; `batch`: a v2 batch. */
export interface Batch {
  readonly form: 'batch' | 'single'
  readonly runs: readonly Run[]
  readonly items: number
  /** It repeats operations that failed before, and so is charged to the retry budget. */
  readonly retry: boolean
}

export const countItems = (runs: readonly Run[]): number => runs.reduce((sum, run) => sum + itemsOf(run), 0)

/** Undefined when there is nothing to send. */
export function makeBatch(form: Batch['form'], runs: readonly Run[], retry: boolean): Batch | undefined {
  if (runs.length === 0) return undefined
  return { form, runs, retry, items: countItems(runs) }
}
