/**
 * What Sluice costs on Kafka: publishing and consuming through its bus beside the bare client, and the drain of a backlog beside
 * the embedded log and beside the reference worker. `npm run bench:kafka`; on a broker of its own, or SLUICE_KAFKA_BROKERS.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Consumer, compatibilityPartitioner, Producer, stringDeserializers } from '@platformatic/kafka'
import { Broker } from '../scripts/kafka/broker.ts'
import { fetchKafka } from '../scripts/kafka.ts'
import type { Bus } from '../src/bus/bus.ts'
import { openKafkaBus } from '../src/bus/kafka.ts'
import { KafkaAdmin } from '../src/bus/kafka-admin.ts'
import { openSqliteBus } from '../src/bus/sqlite.ts'
import { systemClock as clock } from '../src/core/clock.ts'
import { silent } from '../src/core/notices.ts'
import { type BusRecord, TOPICS } from '../src/core/record.ts'

const RECORDS = Number(process.env.BENCH_RECORDS ?? 100_000)
const BACKLOG = Number(process.env.BENCH_BACKLOG ?? 50_000)
const REFERENCE = Number(process.env.BENCH_REFERENCE ?? 2_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const BATCH = 1_000
const LANES = 12

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const ours = process.env.SLUICE_KAFKA_BROKERS
  ? undefined
  : await Broker.start({ jars: fetchKafka(), directory: join(scratch, 'broker') })
const brokers = process.env.SLUICE_KAFKA_BROKERS?.split(',') ?? [ours?.address() ?? '']
const cluster = { brokers }
const admin = new KafkaAdmin(cluster)

async function makeTopics(prefix: string, topics: readonly string[] = [TOPICS.events]): Promise<void> {
  const plan = { partitions: LANES, replicas: 1, retentionMs: -1 }
  await admin.ensureTopics(topics.map((topic) => ({ name: prefix + topic, ...plan })))
}

const eventOf = (n: number): string =>
  `{"type":"person","identifiers":{"id":"p${n % 5_000}"},"action":"event","name":"order_completed","attributes":{"n":${n},"plan":"pro","city":"Paris","total":19.9,"note":"${'x'.repeat(150)}"}}`

const records: readonly BusRecord[] = Array.from({ length: RECORDS }, (_, n) => ({
  id: `01K${String(n).padStart(23, '0')}`,
  key: `id:p${n % 5_000}`,
  kind: 'person.event',
  at: Date.now(),
  headers: { source: 'bench', 'correlation-id': `c${n}` },
  value: eventOf(n),
}))

const perSecond = async (count: number, work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return count / ((performance.now() - started) / 1000)
}

const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN

async function publishAll(bus: Bus, list: readonly BusRecord[]): Promise<void> {
  for (let at = 0; at < list.length; at += BATCH) await bus.publish(TOPICS.events, list.slice(at, at + BATCH))
}

/** The same bytes through the client alone: key, value, time stamp and four headers. */
async function produceBare(producer: Producer<Buffer, Buffer, Buffer, Buffer>, topic: string): Promise<void> {
  for (let at = 0; at < records.length; at += BATCH) {
    const messages = records.slice(at, at + BATCH).map(({ id, key, kind, headers, at: time, value }) => ({
      topic,
      key: Buffer.from(key),
      value: Buffer.from(value),
      timestamp: BigInt(time),
      headers: new Map(
        Object.entries({ 'sluice-id': id, 'sluice-kind': kind, ...headers }).map(
          ([name, text]) => [Buffer.from(name), Buffer.from(text)] as const,
        ),
      ),
    }))
    await producer.send({ messages })
  }
}

async function consumeOurs(prefix: string): Promise<number> {
  await using bus = openKafkaBus({ cluster, prefix, clock })
  const subscription = await bus.subscribe(TOPICS.events, 'g')
  return await perSecond(RECORDS, async () => {
    let seen = 0
    for await (const batch of subscription) {
      seen += batch.length
      void subscription.settle(batch)
      if (seen >= RECORDS) return
    }
  })
}

async function consumeBare(topic: string): Promise<number> {
  const consumer = new Consumer({
    clientId: 'bench',
    groupId: `bench-${topic}`,
    bootstrapBrokers: brokers,
    deserializers: stringDeserializers,
    autocommit: false,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const rate = await perSecond(RECORDS, async () => {
    let seen = 0
    for await (const _ of stream) {
      seen += 1
      if (seen === RECORDS) return
    }
  })
  await consumer.close(true)
  return rate
}

async function oneRound(round: number): Promise<Record<string, number>> {
  const [mine, bare] = [`m${round}-${process.pid}.`, `b${round}-${process.pid}.`]
  await Promise.all([makeTopics(mine), makeTopics(bare)])
  await using bus = openKafkaBus({ cluster, prefix: mine, clock })
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    clientId: 'bench',
    bootstrapBrokers: brokers,
    idempotent: true,
    partitioner: compatibilityPartitioner,
  })
  const measure: Record<string, () => Promise<number>> = {
    publish: () => perSecond(RECORDS, () => publishAll(bus, records)),
    produce: () => perSecond(RECORDS, () => produceBare(producer, bare + TOPICS.events)),
    receive: () => consumeOurs(mine),
    consume: () => consumeBare(bare + TOPICS.events),
  }
  const rates: Record<string, number> = {}
  const names = ['publish', 'produce', 'receive', 'consume']
  // Ours first in one round, the bare client first in the next.
  if (round % 2 === 1) names.splice(0, 4, 'produce', 'publish', 'consume', 'receive')
  for (const name of names) rates[name] = (await measure[name]?.()) ?? Number.NaN
  await producer.close()
  return rates
}

type Env = Readonly<Record<string, string>>

function drainer(args: readonly string[], env: Env): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kafka-drain.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
  })
  return child
}

const wordOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => child.stdout?.once('data', (said) => resolve(String(said).trim())))

async function drains(): Promise<Record<string, number>> {
  const emulator = drainer(['emulator'], {})
  const env = {
    CUSTOMERIO_TRACK_URL: await wordOf(emulator),
    SLUICE_KAFKA_BROKERS: brokers.join(','),
    SLUICE_LIMITS_RATE_PER_SECOND: '100000',
    SLUICE_LOG_LEVEL: 'error',
    SLUICE_ROLES: 'delivery',
    SLUICE_LANES: String(LANES),
    SLUICE_PORT: '0',
  }
  const backlog = records.slice(0, BACKLOG)
  const prefix = `d${process.pid}.`
  await makeTopics(prefix, Object.values(TOPICS))
  await using bus = openKafkaBus({ cluster, prefix, clock })
  await publishAll(bus, backlog)
  const kafka = {
    ...env,
    SLUICE_BUS: 'kafka',
    SLUICE_KAFKA_PREFIX: prefix,
    SLUICE_DATA_DIR: join(scratch, 'kafka'),
  }
  process.stderr.write('draining over Kafka …\n')
  const overKafka = Number(await wordOf(drainer(['gateway', String(BACKLOG)], kafka)))

  const directory = mkdtempSync(join(scratch, 'sqlite-'))
  {
    await using log = await openSqliteBus({
      directory,
      clock,
      notify: silent,
      onFatal: () => {},
      lanes: LANES,
    })
    await publishAll(log, backlog)
  }
  process.stderr.write('draining over SQLite …\n')
  const sqlite = { ...env, SLUICE_DATA_DIR: directory }
  const overSqlite = Number(await wordOf(drainer(['gateway', String(BACKLOG)], sqlite)))

  const envelopes = Array.from({ length: REFERENCE }, (_, n) => ({
    key: Buffer.from(`p${n % 5_000}`),
    value: Buffer.from(
      JSON.stringify({
        type: 'track',
        userId: `p${n % 5_000}`,
        payload: { event: 'order_completed', properties: { n } },
      }),
    ),
    topic: `r${process.pid}.${TOPICS.track}`,
  }))
  await makeTopics(`r${process.pid}.`, [TOPICS.track])
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: brokers, idempotent: true })
  await producer.send({ messages: envelopes })
  await producer.close()
  process.stderr.write('draining with the reference worker …\n')
  const args = ['reference', String(REFERENCE), `r${process.pid}.${TOPICS.track}`]
  const reference = Number(await wordOf(drainer(args, env)))
  emulator.kill('SIGKILL')
  return { overKafka, overSqlite, reference }
}

const rounds: Record<string, number>[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  process.stderr.write(`round ${round + 1} of ${ROUNDS} …\n`)
  rounds.push(await oneRound(round))
}
const drained = await drains()
const of = (name: string) => median(rounds.map((rates) => rates[name] ?? Number.NaN))
const ratioOf = (a: string, b: string) => median(rounds.map((rates) => (rates[a] ?? 0) / (rates[b] ?? 1)))
const whole = (n: number) => Math.round(n).toLocaleString('en')
const row = (what: string, mine: number, base: number, goal: string, ratio = mine / base) =>
  process.stdout.write(`| ${what} | ${whole(mine)} of ${whole(base)}/s | ${ratio.toFixed(2)} | ${goal} |\n`)
process.stdout.write('| What | Measured | Ratio | Goal |\n|---|---|---|---|\n')
row(
  'publish ÷ bare produce, batches of 1,000',
  of('publish'),
  of('produce'),
  '0.8',
  ratioOf('publish', 'produce'),
)
row('receive and settle ÷ bare stream', of('receive'), of('consume'), '0.8', ratioOf('receive', 'consume'))
const { overKafka = 0, overSqlite = 0, reference = 0 } = drained
row('drain over Kafka ÷ over SQLite', overKafka, overSqlite, '-')
row('drain over Kafka ÷ the reference worker', overKafka, reference, '50')
await admin[Symbol.asyncDispose]()
await ours?.[Symbol.asyncDispose]()
rmSync(scratch, { recursive: true, force: true })
