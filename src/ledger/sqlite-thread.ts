/** The writer of the ledger on a thread of its own (sqlite/thread.ts). */
import type { SluiceError } from '../core/errors.ts'
import { moduleBeside, WriterThread } from '../sqlite/thread.ts'
import type { FileOptions } from './sqlite-file.ts'
import type { Writer } from './sqlite-writer.ts'

/** What the thread opens its file with: all of FileOptions that can be told to another thread. */
export type ThreadOptions = Pick<FileOptions, 'directory' | 'maxPages'>

export interface Order {
  readonly verb: keyof Writer
  readonly given: readonly unknown[]
}

/** What it holds is one round of settlement: 20,000 operations of some 60 bytes. */
const LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 }

export function writeOnThread(given: ThreadOptions, onFatal: (error: SluiceError) => void): Writer {
  const entry = moduleBeside(import.meta.url, 'sqlite-thread-entry')
  const thread = new WriterThread<Order>({ what: 'ledger', entry, given, limits: LIMITS, onFatal })
  const ask = <V extends keyof Writer>(verb: V, ...given: Parameters<Writer[V]>): ReturnType<Writer[V]> =>
    thread.ask({ verb, given }) as ReturnType<Writer[V]> // the thread answers as its own writer does
  return {
    record: (groups) => ask('record', groups),
    remember: (source, accepted, at) => ask('remember', source, accepted, at),
    startReplay: (ids) => ask('startReplay', ids),
    drop: (ids) => ask('drop', ids),
    trim: (at) => ask('trim', at),
    close: () => thread.close({ verb: 'close', given: [] }),
  }
}
