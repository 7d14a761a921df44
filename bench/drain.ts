/** What goes out: a backlog drained, against bare undici that posts the same bodies to the same sink. */
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Server, serve, start, stop, usageOf } from './child.ts'
import { fail, type Line, rounded } from './line.ts'
import { delivered, type Load, measure } from './load.ts'

const ULID = '01JDBYA8000000000000000000'
/** As many to a call as the gateway sends, and with as many connections as it has. */
const LOAD: Omit<Load, 'requests'> = {
  path: '/api/v2/batch',
  bodies: Array.from({ length: 20 }, (_, n) => prebuilt(n * 1_000, 1_000)),
  connections: 64,
}

function prebuilt(from: number, size: number): string {
  return `{"batch":[${Array.from({ length: size }, (_, n) => delivered(from + n, ULID, 1_700_000_000)).join(',')}]}`
}

export async function fill(directory: string, size: number): Promise<void> {
  const server = await start('fill', directory, String(size))
  server.child.disconnect()
  if (server.child.exitCode === null) await once(server.child, 'exit')
}

async function pendingAt({ url }: Server): Promise<number> {
  const answer = await fetch(`${url}/admin/v1/status`, { headers: { authorization: 'Bearer dev' } })
  const { conservation } = (await answer.json()) as { conservation: { pending: number; missing: number } }
  if (conservation.missing !== 0) fail(`${conservation.missing} operations are missing`)
  return conservation.pending
}

interface Drained {
  readonly perSecond: number
  readonly startMs: number
  readonly rssMb: number
  readonly cpuUs: number
  readonly calls: number
  readonly items: number
}

/** Until no more than `rest` is pending. */
async function drain(directory: string, sink: Server, rest: number): Promise<Drained> {
  const before = await usageOf(sink)
  const gateway = await serve({ directory, roles: 'delivery', upstream: sink.url })
  const began = performance.now()
  const first = await pendingAt(gateway)
  const idle = await usageOf(gateway)
  let rssMb = 0
  let pending = first
  while (pending > rest) {
    await pause(20)
    pending = await pendingAt(gateway)
    rssMb = Math.max(rssMb, (await usageOf(gateway)).rssMb)
  }
  const perSecond = (first - pending) / ((performance.now() - began) / 1000)
  const { cpuMs } = await usageOf(gateway)
  const { calls, items } = await usageOf(sink)
  await stop(gateway)
  return {
    perSecond,
    startMs: gateway.startMs,
    rssMb,
    cpuUs: ((cpuMs - idle.cpuMs) * 1000) / Math.max(1, first - pending),
    calls: calls - before.calls,
    items: items - before.items,
  }
}

/** Drain of a backlog, with the calls that it took. */
export async function drained(fresh: () => string, size: number): Promise<Line[]> {
  const sink = await start('parsing')
  const baseline = (await measure(sink.url, { ...LOAD, requests: size / 1_000 })) * 1_000
  const directory = fresh()
  await fill(directory, size)
  const { perSecond, calls, items, cpuUs, rssMb } = await drain(directory, sink, 0)
  await stop(sink)
  const made = `${rounded(perSecond)} of ${rounded(baseline)} events/s`
  return [
    {
      name: 'drain',
      what: `drain of ${rounded(size)} ÷ bare undici with prebuilt bodies`,
      value: perSecond / baseline,
      unit: '',
      goal: 0.45,
      better: 'more',
      detail: `${made}; CPU ${cpuUs.toFixed(1)} us an event; ${Math.round(rssMb)} MB at the most`,
    },
    {
      name: 'calls',
      what: 'upstream calls for each event',
      value: calls / items,
      unit: '',
      goal: 0.01,
      better: 'less',
      detail: `${rounded(calls)} calls for ${rounded(items)} events`,
    },
  ]
}

const SMALL = 100_000

/** The same 100,000 operations drained from a small and from a large backlog. */
export async function backlog(fresh: () => string, size: number): Promise<Line[]> {
  const sink = await start('parsing')
  const [small, large] = [fresh(), fresh()]
  await fill(small, SMALL)
  await fill(large, size)
  const again = fresh()
  cpSync(small, again, { recursive: true })
  const least = [await drain(small, sink, 0), await drain(again, sink, 0)]
  const most = await drain(large, sink, size - SMALL)
  await stop(sink)
  const rate = Math.max(...least.map(({ perSecond }) => perSecond))
  const what = `a backlog of ${rounded(size)}`
  return [
    {
      name: 'backlog',
      what: `drain at ${what} ÷ at one of 100,000`,
      value: most.perSecond / rate,
      unit: '',
      goal: 0.9,
      better: 'more',
      detail: `${rounded(most.perSecond)} of ${rounded(rate)} events/s`,
    },
    {
      name: 'rss',
      what: `memory at ${what}`,
      value: Math.round(most.rssMb),
      unit: 'MB',
      goal: 256,
      better: 'less',
      detail: 'the most while 100,000 are drained',
    },
    {
      name: 'start',
      what: `start with ${what}`,
      value: Math.round(most.startMs) / 1000,
      unit: 's',
      goal: 2,
      better: 'less',
      detail: 'from the start of the process until it listens',
    },
  ]
}
