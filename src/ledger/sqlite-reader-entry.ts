/** What runs on the thread that looks through the dead letters (sqlite-thread.ts). */
import { given, obeyCalls, tellFatal } from '../sqlite/thread.ts'
import { LedgerFile } from './sqlite-file.ts'
import { FileReader } from './sqlite-reader.ts'
import type { ThreadOptions } from './sqlite-thread.ts'

obeyCalls(new FileReader(new LedgerFile({ ...given<ThreadOptions>(), onFatal: tellFatal })))
