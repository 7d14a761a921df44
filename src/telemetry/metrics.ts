/** Metrics for Prometheus: a counter for every notice of the table, and gauges that are asked when somebody scrapes. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { NOTICES, type NoticeName } from '../core/notices.ts'
import type { Conservation } from '../core/outcome.ts'

export interface GaugeSources {
  conservation(): Promise<Conservation>
  oldestAgeSeconds(): Promise<number>
  upstream(): { readonly state: string; readonly rate_per_s: number; readonly in_flight: number }
}

export interface Metrics {
  readonly registry: Registry
  readonly counters: ReadonlyMap<NoticeName, Counter>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counters = new Map<NoticeName, Counter>()
  for (const [name, row] of Object.entries(NOTICES)) {
    const labelNames = 'labels' in row ? [...row.labels] : []
    const counter = new Counter({
      name: `sluice_${row.counter}_total`,
      help: row.meaning,
      labelNames,
      registers: [registry],
    })
    counters.set(name as NoticeName, counter) // the keys of the table are the names
  }
  return { registry, counters }
}

/** The states of the breaker, each a line of its own, so that an alert can name one. */
const STATES = ['closed', 'open', 'half_open', 'credentials', 'paused']

export function registerGauges({ registry }: Metrics, sources: GaugeSources): void {
  const registers = [registry]
  new Gauge({
    name: 'sluice_operations',
    help: 'Operations by state; accepted is the sum of all others, and missing must be 0.',
    labelNames: ['state'],
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await sources.conservation())) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'sluice_backlog_oldest_seconds',
    help: 'The age of the oldest operation without an outcome; 0 when there is none.',
    registers,
    async collect() {
      this.set(await sources.oldestAgeSeconds())
    },
  })
  new Gauge({
    name: 'sluice_upstream_rate',
    help: 'Calls to Customer.io a second that pace allows now.',
    registers,
    collect() {
      this.set(sources.upstream().rate_per_s)
    },
  })
  new Gauge({
    name: 'sluice_upstream_in_flight',
    help: 'Calls to Customer.io under way.',
    registers,
    collect() {
      this.set(sources.upstream().in_flight)
    },
  })
  new Gauge({
    name: 'sluice_upstream_state',
    help: '1 for the state in which the way to Customer.io is.',
    labelNames: ['state'],
    registers,
    collect() {
      const now = sources.upstream().state
      for (const state of STATES) this.set({ state }, state === now ? 1 : 0)
    },
  })
}
