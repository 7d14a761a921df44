/** Whole gateways over a real broker, each with the roles that it is given, and one emulated Customer.io behind them all. */
import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { KafkaAdmin } from '../../src/bus/kafka-admin.ts'
import { planOf } from '../../src/cluster.ts'
import { DEV_DEFAULTS, loadConfig } from '../../src/config.ts'
import { TOPICS } from '../../src/core/record.ts'
import type { Emulator } from '../../src/emulator/emulator.ts'
import { openEmulator, type Stand, stand } from '../flow/stand.ts'

export interface Cluster {
  readonly emulator: Emulator
  readonly env: Readonly<Record<string, string>>
  /** One more gateway; `more` goes over the settings that all have. */
  start(roles: string, more?: Readonly<Record<string, string>>): Promise<Stand>
}

/** Each look costs the broker a few questions. */
const LOOK_MS = 20

let made = 0

/** Topics of its own on the broker. */
export async function standCluster(brokers: string, lanes = 4): Promise<Cluster> {
  made += 1
  const env = {
    SLUICE_BUS: 'kafka',
    SLUICE_KAFKA_BROKERS: brokers,
    SLUICE_KAFKA_PREFIX: `g${process.pid}-${made}.`,
    SLUICE_KAFKA_SESSION: '6s',
    SLUICE_LANES: String(lanes),
  }
  const { config } = await loadConfig({ env, cwd: '/', defaults: DEV_DEFAULTS })
  await using admin = new KafkaAdmin({ brokers: [brokers] })
  await admin.ensureTopics(planOf(config))
  const emulator = await openEmulator()
  const start = async (roles: string, more: Readonly<Record<string, string>> = {}) => {
    const started = await stand({ emulator, env: { ...env, SLUICE_ROLES: roles, ...more } })
    after(() => started.gateway.close())
    return started
  }
  return { emulator, env, start }
}

/** Resolves when the group has given lanes of the operations to each of them: before, one may deliver what the other is there for. */
export const shared = (workers: readonly Stand[]): Promise<void> =>
  until(() =>
    workers.every(({ told }) => {
      const last = told.findLast(([name, { topic }]) => name === 'bus.rebalanced' && topic === TOPICS.events)
      return Number(last?.[1].lanes ?? 0) > 0
    }),
  )

/** Resolves when the condition holds; it is asked again and again, since what is waited for happens in other processes. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(LOOK_MS)
}
