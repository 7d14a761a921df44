/** `sluice serve`: the gateway in production. */
import { requireCredentials } from '../config.ts'
import { warnOfUnknown } from './config-show.ts'
import { refuseDevData } from './data-directory.ts'
import type { Job } from './job.ts'
import type { CommandSpec } from './spec.ts'
import { untilStopped } from './until-stopped.ts'
import { version } from './version.ts'

export const serve: CommandSpec = {
  name: 'serve',
  group: 'Start:',
  summary: 'Run the gateway: take operations, keep them safe, deliver them to Customer.io.',
  about:
    'The first ^C or SIGTERM finishes what is under way and exits with 0; a second one ends it at once. Nothing is lost either way.',
  settings: ['roles', 'port', 'host', 'dataDir', 'env', 'region', 'logLevel', 'acceptLoss'],
  server: true,
  examples: [
    [
      'CUSTOMERIO_SITE_ID=… CUSTOMERIO_API_KEY_FILE=/run/secrets/key sluice serve',
      'everything in one process',
    ],
    ['sluice serve --role ingest --host 0.0.0.0', 'only take operations, from other machines too'],
    ['sluice serve --config /etc/sluice.yaml', 'with a configuration file'],
  ],
  run: runGateway,
}

async function runGateway(job: Job): Promise<void> {
  const { output } = job
  const { config } = await job.load()
  requireCredentials(config)
  refuseDevData(config)
  warnOfUnknown(job)
  if (config.adminToken === undefined)
    output.note('warning  SLUICE_ADMIN_TOKEN is not set: the commands cannot look into this gateway.')
  if (config.roles.includes('ingest') && config.sources.length === 0)
    output.note('warning  SLUICE_SOURCES names nobody: nothing is taken over HTTP, only from topics.')
  const { startGateway } = await import('../gateway.ts')
  await using gateway = await startGateway(config, { version: version() })
  if (output.json) output.document({ event: 'ready', url: gateway.url, upstream_url: config.trackUrl })
  output.note(`Sluice takes operations at ${gateway.url} and delivers them to ${config.trackUrl}.`)
  await untilStopped(job, gateway.failed)
  output.note('Finishing what is under way; ^C again to stop at once.')
}
