/**
 * Composition of `sluice bus copy`: the backlog and what is known of people, from the embedded log of the data directory to
 * Kafka, or back. The directory is held all the while. A file in it says that a move has begun, so that it can be gone on
 * with, and that nobody starts on a log whose people are being moved.
 */
import { join } from 'node:path'
import type { Bus } from './bus/bus.ts'
import { assertEmpty, backlogOf, copyBacklog } from './bus/copy.ts'
import type { Config } from './config.ts'
import { SluiceError } from './core/errors.ts'
import { SharedPeople } from './ingest/links.ts'
import { linkOwed } from './ingest/owed-links.ts'
import { openSqliteLedger } from './ledger/sqlite.ts'
import { holdLocalBus, READERS, unheard } from './operate.ts'
import { openMemoryPeople } from './people/memory.ts'
import type { People } from './people/people.ts'
import { openSqlitePeople } from './people/sqlite.ts'
import { COMING, MOVED, openClusterBus } from './stores.ts'
import { realWorld } from './world.ts'

export interface Move {
  readonly config: Config
  readonly to: 'kafka' | 'sqlite'
  readonly signal: AbortSignal
  readonly onProgress: (moved: number, total: number) => void
}

/** The other direction is the same with the buses changed over. */
interface Ends {
  readonly from: Bus
  readonly to: Bus
  /** What is known of people at the source, and who learns it at the target. */
  readonly known: People
  readonly learn: (people: People) => Promise<void>
}

const world = realWorld()

/** How many records would be moved. */
export async function planMove(move: Omit<Move, 'onProgress' | 'signal'>): Promise<number> {
  await using opening = new AsyncDisposableStack()
  const { from } = await openEnds(move, opening)
  return await backlogOf({ from, readers: READERS }) // before it is closed
}

/**
 * Returns how many records were moved. Throws `data_dir_in_use`, and `conflict` when the target holds other data, the source
 * is read by others, or the ledger of the directory tells of another log.
 */
export async function moveBacklog({ config, to, signal, onProgress }: Move): Promise<number> {
  await using opening = new AsyncDisposableStack()
  const ends = await openEnds({ config, to }, opening)
  await begin(config, { to, target: ends.to })
  // People first: what is said during the move by an intake that is started too soon still finds its lane.
  await ends.learn(ends.known)
  const { from, to: target } = ends
  const { clock } = world
  const moved = await copyBacklog({ from, to: target, readers: READERS, clock, signal, onProgress })
  if (to === 'sqlite') world.disk.remove(join(config.dataDir, COMING))
  return moved
}

async function openEnds(
  { config, to }: Pick<Move, 'config' | 'to'>,
  opening: AsyncDisposableStack,
): Promise<Ends> {
  const local = await holdLocalBus(config, opening)
  const cluster = opening.use(await openClusterBus(config, { world, notify: unheard }))
  const own = opening.use(openSqlitePeople({ directory: config.dataDir, disk: world.disk }))
  const { clock, ulids } = world
  const shared = new SharedPeople({ bus: cluster, local: openMemoryPeople(), clock, ulids })
  opening.use(shared)
  if (to === 'kafka') {
    const learn = async (people: People) => {
      await linkOwed(local, own, unheard) // the process that used it last may have ended before it had written them
      await learnShared(people, shared)
    }
    return { from: local, to: cluster, known: own, learn }
  }
  return { from: cluster, to: local, known: shared, learn: (people) => learnLocally(people, own) }
}

/** Those that are known there already say nothing new: a move that is gone on with tells nothing twice. */
async function learnShared(people: People, shared: SharedPeople): Promise<void> {
  await shared.follow() // of a move that is gone on with more may be there than a caller would wait for
  for await (const links of people.links()) {
    const roots = await shared.resolve(links.map(({ key }) => key))
    const news = links.filter(({ canonical }, i) => roots[i] !== canonical)
    if (news.length > 0) await shared.linkAll(news)
  }
}

async function learnLocally(people: People, own: People): Promise<void> {
  for await (const links of people.links())
    await Promise.all(links.map(({ key, canonical }) => own.link(key, canonical)))
}

/** Where it was begun before, the target holds what was moved then. */
async function begin(
  { dataDir }: Config,
  { to, target }: { readonly to: Move['to']; readonly target: Bus },
): Promise<void> {
  const path = join(dataDir, to === 'kafka' ? MOVED : COMING)
  if (world.disk.exists(path)) return
  await assertEmpty(target)
  if (to === 'sqlite') await assertFresh(dataDir)
  world.disk.syncedFile(path).close()
}

/** The figures of a ledger are those of one log. */
async function assertFresh(directory: string): Promise<void> {
  await using ledger = await openSqliteLedger({
    directory,
    disk: world.disk,
    turn: () => world.clock.sleep(0),
  })
  const counts = Object.values(await ledger.counts()).reduce((sum, count) => sum + count, 0)
  if (counts === 0) return
  throw new SluiceError(
    'conflict',
    `The ledger in ${directory} tells of ${counts} operations of another log.`,
    {
      hint: 'Give a data directory that is new with --data-dir. Dead letters stay where they are.',
    },
  )
}
