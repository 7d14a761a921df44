/** `sluice/client`: the direct client. */
export { ERRORS, type ErrorCode, isErrorCode, SluiceError } from './core/errors.ts'
export type { BatchItem } from './customerio/batch-parts.ts'
export type { BatchResult, RefusedItem } from './customerio/batch-send.ts'
export type { Receipt } from './customerio/caller.ts'
export { currentCorrelationId, withCorrelationId } from './customerio/correlation.ts'
export type { Identifiers, Moment } from './customerio/input.ts'
export {
  type CallOptions,
  type CallReceipt,
  CustomerIOService,
  type EventOptions,
  type EventReceipt,
  type IdentifyOptions,
} from './customerio/service.ts'
export type { Device } from './customerio/service-calls.ts'
export {
  type EventName,
  type Listener,
  METHODS,
  type Method,
  type ServiceEvent,
  type Subject,
} from './customerio/service-events.ts'
export type { Region, ServiceOptions } from './customerio/service-options.ts'
