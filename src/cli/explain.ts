/** `sluice explain`: the tables of errors and of the rules of preflight, for people. */
import { didYouMean } from '../core/closest.ts'
import { ERRORS, isErrorCode, SluiceError } from '../core/errors.ts'
import { isRuleName, RULE_NAMES, type RuleName, ruleOf } from '../preflight/rules.ts'
import type { Job } from './job.ts'
import { table } from './output.ts'
import type { Paint } from './paint.ts'
import type { CommandSpec } from './spec.ts'

export const explain: CommandSpec = {
  name: 'explain',
  group: 'Help:',
  summary: 'What an error code or a rule of preflight means, and what to do about it.',
  about: 'Without a code: all error codes.',
  args: [['[code]', 'a code or a rule, as errors show it']],
  examples: [
    ['sluice explain upstream_unauthorized', 'one code'],
    ['sluice explain time_not_seconds', 'one rule of preflight'],
    ['sluice explain', 'all codes with their exit codes'],
    ['sluice explain --json', 'the table for programs'],
  ],
  run: async (job) => {
    const [code] = job.args
    if (code === undefined) explainAll(job)
    else if (isRuleName(code)) explainRule(job, code)
    else explainOne(job, code)
  },
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
    const known = [...Object.keys(ERRORS), ...RULE_NAMES]
    const hint = didYouMean(code, known, 'Run "sluice explain" for all codes.')
    throw new SluiceError('not_found', `There is no code ${code}.`, { hint })
  }
  const row = ERRORS[code]
  if (output.json) output.document({ code, ...row })
  else for (const line of rowText(code, row, output.paint)) output.line(line)
}

function explainRule({ output }: Pick<Job, 'output'>, rule: RuleName): void {
  if (output.json) output.document({ rule, ...ruleOf(rule) })
  else for (const line of ruleText(rule, output.paint)) output.line(line)
}

function ruleText(rule: RuleName, paint: Paint): string[] {
  const { checks, limit, usual, may, why, fix, todo, source } = ruleOf(rule)
  const detail = (name: string, text: string) => `  ${paint('dim', name.padEnd(7))} ${text}`
  return [
    `${paint('bold', rule)}  a rule of preflight, ${usual} unless set otherwise`,
    `  ${checks}${limit === undefined ? '' : ` Limit: ${limit}.`}`,
    detail('do', todo),
    detail('why', why),
    ...(fix ? [detail('fix', fix)] : []),
    detail('set', `preflight.${rule}: ${may.join(', ')}`),
    detail('source', source),
  ]
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
