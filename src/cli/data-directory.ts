/**
 * Whose data a directory holds. "sluice dev" and "sluice serve" use the same one unless told, and what waits in it is delivered
 * by whoever starts: made-up people to a real workspace, or a real backlog to the emulator, which settles it for good.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { SluiceError } from '../core/errors.ts'

/** Of this machine: an emulator, or something that a test put there. */
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/
export const isLoopback = (host: string): boolean => LOOPBACK.test(host)

/** Where `dev` keeps its emulator, which tells its directory from that of any other gateway. */
export const emulatorDirectory = (dataDir: string): string => join(dataDir, 'emulator')

const isOfDev = (dataDir: string) => existsSync(emulatorDirectory(dataDir))

/** For `serve`. Throws `conflict` where the directory is one of `dev`, and what it delivers to is no emulator. */
export function refuseDevData({ dataDir, trackUrl }: Config): void {
  if (!isOfDev(dataDir) || isLoopback(new URL(trackUrl).hostname)) return
  throw new SluiceError(
    'conflict',
    `${dataDir} holds what "sluice dev" was told, and this gateway delivers to ${trackUrl}.`,
    { hint: 'Name a directory of its own with SLUICE_DATA_DIR or --data-dir, or remove that one.' },
  )
}

/** For `dev`. Throws `conflict` where another gateway has left its ledger. */
export function refuseRealData(dataDir: string): void {
  if (isOfDev(dataDir) || !existsSync(join(dataDir, 'ledger.db'))) return
  throw new SluiceError(
    'conflict',
    `${dataDir} is the directory of a gateway that is not "sluice dev", which would deliver what waits in it to the emulator.`,
    { hint: 'Name another one with --data-dir, or keep nothing with --ephemeral.' },
  )
}
