/** What comes in, against bare servers that are sent the same by the same client. */
import { type Server, serve, start, stop, usageOf } from './child.ts'
import { type Line, median, rounded } from './line.ts'
import { batch, event, type Load, measure } from './load.ts'

const BATCH = 500

const SINGLE: Load = {
  path: '/api/v1/customers/42/events',
  bodies: Array.from({ length: 50 }, (_, n) => event(n)),
  requests: 40_000,
  connections: 64,
}
const BATCHES: Load = {
  path: '/api/v2/batch',
  bodies: Array.from({ length: 20 }, (_, n) => batch(n * BATCH, BATCH)),
  requests: 1_000,
  connections: 8,
}

/** Baseline and gateway take turns, since a machine is not the same from one minute to the next. */
const ROUNDS = 3

interface Measured {
  readonly perSecond: number
  readonly cpuUs: number
}

async function measureServer(starting: Promise<Server>, load: Load, each: number): Promise<Measured> {
  const server = await starting
  let before = 0
  const warm = async () => {
    before = (await usageOf(server)).cpuMs
  }
  const perSecond = (await measure(server.url, load, warm)) * each
  const { cpuMs } = await usageOf(server)
  await stop(server)
  return { perSecond, cpuUs: ((cpuMs - before) * 1000) / (load.requests * each) }
}

interface Comparison {
  readonly name: string
  readonly what: string
  readonly goal: number
  readonly load: Load
  readonly baseline: string
  /** A server between the two, which shows what the framework takes of the difference. */
  readonly framework?: string
  /** Events in a request. */
  readonly each: number
}

async function compare(
  { name, what, goal, load, baseline, framework, each }: Comparison,
  fresh: () => string,
): Promise<Line> {
  const bare: Measured[] = []
  const between: Measured[] = []
  const sluice: Measured[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await measureServer(start(baseline), load, each))
    if (framework !== undefined) between.push(await measureServer(start(framework), load, each))
    sluice.push(await measureServer(serve({ directory: fresh(), roles: 'ingest' }), load, each))
  }
  const ratioOf = (measured: readonly Measured[]) =>
    median(measured.map(({ perSecond }, i) => perSecond / (bare[i]?.perSecond ?? Number.NaN)))
  const cpuOf = (measured: readonly Measured[]) => median(measured.map((one) => one.cpuUs)).toFixed(1)
  const value = ratioOf(sluice)
  const [ours, theirs] = [sluice, bare].map((all) => rounded(median(all.map((one) => one.perSecond))))
  const rung =
    framework === undefined ? '' : `; bare ${framework} ${ratioOf(between).toFixed(2)}, ${cpuOf(between)} us`
  const detail = `${ours} of ${theirs} events/s; CPU ${cpuOf(sluice)} against ${cpuOf(bare)} us an event${rung}`
  return { name, what, value, unit: '', goal, better: 'more', detail }
}

export const single = (fresh: () => string): Promise<Line> =>
  compare(
    {
      name: 'single',
      what: 'single event, durable ÷ bare node:http',
      goal: 0.8,
      load: SINGLE,
      baseline: 'bare',
      framework: 'fastify',
      each: 1,
    },
    fresh,
  )

export const batches = (fresh: () => string): Promise<Line> =>
  compare(
    {
      name: 'batch',
      what: 'v2 batch of 500, durable ÷ parse and drop',
      goal: 0.55,
      load: BATCHES,
      baseline: 'parsing',
      each: BATCH,
    },
    fresh,
  )
