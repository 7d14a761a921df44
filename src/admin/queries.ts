/**
 * What may be asked for, as schemas. Loaded with the first call that asks so: zod is a sixth of the CPU of a start, and few
 * processes are ever asked.
 */
import { z } from 'zod'
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

/** `Date.parse` takes more than RFC 3339: "May 1" too. */
function instantOf(given: unknown): number | undefined {
  if (typeof given !== 'number' && typeof given !== 'string') return undefined
  const isNumber = `${given}`.trim() !== '' && Number.isFinite(Number(given))
  const at = isNumber
    ? Number(given)
    : /^\d{4}-\d{2}-\d{2}/.test(`${given}`)
      ? Date.parse(`${given}`)
      : Number.NaN
  return Number.isNaN(at) ? undefined : at
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
