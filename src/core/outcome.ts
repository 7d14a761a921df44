/** How operations end, and the figures that must add up. */

export const OUTCOMES = ['delivered', 'coalesced', 'suppressed', 'dead'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One call, or one refusal to call, that concerned an operation. */
export interface Attempt {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly ms: number
  /** The HTTP status, or null when no answer came. */
  readonly status: number | null
  /** What it meant: `ok`, or a code of the error table. */
  readonly code: string
  /** Customer.io's own words, or the network's. */
  readonly detail?: string
}

/** Why an operation was refused for good, in Customer.io's words where it gave any. */
export interface Refusal {
  readonly code: string
  readonly reason: string
  readonly field?: string
  readonly message?: string
}

/** The conservation figure of promise P2: accepted = delivered + coalesced + suppressed + dead + pending + duplicate. */
export interface Conservation {
  readonly accepted: number
  readonly delivered: number
  readonly coalesced: number
  readonly suppressed: number
  readonly dead: number
  readonly pending: number
  /** Records that repeated an operation already ended: two producers, or a client's retry that outran the dedupe. */
  readonly duplicate: number
  /**
   * Ended by other processes that share the bus, by their own ledgers. Only where it is shared: it is what remains, so that
   * nothing can be found missing by one of them.
   */
  readonly elsewhere?: number
  /** accepted minus all the others. Anything but 0 is a defect or a loss. Null where the bus is shared. */
  readonly missing: number | null
}

/** What the bus, the ledger and delivery each know; kept apart so that each can contradict the others. */
export interface Tally {
  /** By the bus: records ever published, and those not settled by delivery. */
  readonly published: number
  readonly unsettled: number
  /** By the ledger: operations by outcome, those on their way again, and repeats. */
  readonly delivered: number
  readonly coalesced: number
  readonly suppressed: number
  readonly dead: number
  readonly replaying: number
  readonly duplicate: number
  /** By delivery: operations that the ledger counts already and the bus not yet. */
  readonly recorded: number
  /** By the bus: sends, which are kept until there is a stage that sends them. They are accepted, and pending. */
  readonly sends: number
  /** Whether other processes end operations too. */
  readonly shared: boolean
}

/** The figure of P2. An operation that the ledger counts is not pending, though the bus learns of it a moment later. */
export function conserve(tally: Tally): Conservation {
  const { delivered, coalesced, suppressed, dead, duplicate, sends, shared } = tally
  const accepted = tally.published + sends
  const pending = tally.unsettled - tally.recorded + tally.replaying + sends
  const rest = accepted - delivered - coalesced - suppressed - dead - duplicate - pending
  const figures = { accepted, delivered, coalesced, suppressed, dead, pending, duplicate }
  return shared ? { ...figures, elsewhere: Math.max(0, rest), missing: null } : { ...figures, missing: rest }
}
