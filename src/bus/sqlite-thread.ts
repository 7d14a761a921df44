/** The writer of the log on a thread of its own (sqlite/thread.ts): one change after the other. */
import type { SluiceError } from '../core/errors.ts'
import { moduleBeside, WriterThread } from '../sqlite/thread.ts'
import type { Chains, Change } from './sqlite-change.ts'
import type { Writer } from './sqlite-writer.ts'

export interface ThreadOptions {
  /** Where log.db, log.anchor and log.reserve lie. */
  readonly directory: string
  readonly maxBytes: number | undefined
  readonly checkpointBytes: number | undefined
}

/** A change, or the end. */
export type Order = Change | 'close'

/** What it holds is one change at a time, of 16,384 records or 8 MB. */
const LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 256 }

export function writeOnThread(given: ThreadOptions, onFatal: (error: SluiceError) => void): Writer {
  const entry = moduleBeside(import.meta.url, 'sqlite-thread-entry')
  const thread = new WriterThread<Order>({ what: 'log', entry, given, limits: LIMITS, onFatal })
  return {
    write: (change) => thread.ask(change) as Promise<Chains>, // what LogWriter returns there
    close: () => thread.close('close'),
  }
}
