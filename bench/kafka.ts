/**
 * What Sluice costs on Kafka: `npm run bench:kafka -- [--only rates,drain] [--rounds N] [--backlog N] [--profiles DIR]`, on a broker of its
 * own, or that of SLUICE_KAFKA_BROKERS. See README.md for the method.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Broker } from '../scripts/kafka/broker.ts'
import { fetchKafka } from '../scripts/kafka.ts'
import { KafkaAdmin } from '../src/bus/kafka-admin.ts'
import { type Drain, drainKafka, drainReference, drainSqlite } from './kafka-drains.ts'
import { measureRates, type Rates } from './kafka-rates.ts'
import { median, rounded } from './line.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'rates,drain' },
    rounds: { type: 'string', default: '3' },
    records: { type: 'string', default: '100000' },
    backlog: { type: 'string', default: '400000' },
    reference: { type: 'string', default: '10000' },
    profiles: { type: 'string' },
  },
})
const wanted = values.only.split(',')
const rounds = Array.from({ length: Number(values.rounds) }, (_, round) => round)

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const fresh = () => mkdtempSync(join(scratch, 'd-'))
const given = process.env.SLUICE_KAFKA_BROKERS?.split(',')
const own = given ? undefined : await Broker.start({ jars: fetchKafka(), directory: join(scratch, 'broker') })
const brokers = given ?? [own?.address() ?? '']
const cluster = { brokers, admin: new KafkaAdmin({ brokers }) }

function row(what: string, [mine, base]: readonly [number[], number[]], goal: string, cost = ''): void {
  const ratio = median(mine.map((rate, round) => rate / (base[round] ?? Number.NaN)))
  const rates = `${rounded(median(mine))} of ${rounded(median(base))}/s`
  process.stdout.write(`| ${what} | ${rates} | ${ratio.toFixed(2)} | ${goal} | ${cost} |\n`)
}

function costOf(drains: readonly Drain[]): string {
  const us = (name: keyof Drain) => median(drains.map((drain) => drain[name])).toFixed(1)
  return `worker ${us('workerUs')}, emulator ${us('emulatorUs')}, broker ${us('brokerUs')}`
}

async function rates(): Promise<void> {
  const found: Rates[] = []
  for (const round of rounds) found.push(await measureRates(cluster, Number(values.records), round))
  const of = (name: keyof Rates) => found.map((each) => each[name])
  row('publish ÷ bare produce, batches of 1,000', [of('publish'), of('produce')], '0.8')
  row('receive and settle ÷ bare stream', [of('receive'), of('consume')], '0.8')
}

async function drains(): Promise<void> {
  const options = {
    cluster,
    broker: own?.pid,
    fresh,
    events: Number(values.backlog),
    profiles: values.profiles,
  }
  const [kafka, sqlite, reference]: Drain[][] = [[], [], []]
  for (const round of rounds) {
    process.stderr.write(`draining, round ${round + 1} of ${rounds.length} …\n`)
    kafka?.push(await drainKafka(options))
    reference?.push(await drainReference({ ...options, events: Number(values.reference) }))
    sqlite?.push(await drainSqlite(options))
  }
  const rateOf = (of: readonly Drain[] = []) => of.map(({ perSecond }) => perSecond)
  row('drain over SQLite', [rateOf(sqlite), rateOf(sqlite)], '-', costOf(sqlite ?? []))
  row('the reference worker', [rateOf(reference), rateOf(reference)], '-', costOf(reference ?? []))
  row('drain over Kafka ÷ over SQLite', [rateOf(kafka), rateOf(sqlite)], '-', costOf(kafka ?? []))
  row('drain over Kafka ÷ the reference worker', [rateOf(kafka), rateOf(reference)], '50')
}

process.stdout.write('| What | Measured | Ratio | Goal | CPU, us an event |\n|---|---|---|---|---|\n')
if (wanted.includes('rates')) await rates()
if (wanted.includes('drain')) await drains()
await cluster.admin[Symbol.asyncDispose]()
await own?.[Symbol.asyncDispose]()
rmSync(scratch, { recursive: true, force: true })
