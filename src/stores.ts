/**
 * Composition of the stores: which bus, ledger and people the configuration names, opened. Beside gateway.ts the only file
 * that names implementations.
 */
import { SENDS } from './admin/facts.ts'
import { openSqliteBus, type SqliteBus } from './bus/sqlite.ts'
import type { Config } from './config.ts'
import type { Notify } from './core/notices.ts'
import { openSqliteLedger } from './ledger/sqlite.ts'
import { openSqlitePeople } from './people/sqlite.ts'
import type { Stores } from './surfaces.ts'
import type { World } from './world.ts'

export interface Surroundings {
  readonly world: World
  readonly notify: Notify
  readonly onFatal: (thrown: unknown) => void
}

/** What is opened here `opening` closes. The directory must be held. Throws `log_damaged`, `newer_format`. */
export async function openStores(
  config: Config,
  surroundings: Surroundings,
  opening: AsyncDisposableStack,
): Promise<Stores> {
  const { clock, disk } = surroundings.world
  const directory = config.dataDir
  const people = opening.use(openSqlitePeople({ directory, disk }))
  const ledger = opening.use(await openSqliteLedger({ directory, disk, turn: () => clock.sleep(0) }))
  const bus = opening.use(await openLocalBus(config, surroundings))
  return { people, ledger, bus, log: bus }
}

/** The embedded log of the data directory, which must be held. */
export async function openLocalBus(
  { dataDir: directory, lanes, maxLogBytes, acceptLoss }: Config,
  { world, ...alarms }: Surroundings,
): Promise<SqliteBus> {
  const { clock, disk } = world
  const bus = await openSqliteBus({
    directory,
    disk,
    lanes,
    clock,
    threaded: world.ownsProcess,
    ...alarms,
    ...(maxLogBytes === undefined ? {} : { maxBytes: maxLogBytes }),
    ...(acceptLoss === undefined ? {} : { acceptLoss }),
  })
  // The group of the sends begins now: a topic that nobody reads is trimmed by age alone.
  const holder = await bus.subscribe(SENDS.topic, SENDS.group)
  await holder[Symbol.asyncDispose]()
  return bus
}
