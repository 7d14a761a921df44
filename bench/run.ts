/**
 * The benchmarks: each figure is a ratio against a bare baseline of the same run, with the same client. `npm run bench`
 * prints one table; `--json` one document. See bench/README.md for the method and for what limits each.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'

interface Server {
  readonly url: string
  readonly child: ChildProcess
}

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const fresh = () => mkdtempSync(join(scratch, 'd-'))

async function start(...args: string[]): Promise<Server> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve) =>
    child.stdout.once('data', (line) => resolve(String(line).trim())),
  )
  return { url, child }
}

function stop({ child }: Server): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

interface Load {
  readonly path: string
  readonly bodies: readonly string[]
  readonly requests: number
  readonly connections: number
}

const HEADERS = { authorization: `Basic ${btoa('dev:dev')}`, 'content-type': 'application/json' }

/** Requests a second, after a tenth of them as a warm-up. */
async function measure(url: string, load: Load): Promise<number> {
  const pool = new Pool(url, { connections: load.connections, pipelining: 1 })
  await send(pool, load, load.requests / 10)
  const started = performance.now()
  await send(pool, load, load.requests)
  const perSecond = load.requests / ((performance.now() - started) / 1000)
  await pool.close()
  return perSecond
}

async function send(pool: Pool, { path, bodies, connections }: Load, requests: number): Promise<void> {
  let left = requests
  const sender = async () => {
    for (left -= 1; left >= 0; left -= 1) {
      const body = bodies[left % bodies.length] ?? ''
      const answer = await pool.request({ method: 'POST', path, headers: HEADERS, body })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} of ${path}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, sender))
}

const event = (n: number) => ({
  name: 'order_completed',
  data: { n, plan: 'pro', city: 'Paris', total: 19.9 },
})
const item = (n: number) => ({
  type: 'person',
  identifiers: { id: `p${n % 5_000}` },
  action: 'event',
  name: 'order_completed',
  attributes: event(n).data,
})
const batch = (at: number, size: number) =>
  JSON.stringify({ batch: Array.from({ length: size }, (_, n) => item(at + n)) })

interface Row {
  readonly what: string
  readonly baseline: number
  readonly sluice: number
  readonly unit: string
  readonly goal: number
}

async function compare(
  what: string,
  load: Load,
  [kind, goal, each]: [kind: string, goal: number, each: number],
): Promise<Row> {
  const other = await start(kind)
  const baseline = (await measure(other.url, load)) * each
  await stop(other)
  const gateway = await start('ingest', fresh())
  const sluice = (await measure(gateway.url, load)) * each
  await stop(gateway)
  return { what, baseline, sluice, unit: 'events/s', goal }
}

const BATCH = 500
const BACKLOG = Number(process.env.BENCH_BACKLOG ?? 200_000)

/** The backlog through the gateway, against bodies made beforehand and posted to the same sink by bare undici. */
async function drain(): Promise<Row> {
  const sink = await start('bare')
  const bodies = Array.from({ length: 20 }, (_, n) => batch(n * 1_000, 1_000))
  const load = { path: '/api/v2/batch', bodies, requests: BACKLOG / 1_000, connections: 16 }
  const baseline = (await measure(sink.url, load)) * 1_000
  const directory = fresh()
  const ingest = await start('ingest', directory)
  await send(
    new Pool(ingest.url, { connections: 4 }),
    { ...load, bodies: bodies.map((_, n) => batch(n * BATCH, BATCH)) },
    BACKLOG / BATCH,
  )
  await stop(ingest)
  const delivery = await start('delivery', directory, sink.url)
  const started = performance.now()
  while ((await pendingOf(delivery.url)) > 0) await new Promise((resume) => setTimeout(resume, 20))
  const sluice = BACKLOG / ((performance.now() - started) / 1000)
  await stop(delivery)
  await stop(sink)
  return {
    what: `drain of ${BACKLOG.toLocaleString('en')} ÷ bare undici with prebuilt bodies`,
    baseline,
    sluice,
    unit: 'events/s',
    goal: 0.45,
  }
}

async function pendingOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/admin/v1/status`, { headers: { authorization: 'Bearer dev' } })
  return ((await answer.json()) as { conservation: { pending: number } }).conservation.pending
}

const single: Load = {
  path: '/api/v1/customers/42/events',
  bodies: Array.from({ length: 50 }, (_, n) => JSON.stringify(event(n))),
  requests: 20_000,
  connections: 64,
}
const batches: Load = {
  path: '/api/v2/batch',
  bodies: Array.from({ length: 20 }, (_, n) => batch(n * BATCH, BATCH)),
  requests: 400,
  connections: 8,
}

const rows = [
  await compare('single event, durable ÷ bare node:http', single, ['bare', 0.8, 1]),
  await compare('v2 batch of 500, durable ÷ parse and drop', batches, ['parsing', 0.55, BATCH]),
  await drain(),
]
rmSync(scratch, { recursive: true, force: true })

if (process.argv.includes('--json'))
  process.stdout.write(`${JSON.stringify({ node: process.version, rows })}\n`)
else
  for (const { what, baseline, sluice, unit, goal } of rows) {
    const figures = `${Math.round(sluice)} of ${Math.round(baseline)} ${unit}`
    process.stdout.write(`${(sluice / baseline).toFixed(2)}  (goal ${goal})  ${what}: ${figures}\n`)
  }
