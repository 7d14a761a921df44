/** What comes in, against bare servers that are sent the same by the same client. */
import { start, stop, usageOf } from './child.ts'
import { type Line, median, rounded } from './line.ts'
import { batch, event, type Load, measure } from './load.ts'

const BATCH = 500

const SINGLE: Load = {
  path: '/api/v1/customers/42/events',
  bodies: Array.from({ length: 50 }, (_, n) => event(n)),
  requests: 20_000,
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

async function measureServer(args: readonly string[], load: Load, each: number): Promise<Measured> {
  const server = await start(...args)
  const before = await usageOf(server)
  const perSecond = (await measure(server.url, load)) * each
  const { cpuMs } = await usageOf(server)
  await stop(server)
  const events = Math.ceil(load.requests * 1.2) * each
  return { perSecond, cpuUs: ((cpuMs - before.cpuMs) * 1000) / events }
}

interface Comparison {
  readonly name: string
  readonly what: string
  readonly goal: number
  readonly load: Load
  readonly baseline: string
  /** Events in a request. */
  readonly each: number
}

async function compare(
  { name, what, goal, load, baseline, each }: Comparison,
  fresh: () => string,
): Promise<Line> {
  const bare: Measured[] = []
  const sluice: Measured[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await measureServer([baseline], load, each))
    sluice.push(await measureServer(['ingest', fresh()], load, each))
  }
  const value = median(sluice.map(({ perSecond }, i) => perSecond / (bare[i]?.perSecond ?? Number.NaN)))
  const [ours, theirs] = [sluice, bare].map((all) => rounded(median(all.map((one) => one.perSecond))))
  const [us, they] = [sluice, bare].map((all) => median(all.map((one) => one.cpuUs)).toFixed(1))
  const detail = `${ours} of ${theirs} events/s; CPU ${us} against ${they} us an event`
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
