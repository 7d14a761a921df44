/** What `CustomerIOService` tells while it works: `identify:start`, `identify:success`, `identify:error`, and so on. */
import type { SluiceError } from '../core/errors.ts'
import type { Identifiers } from './input.ts'

export const METHODS = [
  'identify',
  'track',
  'trackAnonymous',
  'page',
  'addDevice',
  'deleteDevice',
  'delete',
  'suppress',
  'unsuppress',
  'merge',
  'batch',
] as const

export type Method = (typeof METHODS)[number]
export type Phase = 'start' | 'success' | 'error'
export type EventName = `${Method}:${Phase}`

/** Whom and what a call is about; never the attributes or the data. An identifier may be an e-mail address. */
export interface Subject {
  readonly userId?: string
  readonly anonymousId?: string
  /** The name of an event, or the page. */
  readonly name?: string
  /** The ULID of an event, the same in every attempt. */
  readonly id?: string
  /** Of a merge. */
  readonly primary?: Identifiers
  readonly secondary?: Identifiers
  /** Of a batch: how many. */
  readonly items?: number
}

/** What every listener is given. */
export interface ServiceEvent {
  readonly correlationId: string
  readonly method: Method
  readonly request: Subject
  /** Since the start, waits between attempts included. */
  readonly ms: number
  /** The HTTP status of the last answer; undefined at the start, and when no answer came. */
  readonly status?: number
  /** Calls made over the wire. */
  readonly attempts?: number
  /** Of `…:error`. */
  readonly error?: SluiceError
}

export type Listener = (event: ServiceEvent) => void
