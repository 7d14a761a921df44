/** Metrics for Prometheus: a counter for every notice of the table, and gauges that are asked when somebody scrapes. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { type Clock, systemClock } from '../core/clock.ts'
import { NOTICES, type NoticeName } from '../core/notices.ts'
import type { Conservation } from '../core/outcome.ts'
import { within } from '../core/within.ts'

export interface GaugeSources {
  conservation(): Promise<Conservation>
  oldestAgeSeconds(): Promise<number>
  dead(): Promise<{ readonly waiting: number }>
  upstream(): { readonly state: string; readonly rate_per_s: number; readonly in_flight: number }
}

export interface Metrics {
  readonly registry: Registry
  readonly counters: ReadonlyMap<NoticeName, Counter>
}

/** `ofProcess`: memory, event loop and garbage collection of the process as well; many gateways in one share those. */
export function createMetrics(ofProcess = true): Metrics {
  const registry = new Registry()
  if (ofProcess) collectDefaultMetrics({ register: registry })
  const counters = new Map<NoticeName, Counter>()
  for (const [name, row] of Object.entries(NOTICES)) {
    const labelNames = 'labels' in row ? [...row.labels] : []
    const counter = new Counter({
      name: `sluice_${row.counter}_total`,
      help: row.meaning,
      labelNames,
      registers: [registry],
    })
    for (const labels of 'values' in row ? seriesOf(row.labels, row.values) : []) counter.inc(labels, 0)
    counters.set(name as NoticeName, counter) // the keys of the table are the names
  }
  return { registry, counters }
}

/** Every combination of values: what first shows with its first event has, to `rate()`, never risen to it. */
function seriesOf(labels: readonly string[], values: readonly (readonly string[])[]): Labels[] {
  return labels.reduce<Labels[]>(
    (series, label, at) =>
      series.flatMap((one) => (values[at] ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  )
}

type Labels = Readonly<Record<string, string>>

/** The states of the way to Customer.io, each a line of its own, so that an alert can name one. */
const UPSTREAM_STATES = ['closed', 'open', 'half_open', 'credentials', 'paused']

interface GaugeRow {
  readonly name: string
  readonly help: string
  readonly read: (sources: GaugeSources) => Promise<number> | number
}

interface StateGaugeRow {
  readonly name: string
  readonly help: string
  /** A figure for each state. */
  readonly read: (sources: GaugeSources) => Promise<object> | object
}

const GAUGES: readonly GaugeRow[] = [
  {
    name: 'sluice_backlog_oldest_seconds',
    help: 'The age of the oldest operation without an outcome; 0 when there is none, NaN while the bus does not say.',
    read: (sources) => sources.oldestAgeSeconds(),
  },
  {
    name: 'sluice_dead_letters_waiting',
    help: 'Dead letters that nobody has replayed or dropped yet.',
    read: async (sources) => (await sources.dead()).waiting,
  },
  {
    name: 'sluice_upstream_rate',
    help: 'Calls to Customer.io a second that pace allows now.',
    read: (sources) => sources.upstream().rate_per_s,
  },
  {
    name: 'sluice_upstream_in_flight',
    help: 'Calls to Customer.io under way.',
    read: (sources) => sources.upstream().in_flight,
  },
]

const STATE_GAUGES: readonly StateGaugeRow[] = [
  {
    name: 'sluice_operations',
    help: 'Operations by state; accepted is the sum of all others, and missing must be 0. Left out while the bus does not say.',
    read: (sources) => sources.conservation(),
  },
  {
    name: 'sluice_upstream_state',
    help: '1 for the state in which the way to Customer.io is.',
    read: (sources) => {
      const now = sources.upstream().state
      return Object.fromEntries(UPSTREAM_STATES.map((state) => [state, state === now ? 1 : 0]))
    },
  },
]

/** How long a source may take: a scrape that nobody waits for, 10 s by default, tells nothing at all. */
const ANSWER_MS = 2_000

/**
 * A source that fails, or that waits for a bus that is away, takes no other figure along: its own is NaN, or its states are
 * left out, until it answers again. A figure of before would look like health.
 */
export function registerGauges({ registry }: Metrics, sources: GaugeSources, clock = systemClock): void {
  const registers = [registry]
  for (const { name, help, read } of GAUGES)
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set((await answer(clock, () => read(sources))) ?? Number.NaN)
      },
    })
  for (const { name, help, read } of STATE_GAUGES)
    new Gauge({
      name,
      help,
      labelNames: ['state'],
      registers,
      async collect() {
        const figures = await answer(clock, () => read(sources))
        this.reset()
        for (const [state, figure] of Object.entries(figures ?? {}))
          if (figure !== null) this.set({ state }, figure)
      },
    })
}

async function answer<T>(clock: Clock, ask: () => Promise<T> | T): Promise<T | undefined> {
  let found: T | undefined
  const asking = async () => {
    found = await ask()
  }
  await within(clock, ANSWER_MS, asking()).catch(() => {})
  return found
}
