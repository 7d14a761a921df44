/** What runs on the thread that writes the ledger (sqlite-thread.ts). */
import { given, obeyOrders, tellFatal } from '../sqlite/thread.ts'
import { LedgerFile } from './sqlite-file.ts'
import type { Order, ThreadOptions } from './sqlite-thread.ts'
import { FileWriter, type Writer } from './sqlite-writer.ts'

const writer = new FileWriter(new LedgerFile({ ...given<ThreadOptions>(), onFatal: tellFatal }))

obeyOrders<Order<Writer>>({
  work: ({ verb, given }) => {
    const work = writer[verb] as (...given: readonly unknown[]) => unknown // as Writer has it
    return work.apply(writer, [...given])
  },
  isLast: ({ verb }) => verb === 'close',
})
