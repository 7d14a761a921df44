/** The writer of the ledger on a thread of its own: what this thread is asked for, that one does. */
import { Worker } from 'node:worker_threads'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import type { FileOptions } from './sqlite-file.ts'
import type { Writer } from './sqlite-writer.ts'

/** What the thread opens its file with: all of FileOptions that can be told to another thread. */
export type ThreadOptions = Pick<FileOptions, 'directory' | 'maxPages'>

export interface Order {
  readonly number: number
  readonly verb: keyof Writer
  readonly given: readonly unknown[]
}

/** What became of an order; or, without a number, that the disk failed while nobody waited for it. */
export interface Report {
  readonly number?: number
  readonly value?: unknown
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

/** This file is compiled for the package, and read as it is in development. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-thread-entry.ts' : './sqlite-thread-entry.js',
  import.meta.url,
)

/** What it holds is one round of settlement: 20,000 operations of some 60 bytes. */
const LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 }

export function writeOnThread(options: ThreadOptions, onFatal: (error: SluiceError) => void): Writer {
  const worker = new Worker(ENTRY, { workerData: options, name: 'sluice-ledger', resourceLimits: LIMITS })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const gone = Promise.withResolvers<void>()
  let last = 0
  /** Why nothing more can be asked for. */
  let over: SluiceError | undefined

  /** Whoever waits for the disk keeps the process alive, and nobody else does. */
  const settle = ({ number, value, error }: Report) => {
    const failure = error && new SluiceError(error.code, error.message)
    if (number === undefined) return failure && onFatal(failure)
    const asked = waiting.get(number)
    waiting.delete(number)
    if (waiting.size === 0 && over === undefined) worker.unref()
    if (failure) asked?.reject(failure)
    else asked?.resolve(value)
  }
  const lose = (cause: unknown) => {
    const message = `The thread that writes the ledger ended: ${String(cause)}`
    const isNews = over === undefined
    over ??= new SluiceError('storage_failed', message, { cause })
    for (const { reject } of waiting.values()) reject(over)
    waiting.clear()
    gone.resolve()
    if (isNews) onFatal(over)
  }
  worker.on('message', settle).on('error', lose).on('exit', lose)
  worker.unref()

  const ask = <V extends keyof Writer>(verb: V, ...given: Parameters<Writer[V]>): ReturnType<Writer[V]> => {
    const asked = Promise.withResolvers<unknown>()
    if (over) asked.reject(over)
    else {
      last += 1
      waiting.set(last, asked)
      worker.ref()
      worker.postMessage({ number: last, verb, given } satisfies Order)
    }
    return asked.promise as ReturnType<Writer[V]> // the thread answers as its own writer does
  }
  return {
    record: (groups) => ask('record', groups),
    remember: (source, accepted, at) => ask('remember', source, accepted, at),
    startReplay: (ids) => ask('startReplay', ids),
    drop: (ids) => ask('drop', ids),
    trim: (at) => ask('trim', at),
    close: () => {
      if (over === undefined) void ask('close').catch(() => {})
      over ??= new SluiceError('shutting_down', 'The ledger is closed.')
      return gone.promise
    },
  }
}
