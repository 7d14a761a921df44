/** The writer of the log on a thread of its own (sqlite/thread.ts): one change after the other. */
import type { SluiceError } from '../core/errors.ts'
import { SharedTexts, type Span } from '../sqlite/shared-texts.ts'
import { moduleBeside, StoreThread } from '../sqlite/thread.ts'
import { type Chains, type Change, withTexts } from './sqlite-change.ts'
import type { Text } from './sqlite-pack.ts'
import type { Writer } from './sqlite-writer.ts'

export interface ThreadOptions {
  /** Where log.db, log.anchor and log.reserve lie. */
  readonly directory: string
  readonly maxBytes: number | undefined
  readonly checkpointBytes: number | undefined
}

/** What the thread is given. */
export interface Given extends ThreadOptions {
  /** Of the long texts of its orders. */
  readonly memory: SharedArrayBuffer
}

/** A change, or the end. */
export type Order = Change<Text | Span> | 'close'

/** What it holds is one change at a time, of 16,384 records or 8 MB, of which long texts come in memory beside its own. */
const LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 }

export function writeOnThread(options: ThreadOptions, onFatal: (error: SluiceError) => void): Writer {
  const texts = new SharedTexts()
  const given: Given = { ...options, memory: texts.memory }
  const entry = moduleBeside(import.meta.url, 'sqlite-thread-entry')
  const thread = new StoreThread<Order>({ what: 'log', entry, given, limits: LIMITS, onFatal })
  return {
    write: (change) => {
      texts.clear() // the change before is written: one follows on the other
      return thread.ask(withTexts(change, (text) => texts.put(text))) as Promise<Chains> // what LogWriter returns there
    },
    close: () => thread.close('close'),
  }
}
