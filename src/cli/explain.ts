/** `sluice explain`: the table of errors, for people. */
import { closest } from '../core/closest.ts'
import { ERRORS, isErrorCode, SluiceError } from '../core/errors.ts'
import type { Job } from './job.ts'
import { table } from './output.ts'
import type { Paint } from './paint.ts'
import type { CommandSpec } from './spec.ts'

export const explain: CommandSpec = {
  name: 'explain',
  group: 'Help:',
  summary: 'What an error code means, and what to do about it.',
  about: 'Without a code: all of them.',
  args: [['[code]', 'a code, as errors show it']],
  examples: [
    ['sluice explain upstream_unauthorized', 'one code'],
    ['sluice explain', 'all codes with their exit codes'],
    ['sluice explain --json', 'the table for programs'],
  ],
  run: async (job) => (job.args[0] === undefined ? explainAll(job) : explainOne(job, job.args[0])),
}

function explainAll({ output }: Job): void {
  const rows = Object.entries(ERRORS).map(([code, row]) => ({ code, ...row }))
  output.list(rows, () =>
    table([
      ['CODE', 'HTTP', 'EXIT', 'MEANING'],
      ...rows.map(({ code, status, exit, meaning }) => [code, String(status), String(exit), meaning]),
    ]),
  )
}

function explainOne({ output }: Job, code: string): void {
  if (!isErrorCode(code)) {
    const near = closest(code, Object.keys(ERRORS))
    const hint = near ? `Did you mean ${near}?` : 'Run "sluice explain" for all codes.'
    throw new SluiceError('not_found', `There is no code ${code}.`, { hint })
  }
  const row = ERRORS[code]
  if (output.json) output.document({ code, ...row })
  else for (const line of rowText(code, row, output.paint)) output.line(line)
}

const rowText = (
  code: string,
  { status, exit, meaning, hint, retryable }: SluiceError['row'],
  paint: Paint,
) => [
  `${paint('bold', code)}  HTTP ${status}, exit code ${exit}`,
  `  ${meaning}`,
  `  ${paint('dim', 'fix')}    ${hint}`,
  `  ${paint('dim', 'again')}  ${retryable ? 'Trying again makes sense.' : 'Trying the same again fails again.'}`,
]
