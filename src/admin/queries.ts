/**
 * What may be asked for, as schemas. Loaded with the first call that asks so: zod is a sixth of the CPU of a start, and few
 * processes are ever asked.
 */
import { z } from 'zod'
import { datedMs } from '../core/unix-time.ts'
import { LETTER_STATES } from '../ledger/ledger.ts'
import { MOST } from './input.ts'

/** Milliseconds since 1970, or RFC 3339. */
const instant = z.unknown().transform((given, { addIssue }) => {
  const at = instantOf(given)
  if (at !== undefined) return at
  const message = `must be milliseconds since 1970, or RFC 3339 such as 2026-11-24T09:00Z; you gave ${JSON.stringify(given)}`
  addIssue({ code: 'custom', message })
  return z.NEVER
})

function instantOf(given: unknown): number | undefined {
  const text = typeof given === 'number' || typeof given === 'string' ? `${given}` : ''
  if (text.trim() === '') return undefined
  const ms = Number(text)
  return Number.isFinite(ms) ? ms : datedMs(text)
}

const SELECTORS = {
  code: z.string().min(1),
  kind: z.string().min(1),
  key: z.string().min(1),
  since: instant,
  group: z.string().min(1),
} as const

export const LETTERS = z
  .strictObject({
    ...SELECTORS,
    state: z.enum(LETTER_STATES),
    limit: z.coerce.number().int().min(1).max(MOST),
    after: z.string(),
  })
  .partial()

export const SELECTION = z
  .strictObject({ ...SELECTORS, ids: z.array(z.string()).min(1).max(MOST), dry_run: z.boolean() })
  .partial()
export type Selection = z.infer<typeof SELECTION>

export const RECENT = z.strictObject({ limit: z.coerce.number().int().min(1).max(MOST).default(100) })
