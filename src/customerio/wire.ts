/**
 * Customer.io's HTTP surface as names and shapes: what the client and the emulator must agree on, and nothing that
 * either of them does. Source: Customer.io's OpenAPI of the Track API, August 2026.
 */

export const PATHS = {
  entity: '/api/v2/entity',
  batch: '/api/v2/batch',
  customers: '/api/v1/customers',
  anonymousEvents: '/api/v1/events',
  region: '/api/v1/accounts/region',
} as const

/** The body of a 207, and of a 400 of Track v2. */
export interface ItemErrors {
  readonly errors: readonly ItemError[]
}

export interface ItemError {
  /** 0-based; only in answers to a batch. */
  readonly batch_index?: number
  readonly reason: string
  readonly field?: string
  readonly message?: string
}

/** The body of a 4xx of Track v1: one of the two, `errors` on most routes, `error` on merge and on 401. */
export interface MetaError {
  readonly meta: { readonly error?: string; readonly errors?: readonly string[] }
}
