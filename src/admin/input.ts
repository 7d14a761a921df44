/** What comes in with a request, checked. */
import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'

/** So many of anything in one answer, or named in one call, at the most. */
export const MOST = 1000

/** Throws `bad_request`, which names the field. */
export function readWith<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.') || 'request'
  throw new SluiceError('bad_request', `${field}: ${issue?.message ?? 'not understood'}.`, {
    details: { field },
  })
}

export function readJson(text: string): unknown {
  const value = parseJson(text)
  if (value === undefined) throw new SluiceError('bad_request', 'The body is not JSON.')
  return value
}
