/** How a failure is told: what happened, why, how to mend it, and where more is to be read. */
import type { SluiceError } from '../core/errors.ts'
import type { Paint } from './paint.ts'
import { visible } from './visible.ts'

/** For people. The names of details are left to --json; the message has what matters of them. */
export function failureText(error: SluiceError, paint: Paint): string {
  const lines = [`${paint('red', 'error')}  ${error.message}  ${paint('dim', error.code)}`]
  const cause = causeText(error)
  if (cause) lines.push(row('why', cause, paint))
  lines.push(row('fix', error.hint, paint), row('more', `sluice explain ${error.code}`, paint))
  return lines.map(visible).join('\n')
}

const row = (name: string, text: string, paint: Paint) => `  ${paint('dim', name.padEnd(5))} ${text}`

/** For programs: the shape of Customer.io's own CLI, with the hint and whether trying again makes sense. */
export const failureDocument = (error: SluiceError) => ({
  error: true,
  code: error.code,
  message: error.message,
  details: error.details,
  hint: error.hint,
  retryable: error.row.retryable,
})

/** The innermost cause that says something the message does not. */
function causeText(error: SluiceError): string | undefined {
  let cause: unknown = error.cause
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  if (!(cause instanceof Error)) return undefined
  const text = cause.message || ('code' in cause ? String(cause.code) : '')
  return text === '' || error.message.includes(text) ? undefined : text
}
