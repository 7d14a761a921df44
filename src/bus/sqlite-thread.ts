/** The writer of the log on a thread of its own: what this thread is given, that one does, one change after the other. */
import { Worker } from 'node:worker_threads'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import type { Change, Writer } from './sqlite-writer.ts'

export interface ThreadOptions {
  /** Where log.db, log.anchor and log.reserve lie. */
  readonly directory: string
  readonly maxBytes: number | undefined
  readonly checkpointBytes: number | undefined
}

/** A change, or the end. */
export type Order = Change | 'close'

/** What became of a change: undefined when it is stored. */
export type Report = { readonly code: ErrorCode; readonly message: string } | undefined

/** This file is compiled for the package, and read as it is in development. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-thread-entry.ts' : './sqlite-thread-entry.js',
  import.meta.url,
)

/** What it holds is one change at a time, of 8,192 records or 4 MB. */
const LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 256 }

/** `onFatal` is told once, when the thread ends though nobody closed it: nothing can be written any more. */
export function writeOnThread(options: ThreadOptions, onFatal: (error: SluiceError) => void): Writer {
  const worker = new Worker(ENTRY, { workerData: options, name: 'sluice-log', resourceLimits: LIMITS })
  const waiting: PromiseWithResolvers<void>[] = []
  let lost: SluiceError | undefined
  let closing = false
  const gone = Promise.withResolvers<void>()

  /** Whoever waits for the disk keeps the process alive, and nobody else does. */
  const settle = (report: Report) => {
    const first = waiting.shift()
    if (waiting.length === 0 && !closing) worker.unref()
    if (report === undefined) first?.resolve()
    else first?.reject(new SluiceError(report.code, report.message))
  }
  const lose = (cause: unknown) => {
    const message = `The thread that writes the log ended: ${String(cause)}`
    const isNews = lost === undefined && !closing
    lost ??= new SluiceError('storage_failed', message, { cause })
    for (const { reject } of waiting.splice(0)) reject(lost)
    gone.resolve()
    if (isNews) onFatal(lost)
  }
  worker.on('message', settle).on('error', lose).on('exit', lose)
  worker.unref()

  return {
    write: (change) => {
      if (lost) return Promise.reject(lost)
      const done = Promise.withResolvers<void>()
      waiting.push(done)
      worker.ref()
      worker.postMessage(change satisfies Order)
      return done.promise
    },
    close: () => {
      closing = true
      worker.ref()
      worker.postMessage('close' satisfies Order)
      return gone.promise
    },
  }
}
