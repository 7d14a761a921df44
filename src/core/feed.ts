/** The live feed behind `sluice tail`: what happens to single operations, told only while somebody looks. */
import type { Outcome } from './outcome.ts'

export interface Happening {
  readonly at: number
  readonly what: 'accepted' | 'attempted' | 'ended'
  readonly id: string
  readonly key: string
  readonly kind: string
  readonly source?: string
  readonly correlationId?: string
  /** Of `attempted`: the HTTP status (null when no answer came), the code of the error table or `ok`, the milliseconds. */
  readonly status?: number | null
  readonly code?: string
  readonly ms?: number
  readonly attempt?: number
  /** Of `ended`. */
  readonly outcome?: Outcome
  readonly detail?: string
}

export interface Feed {
  /** False while nobody looks: the hot path then builds nothing. */
  readonly watched: boolean
  tell(happenings: readonly Happening[]): void
}

export const unwatched: Feed = { watched: false, tell: () => {} }
