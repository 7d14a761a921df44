/** The writer and the reader of the ledger, each on a thread of its own (sqlite/thread.ts). */
import { SluiceError } from '../core/errors.ts'
import { type MethodCall, moduleBeside, StoreThread } from '../sqlite/thread.ts'
import type { FileOptions } from './sqlite-file.ts'
import type { Reader } from './sqlite-reader.ts'
import type { Writer } from './sqlite-writer.ts'

/** What a thread opens its file with: all of FileOptions that can be told to another thread. */
export type ThreadOptions = Pick<FileOptions, 'directory' | 'maxPages'>

/** What the writer holds is one round of settlement: 20,000 operations of some 60 bytes. */
const WRITER_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 }
/** What the reader holds is an answer: a page of letters, or the ids of all that wait, of 60 bytes each. */
const READER_LIMITS = { maxYoungGenerationSizeMb: 8 }

export function writeOnThread(given: ThreadOptions, onFatal: (error: SluiceError) => void): Writer {
  const entry = moduleBeside(import.meta.url, 'sqlite-thread-entry')
  const thread = new StoreThread<MethodCall<Writer>>({
    what: 'ledger',
    entry,
    given,
    limits: WRITER_LIMITS,
    onFatal,
  })
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

/**
 * The thread begins with the first question: most gateways have few letters, and nobody who looks through them. One that could
 * not begin, or ran out of memory, is followed by another at the next question.
 */
export function readOnThread(given: ThreadOptions, onFatal: (error: SluiceError) => void): Reader {
  const entry = moduleBeside(import.meta.url, 'sqlite-reader-entry')
  let thread: StoreThread<MethodCall<Reader>> | 'closed' | undefined
  const begun = () => {
    if (thread === 'closed') throw new SluiceError('shutting_down', 'The ledger is closed.')
    if (thread === undefined || thread.isOver)
      thread = new StoreThread({
        what: 'ledger reader',
        entry,
        given,
        limits: READER_LIMITS,
        isSpare: true,
        onFatal,
      })
    return thread
  }
  const ask = <V extends keyof Reader>(verb: V, ...given: Parameters<Reader[V]>): ReturnType<Reader[V]> =>
    begun().ask({ verb, given }) as ReturnType<Reader[V]> // the thread answers as its own reader does
  return {
    list: async (query) => ask('list', query),
    groups: async () => ask('groups'),
    ids: async (selection) => ask('ids', selection),
    close: async () => {
      const last = thread
      thread = 'closed'
      if (last !== 'closed') await last?.close({ verb: 'close', given: [] })
    },
  }
}
