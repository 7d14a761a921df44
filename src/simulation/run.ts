/** What a simulated run is asked for by, and what it comes to. */
import type { GatewayOptions } from '../gateway.ts'
import type { Menu } from './menu.ts'

export interface Run {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly menu?: Menu
  /** How long faults strike and applications speak, virtual milliseconds. Default: drawn from the seed. */
  readonly horizonMs?: number
  /** Plants a fault of a control in the gateway. */
  readonly plant?: (options: GatewayOptions) => GatewayOptions
  /** Told of every event. */
  readonly trace?: (line: string) => void
}

export interface Outcome {
  readonly seed: number
  readonly menu: Menu
  readonly horizonMs: number
  /** SHA-256 over every event of the run. */
  readonly hash: string
  /** What did not hold; nothing when all did. */
  readonly broken: readonly string[]
  readonly events: number
  readonly virtualMs: number
  /** Operations in the log. */
  readonly operations: number
  /** What happened at least once: faults that struck, and notices that were told. */
  readonly met: readonly string[]
}
