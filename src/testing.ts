/** `sluice/testing`: a local Customer.io for tests. */
export {
  type Emulator,
  type EmulatorOptions,
  type EventView,
  type PersonView,
  startEmulator,
} from './emulator/emulator.ts'
export type { FaultKind, FaultRule } from './emulator/faults.ts'
export type { LoggedRequest } from './emulator/requests.ts'
