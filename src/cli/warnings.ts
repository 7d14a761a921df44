/** What preflight found in operations that were taken all the same: the answer names its rules in a header. */
import type { Answer } from './api.ts'
import type { Output } from './output.ts'

/** Such as `old_event`, or `time_not_seconds;fixed` for what was put right. */
export const warningsIn = ({ headers }: Answer): readonly string[] =>
  (headers.get('x-sluice-warnings') ?? '').split(', ').filter(Boolean)

export function noteWarnings(output: Output, warnings: readonly string[], next: string): void {
  if (warnings.length === 0) return
  const told = warnings.map((warning) => warning.replace(';fixed', ' (put right)'))
  output.note(`warning  ${told.join(', ')}  Next: ${next}`)
}
