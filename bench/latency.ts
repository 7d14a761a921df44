/** From the call of an application to the arrival at Customer.io, at a steady pace. */
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { serve, stop } from './child.ts'
import { type Line, rounded } from './line.ts'
import { event, HEADERS } from './load.ts'

const PER_SECOND = 500
const SECONDS = 10
const WARM_UP = 1_000

/** The events take numbers; the first are a warm-up. */
export async function latency(fresh: () => string): Promise<Line[]> {
  const sent = new Map<number, number>()
  const times: number[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { batch } = JSON.parse(body) as { batch: { attributes: { n: number } }[] }
      for (const { attributes } of batch)
        if (attributes.n >= WARM_UP) times.push(performance.now() - (sent.get(attributes.n) ?? 0))
      response.end('{}\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const gateway = await serve({
    directory: fresh(),
    roles: 'ingest,delivery',
    upstream: `http://127.0.0.1:${port}`,
  })
  await sendSteadily(gateway.url, sent)
  while (times.length < PER_SECOND * SECONDS) await pause(10)
  await stop(gateway)
  server.closeAllConnections()
  server.close()
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return [
    {
      name: 'latency',
      what: `from call to Customer.io at ${PER_SECOND} events/s, p99`,
      value: Math.round(at(0.99) * 10) / 10,
      unit: 'ms',
      goal: 25,
      better: 'less',
      detail: `p50 ${at(0.5).toFixed(1)} ms, most ${at(0.9999).toFixed(1)} ms, of ${rounded(times.length)}`,
    },
  ]
}

/** Whether or not those before were answered: a slow answer must not slow the load. */
async function sendSteadily(url: string, sent: Map<number, number>): Promise<void> {
  const pool = new Pool(url, { connections: 64, pipelining: 1 })
  const answers: Promise<unknown>[] = []
  const began = performance.now()
  for (let n = 0; n < WARM_UP + PER_SECOND * SECONDS; n += 1) {
    const wait = began + (n * 1000) / PER_SECOND - performance.now()
    if (wait > 1) await pause(wait)
    sent.set(n, performance.now())
    const path = `/api/v1/customers/p${n % 1_000}/events`
    answers.push(
      pool
        .request({ method: 'POST', path, headers: HEADERS, body: event(n) })
        .then(({ body }) => body.dump()),
    )
  }
  await Promise.all(answers)
  await pool.close()
}
