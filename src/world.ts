/**
 * What a gateway takes from outside, as one value: time, chance, the disk, and the network on both sides. Given another
 * world, the same gateway runs in a deterministic simulation (src/simulation/).
 */
import { type Clock, type Random, systemClock } from './core/clock.ts'
import { makeUlids, type Ulids } from './core/ulid.ts'
import { connectRemote, type Remote, type RemoteOptions } from './customerio/http.ts'
import { type Disk, realDisk } from './sqlite/disk.ts'
import { type Serve, serveHttp } from './surfaces.ts'

export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly ulids: Ulids
  readonly disk: Disk
  /** The way out, to Customer.io. */
  readonly connect: (options: RemoteOptions) => Remote
  /** The way in, for applications, operators and monitors. */
  readonly serve: Serve
  /** Whether the gateway has the process for itself: it then has threads, and tells of its memory and event loop in `/metrics`. */
  readonly ownsProcess: boolean
}

/** The machine as it is. */
export const realWorld = (): World => ({
  clock: systemClock,
  random: Math.random,
  ulids: makeUlids(),
  disk: realDisk,
  connect: connectRemote,
  serve: serveHttp(),
  ownsProcess: true,
})
