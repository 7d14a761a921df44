/**
 * One Apache Kafka broker on loopback, for tests, proofs and trials: formatted, started and watched by this process. It has
 * five doors, so that every way in can be tried: plain, SASL, TLS, TLS with client certificates, SASL over TLS.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const DOORS = ['plain', 'sasl', 'tls', 'mtls', 'sasltls'] as const
export type Door = (typeof DOORS)[number]

/** Known at the SASL doors, with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 alike. */
export const USER = { username: 'sluice', password: 'not-a-secret' }

export interface BrokerOptions {
  /** Where the jars are: `fetchKafka()`. */
  readonly jars: string
  /** Data, configuration, log and certificates; kept over a restart. */
  readonly directory: string
  /** The port of the plain door; 0, the default, takes any free one, as the others always do. */
  readonly port?: number
  /** Further lines of server.properties. */
  readonly properties?: Readonly<Record<string, string>>
  /** Further words for Java. */
  readonly java?: readonly string[]
  /** One more broker of the cluster whose first, and whose controller, this one is; the number is its own, from 2 on. */
  readonly joins?: { readonly first: Broker; readonly node: number }
}

const PROTOCOLS: Readonly<Record<Door, string>> = {
  plain: 'PLAINTEXT',
  sasl: 'SASL_PLAINTEXT',
  tls: 'SSL',
  mtls: 'SSL',
  sasltls: 'SASL_SSL',
}

const READY = /Kafka Server started/
/** A machine under load took 10 s; a log of gigabytes after a kill, 15 s. */
const START_MS = 120_000
const STOP_MS = 30_000
/** The client compiler alone and the serial collector: it starts in 2 s instead of 2.5 and needs 180 MB instead of 220. */
const JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true']

/**
 * Beside the jars: the classes of a broker as the JVM holds them, so that they need not be read and checked again. A start costs
 * 2.7 s of a core with it and 4.1 s without. One that does not fit, of another Java, is passed over.
 */
const archiveOf = (jars: string): string => `${jars}.jsa`

/** How Java is called: with the jars, and the archive of their classes where there is one. */
function javaArgs(jars: string): string[] {
  const archive = archiveOf(jars)
  return [
    ...JVM,
    ...(existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []),
    '-cp',
    join(jars, '*'),
  ]
}

const LOGGING = `status = error
appender.console.type = Console
appender.console.name = STDOUT
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = STDOUT
`

/** What a broker is called by. */
export interface Doors {
  /** The address of a door, such as `127.0.0.1:9092`. */
  address(door?: Door): string
  /** The certificate of the authority, and a client's, as PEM. */
  readonly certificates: { readonly ca: string; readonly cert: string; readonly key: string }
}

/** In the directory of a broker that takes calls: the ports of its doors. */
const PORTS = 'ports.json'

/** The broker that another process started in this directory; undefined while it takes no calls. */
export function brokerAt(directory: string): Doors | undefined {
  if (!existsSync(join(directory, PORTS))) return undefined
  const ports = JSON.parse(readFileSync(join(directory, PORTS), 'utf8')) as Record<string, number> // as Broker wrote it
  return {
    address: (door = 'plain') => `127.0.0.1:${ports[door]}`,
    certificates: certificatesIn(directory),
  }
}

function certificatesIn(directory: string): Doors['certificates'] {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8')
  return { ca: read('ca.pem'), cert: read('client.pem'), key: read('client.key') }
}

export class Broker implements Doors, AsyncDisposable {
  readonly #options: BrokerOptions
  #ports: ReadonlyMap<string, number> = new Map()
  #child: ChildProcess | undefined
  readonly #orphan = () => this.#child?.kill('SIGKILL')

  private constructor(options: BrokerOptions) {
    this.#options = options
  }

  /** Formats the directory where it is new, starts, and resolves when the broker takes calls. */
  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    await broker.#prepare()
    await broker.resume()
    return broker
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  address(door: Door = 'plain'): string {
    return `127.0.0.1:${this.#ports.get(door)}`
  }

  get #controller(): string {
    const { joins } = this.#options
    return joins ? joins.first.#controller : `127.0.0.1:${this.#ports.get('controller')}`
  }

  get certificates(): Doors['certificates'] {
    return certificatesIn(this.#options.directory)
  }

  /** Starts it again on the same data and ports. */
  async resume(): Promise<void> {
    const { directory, jars, java = [] } = this.#options
    const log = join(directory, 'broker.log')
    const output = openSync(log, 'w') // truncated first: an old log would read as ready
    const args = [
      '-Xmx512m',
      `-Dlog4j2.configurationFile=${join(directory, 'log4j2.properties')}`,
      ...java,
      ...javaArgs(jars),
      'kafka.Kafka',
      join(directory, 'server.properties'),
    ]
    const child = spawn('java', args, { stdio: ['ignore', output, output] })
    closeSync(output)
    this.#child = child
    process.once('exit', this.#orphan)
    await ready(child, log)
    const partial = join(directory, `${PORTS}.partial`)
    writeFileSync(partial, JSON.stringify(Object.fromEntries(this.#ports)))
    renameSync(partial, join(directory, PORTS)) // whole or not at all
  }

  /** SIGKILL is a crash, SIGTERM a shutdown, SIGSTOP and SIGCONT a hang. Resolves when the process is gone, or at once. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill(signal)
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
    const hung = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    if (child.exitCode === null && child.signalCode === null) await gone
    clearTimeout(hung)
    this.#child = undefined
    process.removeListener('exit', this.#orphan)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signal('SIGKILL')
  }

  async #prepare(): Promise<void> {
    const { directory, jars, joins, port = 0 } = this.#options
    mkdirSync(directory, { recursive: true })
    const ports = await freePorts([...DOORS, 'controller'])
    this.#ports = port === 0 ? ports : new Map([...ports, ['plain', port]])
    writeFileSync(join(directory, 'log4j2.properties'), LOGGING)
    certify(directory)
    writeFileSync(join(directory, 'server.properties'), this.#properties())
    if (existsSync(join(directory, 'data', 'meta.properties'))) return
    rmSync(join(directory, 'data'), { recursive: true, force: true })
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${USER.username},password=${USER.password}]`,
    ])
    const place = joins ? ['--no-initial-controllers'] : ['--standalone', ...scram]
    const format = ['format', '-t', CLUSTER, '-c', join(directory, 'server.properties'), ...place]
    const args = ['-Xmx256m', ...javaArgs(jars), 'kafka.tools.StorageTool', ...format]
    execFileSync('java', args, { stdio: 'pipe' })
  }

  #properties(): string {
    const { directory, joins, properties = {} } = this.#options
    const port = (name: string) => this.#ports.get(name)
    const doors = DOORS.map((door) => `${door.toUpperCase()}://127.0.0.1:${port(door)}`).join(',')
    const protocols = DOORS.map((door) => `${door.toUpperCase()}:${PROTOCOLS[door]}`).join(',')
    const lines = {
      ...BASE,
      ...(joins ? { 'process.roles': 'broker', 'node.id': String(joins.node) } : {}),
      listeners: joins ? doors : `${doors},CONTROLLER://${this.#controller}`,
      'advertised.listeners': doors,
      'listener.security.protocol.map': `${protocols},CONTROLLER:PLAINTEXT`,
      'controller.quorum.bootstrap.servers': this.#controller,
      'log.dirs': join(directory, 'data'),
      ...security(directory),
      ...properties,
    }
    return Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('')
  }
}

/** Makes the archive where there is none: a broker leaves it when it ends. */
export async function archiveClasses(jars: string): Promise<void> {
  if (existsSync(archiveOf(jars))) return
  const directory = mkdtempSync(join(tmpdir(), 'sluice-kafka-'))
  const partial = `${archiveOf(jars)}.${process.pid}`
  const broker = await Broker.start({ jars, directory, java: [`-XX:ArchiveClassesAtExit=${partial}`] })
  await broker.signal('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
  if (existsSync(partial)) renameSync(partial, archiveOf(jars)) // whole or not at all
}

const CLUSTER = 'c2x1aWNlLXRlc3Qta2Fma2E'

/** Small and quick: a group forms at once, a member that hangs is missed after a second, a restart does not wait 9 s. */
const BASE = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'inter.broker.listener.name': 'PLAIN',
  'controller.listener.names': 'CONTROLLER',
  'auto.create.topics.enable': 'false',
  'num.partitions': '1',
  'min.insync.replicas': '1',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'num.network.threads': '2',
  'num.io.threads': '2',
  'background.threads': '2',
  'log.cleaner.dedupe.buffer.size': '16777216',
  'broker.session.timeout.ms': '1500',
  'broker.heartbeat.interval.ms': '300',
}

function security(directory: string): Record<string, string> {
  const { username, password } = USER
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  const lines: Record<string, string> = {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(directory, 'broker.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(directory, 'ca.pem'),
    'listener.name.mtls.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  }
  for (const door of ['sasl', 'sasltls']) {
    lines[`listener.name.${door}.plain.sasl.jaas.config`] = plain
    for (const mechanism of ['scram-sha-256', 'scram-sha-512'])
      lines[`listener.name.${door}.${mechanism}.sasl.jaas.config`] = scram
  }
  return lines
}

/** An authority of one's own, and what it signed: the broker for 127.0.0.1, and a client. */
function certify(directory: string): void {
  if (existsSync(join(directory, 'broker.pem'))) return
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-subj', '/CN=ca', '-days', '2', '-keyout', 'ca.key', '-out', 'ca.pem')
  for (const [name, extra] of [
    ['broker', ['-addext', 'subjectAltName=IP:127.0.0.1']],
    ['client', []],
  ] as const) {
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2', '-out', `${name}.pem`]
    openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, ...extra, '-keyout', `${name}.key`, ...signed)
  }
  const both = ['broker.key', 'broker.pem'].map((name) => readFileSync(join(directory, name), 'utf8'))
  writeFileSync(join(directory, 'broker.pem'), both.join(''))
}

/** Where no system gives ports in passing: Linux does from 32768 on, others from 49152. */
const PORTS_FROM = 20_000
const PORTS_TO = 32_000

/**
 * As many ports as there are names, in a row, all free, and none that a system gives to whoever asks for any: a broker takes seconds
 * until it listens, and of the many sockets that tests open meanwhile one would get its port. The port before them is held, by which
 * brokers that start at the same time keep to rows of their own, until this process ends.
 */
async function freePorts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  for (let first = PORTS_FROM; first < PORTS_TO; first += names.length + 1) {
    const held = await listenOn(first)
    if (held === undefined) continue
    const ports = names.map((_, at) => first + 1 + at)
    const servers = await Promise.all(ports.map(listenOn))
    await Promise.all(servers.map((server) => server && new Promise((resolve) => server.close(resolve))))
    if (!servers.includes(undefined)) return new Map(names.map((name, at) => [name, ports[at] ?? 0]))
    held.close()
  }
  throw new Error(`No ${names.length} ports in a row are free from ${PORTS_FROM} to ${PORTS_TO}.`)
}

/** Undefined where the port is taken. It keeps no process from ending. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer().unref()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

async function ready(child: ChildProcess, log: string): Promise<void> {
  const deadline = performance.now() + START_MS
  while (!READY.test(readFileSync(log, 'utf8'))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`The broker did not start:\n${readFileSync(log, 'utf8').slice(-3_000)}`)
    }
    await pause(50)
  }
}
