/** `sluice trace`: the life of one operation, end to end. */
import type { Trace } from '../admin/wire.ts'
import { isObject, parseJson, plainText } from '../core/json.ts'
import { adminApi } from './api.ts'
import type { Job } from './job.ts'
import { counted, type Output, table } from './output.ts'
import type { Style } from './paint.ts'
import { CLIENT_SETTINGS, type CommandSpec } from './spec.ts'
import { spanText } from './time.ts'

export const trace: CommandSpec = {
  name: 'trace',
  group: 'Watch:',
  summary: 'The life of one operation: received, every attempt, the outcome.',
  args: [['<id>', 'an operation id: from X-Sluice-Id, "sluice send" or "sluice tail"']],
  settings: CLIENT_SETTINGS,
  examples: [
    ['sluice trace 01JD8E3V5Q6Z7X8Y9A0B1C2D3E', 'one operation'],
    ['sluice trace "$(sluice send track 42 ping)"', 'the one just sent'],
    ['sluice trace 01JD8E3V5Q6Z7X8Y9A0B1C2D3E --json | jq -r .value', 'its bytes'],
  ],
  run: showTrace,
}

async function showTrace(job: Job): Promise<void> {
  const { output } = job
  const api = adminApi(job, await job.config())
  const found = await api.json<Trace>('GET', `/admin/v1/operations/${encodeURIComponent(job.args[0] ?? '')}`)
  if (output.json) return output.document(found)
  for (const line of traceLines(found, output)) output.line(line)
  for (const next of nextSteps(found)) output.note(next)
}

const STATE_STYLES: Readonly<Record<Trace['state'], Style>> = {
  pending: 'yellow',
  replaying: 'yellow',
  delivered: 'green',
  coalesced: 'green',
  suppressed: 'yellow',
  dead: 'red',
  dropped: 'dim',
}

/** The head with what became of it, the steps in their order, and the value. */
function traceLines(found: Trace, output: Output): string[] {
  const { paint } = output
  const { id, kind, key, value } = found
  const head = `${paint('bold', id)}  ${kind}  ${key}   ${paint(STATE_STYLES[found.state], summaryOf(found))}`
  const steps = table(stepsOf(found).map(([at, name, text]) => [paint('dim', output.moment(at)), name, text]))
  return [
    head,
    ...steps.map((step) => `  ${step}`),
    ...(value === undefined ? [] : [`  ${paint('dim', value)}`]),
  ]
}

/** `delivered after 2 attempts, 1.3 s end to end` */
function summaryOf({ state, attempts, receivedAt, endedAt, into, replays }: Trace): string {
  if (state === 'pending') return 'pending'
  const parts = [into ? `${state} into ${into}` : state]
  if (attempts.length > 0) parts.push(`after ${counted(attempts.length, 'attempt')}`)
  if (replays) parts.push(`(replayed ${counted(replays, 'time')})`)
  return endedAt === undefined
    ? parts.join(' ')
    : `${parts.join(' ')}, ${spanText(endedAt - receivedAt)} end to end`
}

type Step = readonly [at: number, name: string, text: string]

function stepsOf(found: Trace): Step[] {
  const { receivedAt, headers, topic, lane, offset, attempts, endedAt, outcome, refusal, into } = found
  const from = [`source ${headers.source ?? '?'}`, `correlation ${headers['correlation-id'] ?? '?'}`].join(
    '  ',
  )
  const steps: Step[] = [
    [receivedAt, 'received', from],
    [receivedAt, 'durable', `${topic}  lane ${lane}  offset ${offset}`],
  ]
  const noted = findingsIn(headers.preflight)
  if (noted !== '') steps.push([receivedAt, 'preflight', noted])
  for (const [index, attempt] of attempts.entries()) {
    const answer = `${attempt.status ?? 'no answer'}  ${attempt.code}  ${spanText(attempt.ms)}  ${attempt.detail ?? ''}`
    steps.push([attempt.at, `attempt ${index + 1}`, answer])
  }
  const reason =
    refusal && [refusal.code, refusal.reason, refusal.field, refusal.message].filter(Boolean).join('  ')
  if (endedAt !== undefined) steps.push([endedAt, outcome ?? 'ended', reason ?? (into ? `into ${into}` : '')])
  return steps
}

/** What preflight let pass or put right: `time_not_seconds (timestamp, fixed)`. */
function findingsIn(header: string | undefined): string {
  const kept = parseJson(header ?? '[]')
  if (!Array.isArray(kept)) return ''
  return kept
    .filter(isObject)
    .map(({ rule, field, fixed }) => `${plainText(rule)} (${plainText(field)}${fixed ? ', fixed' : ''})`)
    .join('  ')
}

function nextSteps({ state, id, into }: Trace): string[] {
  if (state === 'pending') return ['It is in the log and waits for delivery. Next: sluice status']
  if (state === 'coalesced' && into)
    return [`A later identify carried its values. Next: sluice trace ${into}`]
  if (state === 'dead') return [`Next: sluice dlq replay ${id}, or sluice dlq drop ${id}`]
  return []
}
