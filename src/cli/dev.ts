/** `sluice dev`: the gateway and an emulated Customer.io in one process. No account, and nothing leaves the machine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Config, DEV_DEFAULTS } from '../config.ts'
import { SluiceError } from '../core/errors.ts'
import type { Happening } from '../core/feed.ts'
import { adminApi } from './api.ts'
import { bannerLines } from './banner.ts'
import { watchCollapsed } from './collapse.ts'
import { emulatorDirectory, isLoopback, refuseRealData } from './data-directory.ts'
import { feedLine, isSkipped, type Skipped, watchFeed } from './feed.ts'
import type { Job } from './job.ts'
import type { Output } from './output.ts'
import type { CommandSpec } from './spec.ts'
import { untilStopped } from './until-stopped.ts'
import { version } from './version.ts'

export const dev: CommandSpec = {
  name: 'dev',
  group: 'Start:',
  summary: 'Start everything on this machine: the gateway and an emulated Customer.io. Nothing leaves it.',
  about:
    'Every credential is "dev". A port that is taken gives way to the next free one, unless --strict-port.',
  options: [
    { flags: '--ephemeral', about: 'keep nothing: the data directory is a temporary one' },
    { flags: '--strict-port', about: 'fail when a port is taken' },
    { flags: '--verbose', about: 'a line for everything that happens, also where stdout is no terminal' },
  ],
  settings: ['port', 'host', 'emulatorPort', 'dataDir', 'logLevel'],
  server: true,
  examples: [
    ['sluice dev', 'then, in another terminal: sluice trigger welcome'],
    ['sluice dev --ephemeral --port 0 --emulator-port 0 --json', 'for a test: any free ports, told as JSON'],
    ['sluice dev --verbose | tee feed.log', 'with a record of everything'],
  ],
  run: runDev,
}

async function runDev(job: Job): Promise<void> {
  const startedAt = job.host.clock.mono()
  const { config: given } = await job.load({ ...DEV_DEFAULTS, logLevel: 'warn', logFormat: 'pretty' })
  refuseCluster(given)
  await using stack = new AsyncDisposableStack()
  const dataDir = job.flag('ephemeral')
    ? await temporaryDirectory(stack)
    : resolve(job.host.cwd, given.dataDir)
  refuseRealData(dataDir)
  const emulatorUrl = await openEmulator(job, { ...given, dataDir }, stack)
  const port = await portFor(job, given.host, given.port)
  const config = offline({ ...given, dataDir, port }, emulatorUrl)
  const { startGateway } = await import('../gateway.ts')
  const gateway = stack.use(await startGateway(config, { version: version() }))
  const { url } = gateway
  tellReady(job, { ...config, url, emulatorUrl }, job.host.clock.mono() - startedAt)
  if (job.output.live || job.output.json || job.flag('verbose')) void showFeed(job, { ...config, url })
  await untilStopped(job, gateway.failed)
  job.output.note('Finishing what is under way; ^C again to stop at once.')
}

/**
 * Throws `bad_config` for a cluster that is elsewhere, such as that of a sluice.yaml beside the code: its topics would be read
 * here, delivered to the emulator, and be settled for everybody.
 */
function refuseCluster({ bus, kafkaBrokers = [] }: Config): void {
  const far =
    bus === 'kafka' ? kafkaBrokers.find((broker) => !isLoopback(broker.replace(/:\d+$/, ''))) : undefined
  if (far === undefined) return
  throw new SluiceError('bad_config', `"sluice dev" stays on this machine, and ${far} is another one.`, {
    hint: 'Start it with SLUICE_BUS=sqlite, or name a Kafka of this machine in SLUICE_KAFKA_BROKERS.',
  })
}

/**
 * The configuration with everything that could lead out of this machine replaced. Applications may show the credentials
 * "dev", or those that are configured: one that has the keys of its workspace in its environment needs no change.
 */
function offline(config: Config, emulatorUrl: string): Config {
  const own = { name: 'dev', siteId: 'dev', apiKey: 'dev' }
  const others = config.sources.filter(({ siteId, name }) => siteId !== own.siteId && name !== own.name)
  return {
    ...config,
    env: 'development',
    siteId: 'dev',
    apiKey: 'dev',
    appApiKey: 'dev',
    sources: [own, ...others],
    trackUrl: emulatorUrl,
    appUrl: emulatorUrl,
  }
}

async function temporaryDirectory(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function openEmulator(
  job: Job,
  { dataDir, emulatorPort }: Config,
  stack: AsyncDisposableStack,
): Promise<string> {
  const { startEmulator } = await import('../emulator/emulator.ts')
  const port = await portFor(job, '127.0.0.1', emulatorPort)
  const running = await startEmulator({ port, directory: emulatorDirectory(dataDir), appPerSecond: 10 })
  stack.use(running)
  return running.url
}

/** How far a taken port may be from the one that was asked for. */
const NEXT_PORTS = 20

/** The port itself or the next free one. Throws `port_in_use`, and `bad_config` where no port would do. */
async function portFor(job: Job, host: string, wanted: number): Promise<number> {
  if (wanted === 0) return 0
  const { listenFault } = await import('./checks.ts')
  const last = job.flag('strictPort') ? wanted : Math.min(wanted + NEXT_PORTS, 65_535)
  for (let port = wanted; port <= last; port += 1) {
    const fault = await listenFault(host, port)
    if (fault && fault.code !== 'port_in_use') throw fault
    if (fault) continue
    if (port !== wanted) job.output.note(`Port ${wanted} is taken; using ${port}.`)
    return port
  }
  throw new SluiceError('port_in_use', `Port ${wanted} of ${host} is taken.`, {
    hint: 'Stop what listens there, name another port (0 takes any free one), or leave out --strict-port.',
  })
}

function tellReady(job: Job, config: Config, tookMs: number): void {
  const { output } = job
  const { url, emulatorUrl, dataDir } = config
  const ephemeral = job.flag('ephemeral')
  if (output.json)
    output.document({ event: 'ready', url, emulator_url: emulatorUrl, data_dir: dataDir, ephemeral })
  const command = job.host.env.npm_execpath === undefined ? 'sluice' : 'npx sluice' // set by npm start and by npx
  for (const line of bannerLines({ url, emulatorUrl, dataDir, ephemeral, tookMs, command }, output.paintNote))
    output.note(line)
}

/** Until the gateway stops. That the feed breaks off then is its end, and no failure. */
async function showFeed(job: Job, config: Config): Promise<void> {
  const { output, signal } = job
  const api = adminApi(job, config)
  try {
    if (output.live) for await (const line of watchCollapsed(job, api)) output.line(line)
    else for await (const line of watchFeed(api)) tellOne(line, output)
  } catch (thrown) {
    if (!signal.aborted) output.note(`The feed broke off: ${String(thrown)}`)
  }
}

function tellOne(line: Happening | Skipped, output: Output): void {
  if (output.json) output.document(line)
  else output.line(isSkipped(line) ? `… ${line.skipped} more, too fast to tell` : feedLine(line, output))
}
