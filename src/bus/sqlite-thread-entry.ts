/** What runs on the thread that writes the log (sqlite-thread.ts). */
import { join } from 'node:path'
import { openDatabase } from '../sqlite/database.ts'
import { realDisk as disk } from '../sqlite/disk.ts'
import { textFrom } from '../sqlite/shared-texts.ts'
import { pagesOf } from '../sqlite/space.ts'
import { given, obeyOrders } from '../sqlite/thread.ts'
import { Anchor } from './sqlite-anchor.ts'
import { withTexts } from './sqlite-change.ts'
import { MIGRATIONS, Tables } from './sqlite-tables.ts'
import type { Given, Order } from './sqlite-thread.ts'
import { LogWriter } from './sqlite-writer.ts'

const { directory, maxBytes, checkpointBytes, memory } = given<Given>()
const limit = maxBytes === undefined ? {} : { maxPages: pagesOf(maxBytes) }
const db = openDatabase({ path: join(directory, 'log.db'), disk, migrations: MIGRATIONS, ...limit })
const anchor = new Anchor(join(directory, 'log.anchor'), disk)
const tables = new Tables(db)
const writer = new LogWriter({ db, tables, anchor, disk, directory, maxBytes, checkpointBytes })

obeyOrders<Order>({
  work: (order) =>
    order === 'close' ? writer.close() : writer.write(withTexts(order, (text) => textFrom(memory, text))),
  isLast: (order) => order === 'close',
  after: () => {
    if (writer.needsCheckpoint) writer.checkpoint() // no change waits for it but the next
  },
})
