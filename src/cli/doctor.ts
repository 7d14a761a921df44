/** `sluice doctor`: whether this machine and this configuration can run Sluice, with a fix for whatever is wrong. */
import { resolve } from 'node:path'
import { type Config, type Loaded, unknownVariables } from '../config.ts'
import { SluiceError } from '../core/errors.ts'
import type { SettingName } from '../settings.ts'
import type { Check } from './checks.ts'
import type { Job } from './job.ts'
import type { Paint, Style } from './paint.ts'
import type { CommandSpec } from './spec.ts'

const SETTINGS: readonly SettingName[] = ['dataDir', 'port', 'host', 'region', 'env', 'url']

export const doctor: CommandSpec = {
  name: 'doctor',
  group: 'Operate:',
  summary: 'Check Node, configuration, disk, ports, clock, Kafka, and the way to Customer.io.',
  about: 'It asks Customer.io one harmless question, GET /api/v1/accounts/region, unless --offline.',
  options: [
    { flags: '--offline', about: 'talk to nobody outside this machine' },
    {
      flags: '--probe <what>',
      about: 'only ask a running Sluice, in silence: for health checks of containers',
      choices: ['live', 'ready'],
    },
  ],
  settings: SETTINGS,
  examples: [
    ['sluice doctor', 'everything'],
    ['sluice doctor --offline', 'nothing that needs the network'],
    ['sluice doctor --probe ready', 'exit code 0 when a running Sluice takes requests'],
  ],
  run: (job) => (job.text('probe') ? probe(job, job.text('probe') ?? '') : examine(job)),
}

async function probe(job: Job, what: string): Promise<void> {
  const { Api } = await import('./api.ts')
  const { url } = await job.config()
  const api = new Api({ name: 'Sluice', url, timeoutMs: job.timeoutMs, signal: job.signal })
  await api.call('GET', `/${what}z`)
}

async function examine(job: Job): Promise<void> {
  const { output } = job
  const checks: Check[] = []
  for await (const check of allChecks(job)) {
    checks.push(check)
    if (!output.json) for (const line of checkLines(check, output.paint)) output.line(line)
  }
  if (output.json) output.document({ data: checks, next_cursor: null })
  const failed = checks.filter(({ state }) => state === 'fail')
  const [first] = failed
  if (first === undefined) return output.note(`${summaryOf(checks)}.`)
  throw new SluiceError(first.code ?? 'internal', `${failed.length} of ${checks.length} checks failed.`, {
    details: { failed: failed.map(({ name }) => name).join(', ') },
    ...(first.fix && { hint: first.fix }),
  })
}

/** Such as `6 of 8 checks are well, 1 warns, 1 was skipped`. */
function summaryOf(checks: readonly Check[]): string {
  const count = (wanted: Check['state']) => checks.filter(({ state }) => state === wanted).length
  const [well, warn, skipped] = [count('ok'), count('warn'), count('skipped')]
  if (well === checks.length) return `All is well: ${well} checks`
  const parts = [`${well} of ${checks.length} checks are well`]
  if (warn > 0) parts.push(warn === 1 ? '1 warns' : `${warn} warn`)
  if (skipped > 0) parts.push(skipped === 1 ? '1 was skipped' : `${skipped} were skipped`)
  return parts.join(', ')
}

/** In the order in which one thing builds on another: without a configuration the others have nothing to look at. */
async function* allChecks(job: Job): AsyncGenerator<Check> {
  const { checkNode, checkCredentials, checkDisk, checkPort } = await import('./checks.ts')
  const { host, output } = job
  yield checkNode(process.versions.node)
  const loaded = await job.load().catch((thrown: unknown) => thrown)
  yield configCheck(loaded, job)
  if (!isLoaded(loaded)) return
  const { config } = loaded
  yield checkCredentials(config)
  yield* checkDisk(config, resolve(host.cwd), host.clock)
  yield await checkPort('port', config.host, config.port)
  if (config.bus === 'kafka' && !job.flag('offline')) {
    const { checkBus } = await import('./bus-check.ts')
    output.note(`asking ${config.kafkaBrokers?.join(', ')} for the topics …`)
    yield await checkBus(config)
  }
  if (job.flag('offline') || !hasCredentials(config)) {
    yield {
      name: 'upstream',
      state: 'skipped',
      found: job.flag('offline') ? '--offline' : 'no credentials to ask with',
    }
    return
  }
  const { checkUpstream } = await import('./reach.ts')
  output.note(`asking ${config.trackUrl} for the region of the workspace …`)
  yield* await checkUpstream(config, () => host.clock.now())
}

const isLoaded = (found: unknown): found is Loaded =>
  typeof found === 'object' && found !== null && 'config' in found
const hasCredentials = ({ siteId, apiKey }: Config) => siteId !== undefined && apiKey !== undefined

function configCheck(loaded: unknown, { host }: Job): Check {
  const name = 'configuration'
  if (loaded instanceof SluiceError)
    return { name, state: 'fail', found: loaded.message, fix: loaded.hint, code: 'bad_config' }
  if (!isLoaded(loaded)) throw loaded
  const [unknown] = unknownVariables(host.env)
  if (unknown === undefined) return { name, state: 'ok', found: `environment ${loaded.config.env}` }
  const fix = unknown.near ? `Did you mean ${unknown.near}?` : 'Remove it: it does nothing.'
  return { name, state: 'warn', found: `${unknown.name} is no setting of Sluice`, fix }
}

const MARKS: Readonly<Record<Check['state'], readonly [mark: string, style: Style]>> = {
  ok: ['✔', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✖', 'red'],
  skipped: ['-', 'dim'],
}

function checkLines({ name, state, found, fix }: Check, paint: Paint): string[] {
  const [mark, style] = MARKS[state]
  const line = `${paint(style, mark)} ${name.padEnd(15)} ${state === 'skipped' ? `skipped: ${found}` : found}`
  return fix && state !== 'ok' ? [line, `  ${''.padEnd(15)} ${paint('dim', 'fix')} ${fix}`] : [line]
}
