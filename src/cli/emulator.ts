/** `sluice emulator`: the local Customer.io, started, looked into, disturbed and emptied. */
import { DEV_DEFAULTS } from '../config.ts'
import { SluiceError } from '../core/errors.ts'
import type { Stats } from '../emulator/control.ts'
import type { Covered } from '../emulator/coverage.ts'
import type { PersonView } from '../emulator/emulator.ts'
import type { LoggedRequest } from '../emulator/requests.ts'
import { parseDuration } from '../settings.ts'
import { emulatorApi, query } from './api.ts'
import { chaos } from './chaos.ts'
import { emulatorDirectory } from './data-directory.ts'
import type { Job } from './job.ts'
import { type Output, table } from './output.ts'
import { type CommandSpec, DRY_RUN, EMULATOR_SETTINGS, YES } from './spec.ts'
import { spanText } from './time.ts'
import { untilStopped } from './until-stopped.ts'

export const emulator: CommandSpec = {
  name: 'emulator',
  group: 'Emulator:',
  summary: 'A local Customer.io, with faults on request. No account, and nothing leaves the machine.',
  examples: [
    ['sluice emulator start', 'only the emulator; "sluice dev" starts it together with the gateway'],
    ['sluice emulator people', 'who is known to it'],
    ['sluice emulator chaos outage --for 30s', 'let it fail'],
  ],
  commands: [
    {
      name: 'start',
      summary: 'Run the emulator alone, for tests and for clients that talk to it directly.',
      options: [{ flags: '--ephemeral', about: 'keep nothing on disk' }],
      settings: ['emulatorPort', 'dataDir'],
      server: true,
      examples: [
        ['sluice emulator start', 'at port 8247'],
        [
          'sluice emulator start --ephemeral --emulator-port 0',
          'at any free port, forgetting everything at the end',
        ],
      ],
      run: start,
    },
    chaos,
    {
      name: 'people',
      summary: 'Everybody it knows, or one person whole.',
      args: [['[key]', 'a person: id:42, email:ada@example.com, cio_id:03000001']],
      options: [{ flags: '--limit <count>', about: 'at most so many', usually: '100' }],
      settings: EMULATOR_SETTINGS,
      examples: [
        ['sluice emulator people', 'everybody'],
        ['sluice emulator people id:42 --json | jq .attributes', 'one person'],
      ],
      run: (job) => (job.args[0] === undefined ? listPeople(job) : showPerson(job, job.args[0])),
    },
    {
      name: 'requests',
      summary: 'The calls that came in, the latest last.',
      options: [
        { flags: '--path <start>', about: 'only calls whose path begins so' },
        { flags: '--limit <count>', about: 'the last so many', usually: '100' },
        { flags: '--bodies', about: 'with their bodies' },
      ],
      settings: EMULATOR_SETTINGS,
      examples: [
        ['sluice emulator requests --limit 10', 'the last ten'],
        ['sluice emulator requests --path /api/v2 --bodies', 'what was in them'],
      ],
      run: listRequests,
    },
    {
      name: 'clock',
      summary: 'What time it is there, or move it on: days pass without waiting for them.',
      args: [['[duration]', 'how far forward: 90s, 12h, 31d']],
      settings: EMULATOR_SETTINGS,
      examples: [
        ['sluice emulator clock', 'the time there'],
        ['sluice emulator clock 31d', 'a month later'],
      ],
      run: clock,
    },
    {
      name: 'reset',
      summary: 'Empty it: people, events, requests and faults.',
      options: [DRY_RUN, YES],
      settings: EMULATOR_SETTINGS,
      examples: [
        ['sluice emulator reset --dry-run', 'what would be gone'],
        ['sluice emulator reset --yes', 'without being asked'],
      ],
      run: reset,
    },
    {
      name: 'coverage',
      summary: 'What it does, how faithfully, and what it does not.',
      options: [{ flags: '--all', about: 'also what it does as Customer.io does it, without more to say' }],
      examples: [
        ['sluice emulator coverage', 'the differences'],
        ['sluice emulator coverage --all --json', 'the whole table, for programs'],
      ],
      run: coverage,
    },
  ],
}

async function start(job: Job): Promise<void> {
  const { startEmulator } = await import('../emulator/emulator.ts')
  const { config } = await job.load(DEV_DEFAULTS)
  const directory = job.flag('ephemeral') ? undefined : emulatorDirectory(config.dataDir)
  await using running = await startEmulator({
    port: config.emulatorPort,
    appPerSecond: 10,
    ...(directory && { directory }),
  })
  const { output } = job
  if (output.json) output.document({ event: 'ready', url: running.url, directory: directory ?? null })
  output.note(`Customer.io, emulated, at ${running.url}. Site id, API key and App API key are "dev".`)
  output.note(directory ? `Kept in ${directory}; --ephemeral to forget.` : 'Nothing is kept.')
  await untilStopped(job)
}

async function listPeople(job: Job): Promise<void> {
  const api = emulatorApi(job, await job.config())
  const path = `/_emulator/people${query({ limit: job.count('limit', 1) })}`
  const { data } = await api.json<{ data: readonly PersonView[] }>('GET', path)
  job.output.list(data, () =>
    table([
      ['CIO_ID', 'ID', 'EMAIL', 'ATTRIBUTES', 'DEVICES'],
      ...data.map(({ cio_id, id, email, attributes, devices }) => [
        cio_id,
        id ?? '',
        email ?? '',
        String(Object.keys(attributes).length),
        String(devices.length),
      ]),
    ]),
  )
  if (data.length === 0) job.output.note('Nobody is known. Next: sluice trigger welcome')
}

/** The answer is passed on as text: a number of 20 digits stays what it is. */
async function showPerson(job: Job, key: string): Promise<void> {
  const api = emulatorApi(job, await job.config())
  const { text } = await api.call('GET', `/_emulator/people/${encodeURIComponent(key)}`)
  job.output.line(text.trim())
}

async function listRequests(job: Job): Promise<void> {
  const api = emulatorApi(job, await job.config())
  const path = `/_emulator/requests${query({ path: job.text('path'), limit: job.count('limit', 1) })}`
  const { data } = await api.json<{ data: readonly LoggedRequest[] }>('GET', path)
  job.output.list(data, () => {
    const rows = table(data.map((logged) => requestRow(logged, job.output)))
    if (!job.flag('bodies')) return rows
    return rows.flatMap((row, index) => [row, `  ${data[index]?.body ?? ''}`])
  })
}

const requestRow = (logged: LoggedRequest, output: Output): string[] => {
  const { seq, at, method, path, status, fault, ms } = logged
  return [
    String(seq),
    output.moment(at),
    method,
    path,
    String(status ?? 'no answer'),
    ms === null ? '' : `${Math.round(ms)} ms`,
    fault ?? '',
  ]
}

interface EmulatedTime {
  readonly now: string
  readonly ahead_ms: number
}

async function clock(job: Job): Promise<void> {
  const { output, args } = job
  const api = emulatorApi(job, await job.config())
  const [given] = args
  const advanceMs = given === undefined ? undefined : parseDuration(given)
  if (given !== undefined && advanceMs === undefined)
    throw new SluiceError('bad_usage', `[duration] must be like 90s, 12h or 31d; you gave "${given}".`)
  const time = await (advanceMs === undefined
    ? api.json<EmulatedTime>('GET', '/_emulator/clock')
    : api.json<EmulatedTime>('POST', '/_emulator/clock', { advanceMs }))
  if (output.json) output.document(time)
  else output.line(time.now)
  if (time.ahead_ms > 0)
    output.note(`${spanText(time.ahead_ms)} ahead of this machine; "reset" sets it right.`)
}

async function reset(job: Job): Promise<void> {
  const { output } = job
  const api = emulatorApi(job, await job.config())
  const stats = await api.json<Stats>('GET', '/_emulator/stats')
  const what = `${stats.people} people, ${stats.events} events, ${stats.requests} requests`
  if (!job.flag('dryRun')) {
    if (!(await job.confirm(`Forget ${what}?`))) return
    await api.call('POST', '/_emulator/reset')
  }
  if (output.json) output.document({ ...stats, dry_run: job.flag('dryRun') })
  output.note(job.flag('dryRun') ? `Would forget ${what}.` : `Forgot ${what}.`)
}

async function coverage(job: Job): Promise<void> {
  const { COVERAGE } = await import('../emulator/coverage.ts')
  const told = ({ emulated, note }: Covered) => job.flag('all') || emulated !== 'yes' || note !== ''
  const rows = COVERAGE.filter(told)
  job.output.list(rows, () =>
    rows.flatMap(({ operation, emulated, note }) => [
      `${emulated.padEnd(6)}  ${operation}`,
      ...(note === '' ? [] : [`        ${note}`]),
    ]),
  )
}
