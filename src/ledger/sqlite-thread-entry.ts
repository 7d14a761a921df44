/** What runs on the thread that writes the ledger (sqlite-thread.ts). */
import { given, obeyCalls, tellFatal } from '../sqlite/thread.ts'
import { LedgerFile } from './sqlite-file.ts'
import type { ThreadOptions } from './sqlite-thread.ts'
import { FileWriter } from './sqlite-writer.ts'

obeyCalls(new FileWriter(new LedgerFile({ ...given<ThreadOptions>(), onFatal: tellFatal })))
