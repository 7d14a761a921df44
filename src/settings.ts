/** Every setting: its name, its place in sluice.yaml, what it may be, its default and its meaning, in one table. */
import {
  brokers,
  bytes,
  duration,
  type Kind,
  oneOf,
  origin,
  pem,
  policies,
  port,
  prefix,
  ROLES,
  roles,
  sources,
  text,
  toggle,
  url,
  whole,
} from './setting-kinds.ts'

/** "30s", "15m" or "250ms" as milliseconds; undefined when it is none of these. */
export const parseDuration = (given: string): number | undefined => duration.read(given)

export type Known = Readonly<Record<string, unknown>>

export interface Setting {
  /** The path in sluice.yaml. `a.b` is SLUICE_A_B in the environment, `customerio.b` is CUSTOMERIO_B. */
  readonly yaml: string
  /** As commander declares it. Secrets have none: every user of a machine can read its command lines. */
  readonly flag?: string
  readonly kind: Kind
  /** Text that the kind reads, or a function of the settings above it in the table. None: it may stay unset. */
  readonly fallback?: string | ((known: Known) => string)
  readonly about: string
  readonly secret?: true
  /** A further environment variable, which hosts set by their own convention. */
  readonly alias?: string
}

const inRegion =
  (us: string, eu: string) =>
  ({ region }: Known) =>
    `https://${region === 'eu' ? eu : us}`
/** An address to listen on, as one that can be called. */
function reach(address: unknown, at: unknown): string {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : String(address)
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(at)}`
}

export const SETTINGS = {
  env: {
    yaml: 'env',
    flag: '--env <name>',
    kind: oneOf(['development', 'staging', 'production']),
    fallback: 'development',
    about: 'Which environment this is; shown everywhere.',
  },
  siteId: {
    yaml: 'customerio.site_id',
    kind: text('a site id'),
    about: 'Site id of the Customer.io workspace that operations go to.',
  },
  apiKey: {
    yaml: 'customerio.api_key',
    kind: text('an API key'),
    about: 'Track API key of that workspace.',
    secret: true,
  },
  appApiKey: {
    yaml: 'customerio.app_api_key',
    kind: text('an App API key'),
    about: 'App API key of that workspace.',
    secret: true,
  },
  region: {
    yaml: 'customerio.region',
    flag: '--region <region>',
    kind: oneOf(['us', 'eu']),
    fallback: 'us',
    about: 'Where the workspace lives.',
  },
  trackUrl: {
    yaml: 'customerio.track_url',
    kind: origin,
    fallback: inRegion('track.customer.io', 'track-eu.customer.io'),
    about: 'The Track API; follows the region unless set.',
  },
  appUrl: {
    yaml: 'customerio.app_url',
    kind: origin,
    fallback: inRegion('api.customer.io', 'api-eu.customer.io'),
    about: 'The App API; follows the region unless set.',
  },
  dataDir: {
    yaml: 'data_dir',
    flag: '--data-dir <path>',
    kind: text('a path'),
    fallback: './.sluice',
    about: 'Where the log and the ledger lie; one process at a time.',
  },
  port: {
    yaml: 'port',
    flag: '-p, --port <number>',
    kind: port,
    fallback: '8246',
    about: 'Where applications and the commands reach Sluice.',
    alias: 'PORT',
  },
  host: {
    yaml: 'host',
    flag: '--host <address>',
    kind: text('an address'),
    fallback: '127.0.0.1',
    about: 'The address to listen on; 0.0.0.0 for all.',
  },
  emulatorPort: {
    yaml: 'emulator_port',
    flag: '--emulator-port <number>',
    kind: port,
    fallback: '8247',
    about: 'Where the emulated Customer.io listens.',
  },
  url: {
    yaml: 'url',
    flag: '--url <url>',
    kind: url,
    fallback: (known) => reach(known.host, known.port),
    about: 'Where the commands find a running Sluice; follows host and port unless set.',
  },
  emulatorUrl: {
    yaml: 'emulator_url',
    flag: '--emulator-url <url>',
    kind: url,
    fallback: (known) => reach(known.host, known.emulatorPort),
    about: 'Where the commands find a running emulator; follows host and emulator port unless set.',
  },
  roles: {
    yaml: 'roles',
    flag: '--role <list>',
    kind: roles,
    fallback: ROLES.join(','),
    about: 'The stages that this process runs.',
  },
  bus: {
    yaml: 'bus',
    kind: oneOf(['sqlite', 'kafka']),
    fallback: 'sqlite',
    about: 'Where records wait between the stages: a log in the data directory, or Kafka.',
  },
  kafkaBrokers: {
    yaml: 'kafka.brokers',
    kind: brokers,
    about: 'Where the Kafka cluster is found.',
  },
  kafkaPrefix: {
    yaml: 'kafka.prefix',
    kind: prefix,
    about: 'Stands before the names of topics and groups, such as "staging." Unset: none.',
  },
  kafkaReplication: {
    yaml: 'kafka.replication',
    kind: whole(1, 100),
    about: 'Copies of each partition of a topic that bus init creates. Unset: as the cluster has it.',
  },
  kafkaRetentionMs: {
    yaml: 'kafka.retention',
    kind: duration,
    fallback: '30d',
    about:
      'How long a topic that bus init creates keeps records. Kafka removes older ones, delivered or not: longer than any outage. Sends, dead letters and links of people stay.',
  },
  kafkaSessionMs: {
    yaml: 'kafka.session',
    kind: duration,
    fallback: '10s',
    about: 'A process that Kafka does not hear from for so long loses its lanes to the others.',
  },
  kafkaSaslMechanism: {
    yaml: 'kafka.sasl.mechanism',
    kind: oneOf(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
    fallback: 'SCRAM-SHA-512',
    about: 'How user name and password are shown to Kafka.',
  },
  kafkaSaslUsername: {
    yaml: 'kafka.sasl.username',
    kind: text('a user name'),
    about: 'Who Sluice is to Kafka. Unset: no login.',
  },
  kafkaSaslPassword: {
    yaml: 'kafka.sasl.password',
    kind: text('a password'),
    about: 'Of that user.',
    secret: true,
  },
  kafkaCa: {
    yaml: 'kafka.ca',
    kind: pem,
    about: 'The authority of the certificates of the brokers. Unset: those that Node knows.',
    secret: true,
  },
  kafkaCert: {
    yaml: 'kafka.cert',
    kind: pem,
    about: 'What Sluice shows where Kafka asks for a certificate.',
    secret: true,
  },
  kafkaKey: {
    yaml: 'kafka.key',
    kind: pem,
    about: 'The private key of that certificate.',
    secret: true,
  },
  kafkaTls: {
    yaml: 'kafka.tls',
    kind: toggle,
    fallback: ({ kafkaCa, kafkaCert }) => String(kafkaCa !== undefined || kafkaCert !== undefined),
    about: 'Whether Kafka is spoken to over TLS; true where certificates are given.',
  },
  lanes: {
    yaml: 'lanes',
    kind: whole(1, 1024),
    fallback: '16',
    about:
      'Into how many lanes people are spread; fixed once the data directory, or the topics on Kafka, are made.',
  },
  retentionMs: {
    yaml: 'retention',
    kind: duration,
    fallback: '7d',
    about: 'How long settled operations and the ids of clients are remembered. Dead letters stay.',
  },
  maxLogBytes: {
    yaml: 'max_log_bytes',
    kind: bytes,
    about: 'The largest size of the log; beyond it requests are answered 503. Unset: the disk is the limit.',
  },
  sources: {
    yaml: 'sources',
    kind: sources,
    fallback: ({ siteId, apiKey }) => (siteId && apiKey ? `default:${siteId}:${apiKey}` : 'none'),
    about:
      'Who may publish. Unset: one source, default, with the credentials of the workspace itself. The write key is for the Pipelines API; without one the API key is. The app key is for the App API, beside that of the workspace.',
    secret: true,
  },
  publicReports: {
    yaml: 'public_reports',
    kind: toggle,
    fallback: 'true',
    about:
      'Whether metrics, push events and unsubscribes are taken without credentials, as Customer.io takes them.',
  },
  preflight: {
    yaml: 'preflight',
    kind: policies,
    about:
      'What is done about the findings of preflight, by rule: fix, warn, refuse or off. Unset: the defaults.',
  },
  adminToken: {
    yaml: 'admin.token',
    kind: text('a token'),
    about: 'Bearer token of the admin API, which the commands use. Unset: the admin API refuses everybody.',
    secret: true,
  },
  adminRemote: {
    yaml: 'admin.remote',
    kind: toggle,
    fallback: 'false',
    about: 'Whether the admin API also answers other machines; it speaks plain HTTP.',
  },
  logLevel: {
    yaml: 'log.level',
    flag: '--log-level <level>',
    kind: oneOf(['debug', 'info', 'warn', 'error', 'silent']),
    fallback: 'info',
    about: 'The least important log line that is written.',
  },
  logFormat: {
    yaml: 'log.format',
    kind: oneOf(['json', 'pretty']),
    fallback: 'json',
    about: 'One JSON object a line, or lines for people.',
  },
  ratePerSecond: {
    yaml: 'limits.rate_per_second',
    kind: whole(1, 100_000),
    fallback: '900',
    about: 'The ceiling of calls to Customer.io a second: nine tenths of the documented 3000 in 3 seconds.',
  },
  appPerSecond: {
    yaml: 'limits.app_per_second',
    kind: whole(1, 1000),
    fallback: '9',
    about: 'Calls of the App API that are passed on a second: one below the documented 10.',
  },
  concurrency: {
    yaml: 'limits.concurrency',
    kind: whole(1, 200),
    fallback: '64',
    about: 'The most calls to Customer.io under way at once.',
  },
  lingerMs: {
    yaml: 'limits.linger',
    kind: duration,
    fallback: '10ms',
    about: 'How long a batch that is not full waits for more.',
  },
  acceptLoss: {
    yaml: 'accept_loss',
    flag: '--accept-loss <offsets>',
    kind: text('the offsets that the error named'),
    about: 'Start in spite of a damaged log, giving up the records that log_damaged named.',
  },
  noticeMs: {
    yaml: 'shutdown_notice',
    kind: duration,
    fallback: '500ms',
    about:
      'How long requests are refused with 503 before the port is closed, when a stop was asked for: a load balancer turns away meanwhile.',
  },
  shutdownMs: {
    yaml: 'shutdown',
    kind: duration,
    fallback: '10s',
    about: 'How long calls under way may take to finish when a stop is asked for.',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS
const isSettingName = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name)
export const SETTING_NAMES = Object.keys(SETTINGS).filter(isSettingName)
/** A row of the table, seen without its particular types. */
export const settingOf = (name: SettingName): Setting => SETTINGS[name]

/** The environment twins of a setting; the first is the one that help names. */
export function twinsOf(name: SettingName): readonly string[] {
  const { yaml, alias } = settingOf(name)
  const twin = yaml.toUpperCase().replaceAll('.', '_')
  return [twin.startsWith('CUSTOMERIO_') ? twin : `SLUICE_${twin}`, ...(alias ? [alias] : [])]
}

/** The name under which commander holds a flag's value: `--data-dir <path>` is `dataDir`. */
export const flagName = (flag: string): string =>
  longFlag(flag)
    .slice(2)
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
export const longFlag = (flag: string): string => /--[a-z-]+/.exec(flag)?.[0] ?? ''
