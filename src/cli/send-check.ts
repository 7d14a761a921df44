/** `sluice send --check`: what Sluice would say of operations, rule by rule; nothing is sent. */
import { SluiceError } from '../core/errors.ts'
import { checkItem, type Remark } from '../ingest/check.ts'
import { Memory } from '../preflight/memory.ts'
import { policiesWith } from '../preflight/rules.ts'
import { readLines } from './input.ts'
import type { Job } from './job.ts'
import type { Paint, Style } from './paint.ts'
import { Progress } from './progress.ts'

interface Found extends Remark {
  readonly line: number
}

/** How many lines were looked at, and how many of them had something of a kind. */
interface Account {
  checked: number
  readonly lines: Record<Remark['policy'], number>
  readonly findings: Found[]
}

const newAccount = (): Account => ({ checked: 0, lines: { refuse: 0, fix: 0, warn: 0 }, findings: [] })

/**
 * Looks at every line of a file. Throws `preflight_refused` (exit code 2) when Sluice would refuse one; what it would only
 * remark upon is told, and no failure.
 */
export async function checkFile(job: Job, path: string): Promise<void> {
  const look = await looker(job)
  const account = newAccount()
  const progress = new Progress({ output: job.output, clock: job.host.clock, label: 'checking' })
  const skip = job.count('skip') ?? 0
  let line = 0
  for await (const text of readLines(job, path)) {
    line += 1
    if (line <= skip || text.trim() === '') continue
    note(job, account, look(text, line))
    progress.update(account.checked)
    job.signal.throwIfAborted()
  }
  progress.end(account.checked, wordsOf(account))
  report(job, account)
}

/** Looks at one operation, as a command line gives it. */
export async function checkOne(job: Job, text: string): Promise<void> {
  const look = await looker(job)
  const account = newAccount()
  note(job, account, look(text, 1))
  if (account.findings.length === 0) job.output.note('nothing to remark upon')
  report(job, account)
}

/** With the policies that are set here, and a memory from the first line to the last. */
async function looker(job: Job): Promise<(text: string, line: number) => readonly Found[]> {
  const { preflight } = await job.config()
  const context = {
    policies: policiesWith(preflight),
    nowSeconds: Math.floor(job.host.clock.now() / 1000),
    memory: new Memory(),
  }
  return (text, line) => checkItem(text, context).map((remark) => ({ line, ...remark }))
}

/** Lines for people are written as they are found; a document for programs at the end. */
function note({ output }: Job, account: Account, found: readonly Found[]): void {
  account.checked += 1
  for (const policy of ['refuse', 'fix', 'warn'] as const)
    if (found.some((each) => each.policy === policy)) account.lines[policy] += 1
  if (output.json || account.findings.length === 0) account.findings.push(...found)
  if (!output.json) for (const each of found) output.line(lineOf(each, output.paint))
}

const STYLES: Readonly<Record<Remark['policy'], Style>> = { refuse: 'red', fix: 'yellow', warn: 'yellow' }

const lineOf = ({ line, policy, rule, field, message, todo }: Found, paint: Paint): string =>
  `line ${line}  ${paint(STYLES[policy], policy.padEnd(6))}  ${paint('bold', rule)}${field ? `  ${field}` : ''}: ${message.replace(/\.$/, '')}. ${paint('dim', todo)}`

const wordsOf = ({ lines: { refuse, fix, warn } }: Account): string =>
  `${refuse} would be refused, ${fix} put right, ${warn} taken with a warning`

function report({ output }: Job, { checked, lines, findings }: Account): void {
  if (output.json)
    output.document({ checked, refused: lines.refuse, fixed: lines.fix, warned: lines.warn, findings })
  if (lines.refuse === 0) return
  throw new SluiceError('preflight_refused', `${lines.refuse} of ${checked} would be refused.`, {
    details: { checked, refused: lines.refuse },
  })
}
