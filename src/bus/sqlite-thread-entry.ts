/** What runs on the thread that writes the log (sqlite-thread.ts). */
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { SluiceError } from '../core/errors.ts'
import { openDatabase } from '../sqlite/database.ts'
import { realDisk as disk } from '../sqlite/disk.ts'
import { pagesOf } from '../sqlite/space.ts'
import { Anchor } from './sqlite-anchor.ts'
import { MIGRATIONS, Tables } from './sqlite-tables.ts'
import type { Order, Report, ThreadOptions } from './sqlite-thread.ts'
import { LogWriter } from './sqlite-writer.ts'

const { directory, maxBytes, checkpointBytes } = workerData as ThreadOptions // writeOnThread gave it
const limit = maxBytes === undefined ? {} : { maxPages: pagesOf(maxBytes) }
const db = openDatabase({ path: join(directory, 'log.db'), disk, migrations: MIGRATIONS, ...limit })
const anchor = new Anchor(join(directory, 'log.anchor'), disk)
const writer = new LogWriter({
  db,
  tables: new Tables(db),
  anchor,
  disk,
  directory,
  maxBytes,
  checkpointBytes,
})

/** The answer goes before the checkpoint, which no change waits for but the next. */
function obey(order: Order): void {
  if (order === 'close') {
    writer.close()
    parentPort?.close()
    return
  }
  parentPort?.postMessage(reportOf(() => writer.write(order)))
  if (writer.needsCheckpoint) writer.checkpoint()
}

function reportOf(work: () => void): Report {
  try {
    work()
    return undefined
  } catch (thrown) {
    if (thrown instanceof SluiceError) return { code: thrown.code, message: thrown.message }
    return { code: 'storage_failed', message: String(thrown) }
  }
}

parentPort?.on('message', obey)
