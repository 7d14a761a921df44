/**
 * Apache Kafka without Docker: `node scripts/kafka.ts fetch` brings the jars from Maven Central into node_modules/.cache,
 * `node scripts/kafka.ts start [port] [directory]` runs one broker on loopback until Ctrl-C, with its data in .kafka/ unless told.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { archiveClasses, Broker } from './kafka/broker.ts'

const ROOT = resolve(import.meta.dirname, '..')
const KAFKA_VERSION = '4.4.0'
/** In the home of the user, since 43 MB need not be fetched again by every clone and every `npm ci`. */
const JARS = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice', `kafka-${KAFKA_VERSION}`)

/** What is missing on this machine to run a broker; empty when nothing is. */
export function missingForKafka(): string[] {
  const commands = existsSync(JARS) ? ['java', 'openssl'] : ['java', 'mvn', 'openssl']
  return commands.filter(
    (command) => spawnSync(command, ['-version'], { stdio: 'ignore' }).error !== undefined,
  )
}

/** The folder of the jars; they are fetched when they are not there yet. */
export function fetchKafka(): string {
  if (existsSync(JARS)) return JARS
  const partial = `${JARS}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  const args = [
    '-B',
    '-q',
    '-f',
    join(ROOT, 'scripts/kafka/pom.xml'),
    `-Dkafka.version=${KAFKA_VERSION}`,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${partial}`,
  ]
  const { status, stdout, error } = spawnSync('mvn', args, { encoding: 'utf8' })
  if (status !== 0) {
    rmSync(partial, { recursive: true, force: true })
    throw new Error(`Maven could not fetch Kafka ${KAFKA_VERSION}: ${error?.message ?? stdout.slice(-1_000)}`)
  }
  if (existsSync(JARS))
    rmSync(partial, { recursive: true }) // another process was quicker
  else renameSync(partial, JARS) // whole or not at all
  return JARS
}

async function startInForeground(port: number, directory: string): Promise<void> {
  process.stderr.write(`Starting Apache Kafka ${KAFKA_VERSION} …\n`)
  const broker = await Broker.start({ jars: fetchKafka(), directory, port })
  process.stdout.write(`SLUICE_KAFKA_BROKERS=${broker.address()}\n`)
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopped.resolve())
  await stopped.promise
  await broker.signal('SIGTERM')
}

if (import.meta.main) {
  const [command, port = '9092', directory = join(ROOT, '.kafka')] = process.argv.slice(2)
  const missing = missingForKafka()
  if (missing.length > 0) {
    process.stderr.write(
      `Missing: ${missing.join(', ')}. On Debian: apt-get install openjdk-17-jre-headless maven openssl\n`,
    )
    process.exitCode = 1
  } else if (command === 'start') await startInForeground(Number(port), directory)
  else if (command === 'fetch') {
    const jars = fetchKafka()
    await archiveClasses(jars)
    process.stdout.write(`${jars}\n`)
  } else {
    process.stderr.write('node scripts/kafka.ts fetch | start [port] [directory]\n')
    process.exitCode = 2
  }
}
