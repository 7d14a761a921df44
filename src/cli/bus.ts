/** `sluice bus`: the topics that Sluice stands on, made, looked at and moved. */
import type { BusReport, GroupLag, TopicInfo } from '../admin/wire.ts'
import type { Config } from '../config.ts'
import { SluiceError } from '../core/errors.ts'
import { adminApi } from './api.ts'
import type { Job } from './job.ts'
import { table } from './output.ts'
import { Progress } from './progress.ts'
import { CLIENT_SETTINGS, type CommandSpec, DRY_RUN, YES } from './spec.ts'
import { spanText } from './time.ts'

export const bus: CommandSpec = {
  name: 'bus',
  group: 'Operate:',
  summary: 'The topics that Sluice stands on: made, looked at, moved.',
  about:
    'Kafka is asked directly. The embedded log is asked of the gateway that runs on it, or read from its directory when none does.',
  examples: [
    ['sluice bus init', 'make the topics on Kafka'],
    ['sluice bus lag', 'how far each group is'],
  ],
  commands: [
    {
      name: 'init',
      summary: 'Make the topics that are missing on Kafka.',
      about:
        'Partitions, copies and retention are those of the settings SLUICE_LANES, SLUICE_KAFKA_REPLICATION and SLUICE_KAFKA_RETENTION. A topic that is there stays as it is; one with other partitions is an error, since keys would change their lanes. The embedded log needs none of this.',
      options: [DRY_RUN],
      examples: [
        ['SLUICE_BUS=kafka SLUICE_KAFKA_BROKERS=127.0.0.1:9092 sluice bus init', 'once for a cluster'],
        ['sluice bus init --dry-run', 'what it would make'],
      ],
      run: init,
    },
    {
      name: 'info',
      summary: 'The topics, with their partitions, copies and retention.',
      settings: [...CLIENT_SETTINGS, 'dataDir'],
      examples: [['sluice bus info', 'a line for each topic']],
      run: info,
    },
    {
      name: 'lag',
      summary: 'How far each group is: what waits, since when, and from which offset of each lane.',
      settings: [...CLIENT_SETTINGS, 'dataDir'],
      examples: [
        ['sluice bus lag', 'a line for each topic that is read'],
        ['sluice bus lag --json | jq ".data[].positions"', 'the lowest unsettled offset of every lane'],
      ],
      run: lag,
    },
    {
      name: 'copy',
      summary: 'Move the backlog, and who is whom, from the embedded log to Kafka or back.',
      about:
        'Every Sluice on either side must be stopped. What is not settled is moved in the order of each lane; what is settled stays. Interrupted, the same command goes on where it was. The target must be new; the dead letters stay in the data directory.',
      options: [
        { flags: '--from <bus>', about: 'where the backlog is', choices: ['sqlite', 'kafka'] },
        { flags: '--to <bus>', about: 'where it goes', choices: ['sqlite', 'kafka'] },
        YES,
        DRY_RUN,
      ],
      settings: ['dataDir'],
      examples: [
        ['sluice bus copy --from sqlite --to kafka', 'after "sluice bus init", with every Sluice stopped'],
        ['sluice bus copy --from kafka --to sqlite --data-dir ./new', 'back, into a new directory'],
      ],
      run: copy,
    },
  ],
}

/** Loaded where it is needed: it brings the stores along. */
const operate = () => import('../operate.ts')

async function init(job: Job): Promise<void> {
  const { output } = job
  const { config } = await job.load()
  if (config.bus !== 'kafka')
    throw new SluiceError('bad_usage', 'The embedded log makes its topics by itself.', {
      hint: 'To make them on Kafka, set SLUICE_BUS=kafka and SLUICE_KAFKA_BROKERS.',
    })
  const { makeTopics, topicNames } = await operate()
  if (job.flag('dryRun')) {
    tellMade(job, { would_create: topicNames(config) })
    return
  }
  output.note(`Asking ${config.kafkaBrokers?.join(', ')} …`)
  const { created, existed } = await makeTopics(config)
  tellMade(job, { created, existed })
}

function tellMade({ output }: Job, made: Readonly<Record<string, readonly string[]>>): void {
  if (output.json) output.document(made)
  else
    for (const [what, names] of Object.entries(made))
      for (const name of names) output.line(`${what.replace('_', ' ')}  ${name}`)
}

async function copy(job: Job): Promise<void> {
  const { output, host, signal } = job
  const { config } = await job.load()
  const [from, to] = [job.text('from'), job.text('to')]
  if (from === to || from === undefined || (to !== 'kafka' && to !== 'sqlite'))
    throw new SluiceError('bad_usage', 'Say --from sqlite --to kafka, or --from kafka --to sqlite.')
  const { moveBacklog, planMove } = await import('../move.ts')
  const waiting = await planMove({ config, to })
  if (job.flag('dryRun')) {
    tellMoved(job, { would_move: waiting })
    return
  }
  if (!(await job.confirm(`Move ${waiting} records from ${from} to ${to}?`))) return
  const progress = new Progress({ output, clock: host.clock, label: 'moving', total: waiting })
  const onProgress = (moved: number) => progress.update(moved)
  signal.addEventListener('abort', () => output.note('Stopping; the same command goes on from here.'))
  const moved = await moveBacklog({ config, to, signal, onProgress })
  progress.end(moved)
  tellMoved(job, { moved })
  output.note(`Next: SLUICE_BUS=${to} sluice serve --data-dir ${config.dataDir}`)
}

function tellMoved({ output }: Job, done: Readonly<Record<string, number>>): void {
  if (output.json) output.document(done)
  else for (const [what, count] of Object.entries(done)) output.line(`${what.replace('_', ' ')} ${count}`)
}

async function info(job: Job): Promise<void> {
  const { output } = job
  const { topics } = await report(job)
  output.list(topics, () =>
    table([['TOPIC', 'LANES', 'COPIES', 'IN SYNC', 'KEPT'], ...topics.map((topic) => topicRow(topic))]),
  )
}

function topicRow({ topic, lanes, replicas, in_sync, min_in_sync, retention_s }: TopicInfo): string[] {
  const kept = retention_s === undefined ? 'until settled' : spanOrEver(retention_s)
  return [
    topic,
    String(lanes),
    replicas === undefined ? '' : String(replicas),
    in_sync === undefined ? '' : `${in_sync}, at least ${min_in_sync}`,
    kept,
  ]
}

const spanOrEver = (seconds: number | null): string =>
  seconds === null ? 'for ever' : spanText(seconds * 1000)

async function lag(job: Job): Promise<void> {
  const { output } = job
  const { groups } = await report(job)
  const rows = groups.map((group) => lagRow(group, (at) => output.instant(at)))
  output.list(groups, () => table([['TOPIC', 'GROUP', 'PUBLISHED', 'WAITING', 'OLDEST', 'FROM'], ...rows]))
}

function lagRow(
  { topic, group, published, unsettled, oldest_at, positions }: GroupLag,
  instant: (at: number) => string,
): string[] {
  const from = Object.entries(positions).map(([lane, offset]) => `${lane}:${offset}`)
  const oldest = oldest_at === null ? '' : instant(Date.parse(oldest_at))
  return [topic, group, String(published), String(unsettled), oldest, from.join(' ')]
}

/** An embedded log belongs to the process that has it open; only where there is none it is read from its directory. */
async function report(job: Job): Promise<BusReport> {
  const config = await job.config()
  if (config.bus === 'kafka') return (await operate()).lookAtBus(config)
  try {
    return await adminApi(job, config).json<BusReport>('GET', '/admin/v1/bus')
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || thrown.code !== 'unreachable') throw thrown
    return lookLocally(config, thrown)
  }
}

/** When the directory is in use after all, what matters is that its gateway was not found. */
async function lookLocally(config: Config, unreachable: SluiceError): Promise<BusReport> {
  try {
    const { lookAtBus } = await operate()
    return await lookAtBus(config)
  } catch (thrown) {
    throw thrown instanceof SluiceError && thrown.code === 'data_dir_in_use' ? unreachable : thrown
  }
}
