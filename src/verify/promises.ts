/** The promises of Sluice, as ARCHITECTURE.md numbers them. */

export const PROMISES = {
  P1: 'A 2xx means durable',
  P2: 'Nothing is lost: accepted = delivered + coalesced + suppressed + dead + pending',
  P3: 'Order per person is never relaxed',
  P4: 'Events take effect once',
  P5: 'A send is never blindly repeated',
  P6: 'One bad item harms nobody else',
  P7: 'Customer.io is never stormed',
  P8: 'An authentic webhook is never refused and never waits for processing',
  P9: 'A report has one effect',
  P10: 'What cannot be sent correctly is not sent silently',
  P11: 'Non-production never reaches a real person',
  P12: 'Numbers and text pass through exactly',
} as const

export type PromiseId = keyof typeof PROMISES

export const PROMISE_IDS = Object.keys(PROMISES) as PromiseId[] // the keys of a literal
