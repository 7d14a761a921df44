/** `sluice emulator chaos`: faults of a network and of an overloaded service, on request. */
import { SluiceError } from '../core/errors.ts'
import type { ActiveRule, FaultRule } from '../emulator/faults.ts'
import { parseDuration } from '../settings.ts'
import { emulatorApi } from './api.ts'
import type { Job } from './job.ts'
import { type CommandSpec, EMULATOR_SETTINGS, type OptionSpec } from './spec.ts'
import { spanText } from './time.ts'

const PERCENT: OptionSpec = { flags: '--percent <share>', about: 'of the calls it concerns', usually: '100' }
const SCOPE: readonly OptionSpec[] = [
  { flags: '--path <start>', about: 'only calls whose path begins so, such as /api/v2' },
  { flags: '--for <duration>', about: 'end by itself after this time' },
]
const RETRY_AFTER: OptionSpec = { flags: '--retry-after <seconds>', about: 'with this Retry-After header' }

interface Fault {
  readonly name: string
  readonly summary: string
  readonly args?: CommandSpec['args']
  readonly options: readonly OptionSpec[]
  readonly example: string
  readonly rule: (job: Job) => FaultRule
}

const FAULTS: readonly Fault[] = [
  {
    name: 'set',
    summary: 'Answer with a status instead of serving the call.',
    args: [['<status>', 'an HTTP status, such as 429 or 503']],
    options: [PERCENT, RETRY_AFTER],
    example: 'sluice emulator chaos set 429 --percent 30 --retry-after 2',
    rule: (job) => ({ kind: 'status', status: statusOf(job) }),
  },
  {
    name: 'latency',
    summary: 'Answer later.',
    args: [['<duration>', 'how much later: 400ms, 2s']],
    options: [PERCENT, { flags: '--jitter <duration>', about: 'more or less by this much' }],
    example: 'sluice emulator chaos latency 400ms --jitter 200ms',
    rule: (job) => ({ kind: 'latency', ms: latencyOf(job), ...set('jitter', job.duration('jitter')) }),
  },
  {
    name: 'cut',
    summary: 'Take the call, then drop the connection before the answer: nobody knows what became of it.',
    options: [PERCENT],
    example: 'sluice emulator chaos cut --percent 15',
    rule: () => ({ kind: 'cut' }),
  },
  {
    name: 'reset-connections',
    summary: 'Reset the connection before the call is taken.',
    options: [PERCENT],
    example: 'sluice emulator chaos reset-connections --percent 10',
    rule: () => ({ kind: 'reset' }),
  },
  {
    name: 'outage',
    summary: 'Serve nothing at all: 503 to every call.',
    options: [],
    example: 'sluice emulator chaos outage --for 30s',
    rule: () => ({ kind: 'outage', status: 503 }),
  },
  {
    name: 'rate-limit',
    summary: 'Answer 429 to what goes beyond a rate.',
    options: [
      { flags: '--rps <rate>', about: 'calls a second that are served', usually: '100' },
      RETRY_AFTER,
    ],
    example: 'sluice emulator chaos rate-limit --rps 100',
    rule: (job) => ({ kind: 'rate_limit', rps: job.count('rps', 1) ?? 100 }),
  },
  {
    name: 'redirect',
    summary: 'Send every call to another host, as Customer.io does with a workspace of the other region.',
    args: [['<origin>', 'where to, such as https://track-eu.customer.io']],
    options: [PERCENT],
    example: 'sluice emulator chaos redirect http://127.0.0.1:9',
    rule: (job) => ({ kind: 'redirect', to: job.args[0] ?? '' }),
  },
]

export const chaos: CommandSpec = {
  name: 'chaos',
  summary: 'Faults on request: statuses, latency, cut connections, outages, rate limits.',
  about:
    'Faults add up: one draw decides among those with a percent, so 30 % and 30 % leave 40 % of the calls in peace.',
  examples: [
    ['sluice emulator chaos outage --for 30s', 'watch a backlog rise and drain'],
    ['sluice emulator chaos show', 'what is on'],
    ['sluice emulator chaos off', 'peace again'],
  ],
  commands: [
    ...FAULTS.map(faultCommand),
    {
      name: 'show',
      summary: 'The faults that are on.',
      settings: EMULATOR_SETTINGS,
      examples: [['sluice emulator chaos show', 'what is on']],
      run: show,
    },
    {
      name: 'off',
      summary: 'No more faults.',
      settings: EMULATOR_SETTINGS,
      examples: [['sluice emulator chaos off', 'peace again']],
      run: off,
    },
  ],
}

function faultCommand({ name, summary, args, options, example, rule }: Fault): CommandSpec {
  return {
    name,
    summary,
    ...(args && { args }),
    options: [...options, ...SCOPE],
    settings: EMULATOR_SETTINGS,
    examples: [[example, 'for example']],
    run: async (job) => add(job, { ...rule(job), ...scopeOf(job) }),
  }
}

const set = <Name extends string>(name: Name, value: number | undefined) =>
  value === undefined ? {} : { [name]: value }

const scopeOf = (job: Job): Partial<FaultRule> => {
  const path = job.text('path')
  return {
    ...set('percent', job.count('percent')),
    ...set('retryAfter', job.count('retryAfter')),
    ...set('forMs', job.duration('for')),
    ...(path !== undefined && { path }),
  }
}

function statusOf(job: Job): number {
  const status = Number(job.args[0])
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status
  throw new SluiceError('bad_usage', `<status> must be a number from 200 to 599; you gave "${job.args[0]}".`)
}

function latencyOf(job: Job): number {
  const ms = parseDuration(job.args[0] ?? '')
  if (ms !== undefined) return ms
  throw new SluiceError('bad_usage', `<duration> must be like 400ms or 2s; you gave "${job.args[0]}".`)
}

async function add(job: Job, rule: FaultRule): Promise<void> {
  const { output } = job
  const api = emulatorApi(job, await job.config())
  const { data } = await api.json<{ data: readonly ActiveRule[] }>('POST', '/_emulator/faults', rule)
  output.list(data, () => data.map(ruleText))
  output.note('Next: sluice emulator chaos off')
}

async function show(job: Job): Promise<void> {
  const { output } = job
  const api = emulatorApi(job, await job.config())
  const { data } = await api.json<{ data: readonly ActiveRule[] }>('GET', '/_emulator/faults')
  output.list(data, () => data.map(ruleText))
  if (data.length === 0) output.note('No faults are on.')
}

async function off(job: Job): Promise<void> {
  const api = emulatorApi(job, await job.config())
  await api.call('DELETE', '/_emulator/faults')
  if (job.output.json) job.output.document({ data: [], next_cursor: null })
  job.output.note('No faults are on.')
}

/** `3  status 429  30 % of /api/v2  for 30 s` */
export function ruleText({
  id,
  kind,
  status,
  ms,
  jitter,
  rps,
  to,
  retryAfter,
  percent = 100,
  path,
  forMs,
}: ActiveRule) {
  const parts = [String(id), status === undefined ? kind : `${kind} ${status ?? 'reset'}`]
  if (ms !== undefined) parts.push(jitter === undefined ? `${ms} ms` : `${ms} ± ${jitter} ms`)
  if (rps !== undefined) parts.push(`above ${rps}/s`)
  if (to !== undefined) parts.push(`to ${to}`)
  parts.push(`${percent} % of ${path ?? 'all calls'}`)
  if (typeof retryAfter === 'number') parts.push(`Retry-After ${retryAfter}`)
  if (forMs !== undefined) parts.push(`for ${spanText(forMs)}`)
  return parts.join('  ')
}
