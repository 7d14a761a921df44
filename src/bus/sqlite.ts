/** Opens the embedded bus (sqlite-bus.ts): of a file as it is, or of what can be read of a broken one. */
import { join } from 'node:path'
import { toStorageError } from '../sqlite/database.ts'
import { realDisk } from '../sqlite/disk.ts'
import { pagesOf } from '../sqlite/space.ts'
import { Anchor } from './sqlite-anchor.ts'
import { type SqliteBus, type SqliteBusOptions, SqliteLogBus } from './sqlite-bus.ts'
import { type Damage, parseLoss } from './sqlite-damage.ts'
import { isUnreadable, openLogFile } from './sqlite-open.ts'
import { ENDS, salvage } from './sqlite-salvage.ts'

/** Throws `log_damaged`, naming what is missing; `newer_format`; `bad_config` for a range that is none. */
export async function openSqliteBus(options: SqliteBusOptions): Promise<SqliteBus> {
  const { directory, disk = realDisk, acceptLoss } = options
  const accepted = acceptLoss === undefined ? [] : parseLoss(acceptLoss)
  const path = join(directory, 'log.db')
  const anchor = new Anchor(join(directory, 'log.anchor'), disk)
  try {
    return await start(options, { path, anchor, accepted })
  } catch (thrown) {
    const error = toStorageError(thrown, path)
    if (anchor.heads === undefined || !isUnreadable(error, anchor)) throw error
    return startFromSalvage(options, { path, accepted })
  }
}

interface Starting {
  readonly path: string
  readonly anchor: Anchor
  readonly accepted: readonly Damage[]
}

/** Closes the anchor, too, when it fails. */
async function start(options: SqliteBusOptions, { path, anchor, accepted }: Starting): Promise<SqliteBus> {
  const { disk = realDisk, maxBytes } = options
  const limit = maxBytes === undefined ? {} : { maxPages: pagesOf(maxBytes) }
  using failed = new DisposableStack()
  failed.defer(() => anchor.close())
  const file = openLogFile({ path, disk, whole: accepted.length > 0, ...limit })
  failed.defer(() => file.db.close())
  const bus = new SqliteLogBus(options, { ...file, path, anchor })
  await bus.recover(accepted)
  if (options.threaded) bus.moveWriter()
  failed.move()
  return bus
}

/**
 * A file that cannot be read as it is becomes another of what can be read of it. That one must hold everything, or lack
 * only what was accepted; else it is thrown away, and the damaged one is as it was.
 */
async function startFromSalvage(options: SqliteBusOptions, { path, accepted }: Omit<Starting, 'anchor'>) {
  const { directory, disk = realDisk } = options
  const to = `${path}.salvaged`
  const anchorPath = join(directory, 'log.anchor')
  salvage({ from: path, to, disk })
  await using discard = new AsyncDisposableStack()
  discard.defer(() => ENDS.forEach((end) => void disk.remove(`${to}${end}`)))
  const anchor = () => new Anchor(anchorPath, disk)
  const trial = await start({ ...options, threaded: false }, { path: to, anchor: anchor(), accepted })
  await trial[Symbol.asyncDispose]()
  for (const end of ENDS) disk.move(`${path}${end}`, `${path}.damaged${end}`)
  disk.move(to, path)
  options.notify('bus.salvaged', { path: `${path}.damaged` })
  return start(options, { path, anchor: anchor(), accepted: [] })
}
