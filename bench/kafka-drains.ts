/**
 * Three ways to drain one backlog into the emulator: Sluice over Kafka, Sluice over its own log, and the worker of the
 * reference architecture on the same broker. Each with an emulator of its own, fresh.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import { openKafkaBus } from '../src/bus/kafka.ts'
import { openSqliteBus } from '../src/bus/sqlite.ts'
import { systemClock as clock } from '../src/core/clock.ts'
import { silent } from '../src/core/notices.ts'
import { TOPICS } from '../src/core/record.ts'
import { backlogOf, type Cluster, LANES, makeTopics, publishAll } from './kafka-backlog.ts'
import type { Told } from './kafka-drain.ts'
import { event, person } from './load.ts'

/** How fast it went, and what it cost: microseconds of CPU for each event. */
export interface Drain {
  readonly perSecond: number
  readonly workerUs: number
  readonly emulatorUs: number
  /** 0 where the broker is not this machine's. */
  readonly brokerUs: number
}

export interface DrainOptions {
  readonly cluster: Cluster
  /** The process id of the broker. */
  readonly broker: number | undefined
  /** A new, empty directory. */
  readonly fresh: () => string
  readonly events: number
  /** Where each process leaves its profile, for --cpu-prof. */
  readonly profiles?: string | undefined
}

type Env = Readonly<Record<string, string>>

const DELIVERY: Env = {
  SLUICE_LIMITS_RATE_PER_SECOND: '100000',
  SLUICE_LOG_LEVEL: 'error',
  SLUICE_ROLES: 'delivery',
  SLUICE_LANES: String(LANES),
  SLUICE_PORT: '0',
}
/** As many as eight requests of 500 that wait for one write to the log. */
const WRITE = 4_000

let made = 0
function newPrefix(): string {
  made += 1
  return `d${process.pid}-${made}.`
}

export async function drainKafka(options: DrainOptions): Promise<Drain> {
  const { cluster, fresh, events } = options
  const prefix = newPrefix()
  await makeTopics(cluster, prefix)
  {
    await using bus = openKafkaBus({ cluster, prefix, clock })
    await publishAll(bus, backlogOf(events), WRITE)
  }
  const where = { SLUICE_BUS: 'kafka', SLUICE_KAFKA_PREFIX: prefix, SLUICE_DATA_DIR: fresh() }
  return drain(['gateway', String(events)], { ...DELIVERY, ...where }, options)
}

export async function drainSqlite(options: DrainOptions): Promise<Drain> {
  const directory = options.fresh()
  {
    const opening = { directory, clock, notify: silent, onFatal: () => {}, lanes: LANES }
    await using bus = await openSqliteBus(opening)
    await publishAll(bus, backlogOf(options.events), WRITE)
  }
  return drain(['gateway', String(options.events)], { ...DELIVERY, SLUICE_DATA_DIR: directory }, options)
}

export async function drainReference(options: DrainOptions): Promise<Drain> {
  const { cluster, events } = options
  const prefix = newPrefix()
  const topic = prefix + TOPICS.track
  await makeTopics(cluster, prefix, [TOPICS.track])
  const producer = new Producer({
    clientId: 'bench',
    bootstrapBrokers: [...cluster.brokers],
    idempotent: true,
  })
  const messages = Array.from({ length: events }, (_, n) => envelope(n, topic))
  for (let at = 0; at < events; at += WRITE) await producer.send({ messages: messages.slice(at, at + WRITE) })
  await producer.close()
  return drain(['reference', String(events), topic], {}, options)
}

/** The same event as the application of the reference architecture publishes it. */
function envelope(n: number, topic: string) {
  const { name, data } = JSON.parse(event(n)) as { name: string; data: object } // load.ts wrote it
  const said = {
    type: 'track',
    userId: person(n),
    payload: { event: name, properties: data },
    timestamp: new Date().toISOString(),
    correlationId: `c${n}`,
  }
  return { topic, key: Buffer.from(person(n)), value: Buffer.from(JSON.stringify(said)) }
}

async function drain(args: readonly string[], env: Env, options: DrainOptions): Promise<Drain> {
  const { cluster, broker, profiles } = options
  const node = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const emulator = child(['emulator'], {}, node)
  const url = await told(emulator, 'url')
  const brokers = cluster.brokers.join(',')
  const worker = child(args, { ...env, CUSTOMERIO_TRACK_URL: url, SLUICE_KAFKA_BROKERS: brokers }, node)
  const look = async () => {
    const done = await told(worker, 'done')
    return { done, at: performance.now(), used: [worker.pid, emulator.pid, broker].map(cpuOf) }
  }
  const [from, to] = [await look(), await look()]
  for (const each of [worker, emulator]) await end(each)
  const events = to.done - from.done
  const [workerUs = 0, emulatorUs = 0, brokerUs = 0] = to.used.map(
    (us, which) => (us - (from.used[which] ?? 0)) / events,
  )
  return { perSecond: events / ((to.at - from.at) / 1000), workerUs, emulatorUs, brokerUs }
}

function child(args: readonly string[], env: Env, execArgv: string[]): ChildProcess {
  return fork(join(import.meta.dirname, 'kafka-drain.ts'), args, {
    execArgv,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH, ...env },
  })
}

async function told<Key extends 'url' | 'done'>(
  from: ChildProcess,
  what: Key,
): Promise<Extract<Told, Record<Key, unknown>>[Key]> {
  const [message] = (await once(from, 'message')) as [Extract<Told, Record<Key, unknown>>] // kafka-drain.ts sends these
  return message[what]
}

async function end(which: ChildProcess): Promise<void> {
  const gone = once(which, 'exit')
  which.disconnect()
  await gone
}

/** A tick of /proc is a hundredth of a second. */
const TICK_US = 10_000

/** Microseconds of CPU of a process so far, all threads and system calls; 0 where there is no /proc, or no process. */
function cpuOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return (Number(user) + Number(system)) * TICK_US
  } catch {
    return 0
  }
}
