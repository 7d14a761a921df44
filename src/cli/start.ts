/** The gateway as the commands see it. */
import type { Config } from '../config.ts'
import type { SluiceError } from '../core/errors.ts'
import { version } from './version.ts'

export interface Gateway {
  readonly url: string
  readonly port: number
  /** Resolves when the gateway cannot go on, such as after an error of the disk. */
  readonly failed?: Promise<SluiceError>
  /** Finishes what is under way, within the time that the configuration allows. */
  close(): Promise<void>
}

/** Loaded only here: every other command starts without the server, the bus and the delivery. */
export async function startGateway(config: Config): Promise<Gateway> {
  const composition = '../gateway.ts'
  const loaded: { startGateway(config: Config, options: { version: string }): Promise<Gateway> } =
    await import(composition)
  return loaded.startGateway(config, { version: version() })
}
