/** What runs on the thread that looks through the dead letters (sqlite-thread.ts). */
import { given, obeyOrders, tellFatal } from '../sqlite/thread.ts'
import { LedgerFile } from './sqlite-file.ts'
import { FileReader, type Reader } from './sqlite-reader.ts'
import type { Order, ThreadOptions } from './sqlite-thread.ts'

const reader = new FileReader(new LedgerFile({ ...given<ThreadOptions>(), onFatal: tellFatal }))

obeyOrders<Order<Reader>>({
  work: ({ verb, given }) => {
    const work = reader[verb] as (...given: readonly unknown[]) => unknown // as Reader has it
    return work.apply(reader, [...given])
  },
  isLast: ({ verb }) => verb === 'close',
})
