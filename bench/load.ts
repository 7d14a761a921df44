/** The client of all benchmarks, undici in this process, and the bodies that it sends. */
import { Pool } from 'undici'
import { fail } from './line.ts'

export interface Load {
  readonly path: string
  readonly bodies: readonly string[]
  readonly requests: number
  readonly connections: number
}

export const HEADERS = { authorization: `Basic ${btoa('dev:dev')}`, 'content-type': 'application/json' }

/** Requests a second, after a fifth of them as a warm-up: `warm` is called between the two. */
export async function measure(url: string, load: Load, warm = async () => {}): Promise<number> {
  const pool = new Pool(url, { connections: load.connections, pipelining: 1 })
  await send(pool, load, Math.ceil(load.requests / 5))
  await warm()
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
      if (answer.statusCode !== 200) fail(`${answer.statusCode} of ${path}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, sender))
}

const PEOPLE = 5_000

export const person = (n: number): string => `p${n % PEOPLE}`

const attributes = (n: number) => ({ n, plan: 'pro', city: 'Paris', total: 19.9 })

/** The body of a v1 event. */
export const event = (n: number): string => JSON.stringify({ name: 'order_completed', data: attributes(n) })

const item = (n: number, stamps: object = {}): string =>
  JSON.stringify({
    type: 'person',
    identifiers: { id: person(n) },
    action: 'event',
    name: 'order_completed',
    ...stamps,
    attributes: attributes(n),
  })

/** A v2 batch as an application sends it. */
export const batch = (from: number, size: number): string =>
  `{"batch":[${Array.from({ length: size }, (_, n) => item(from + n)).join(',')}]}`

/** An operation as it goes out: with its ULID and its time. */
export const delivered = (n: number, id: string, timestamp: number): string => item(n, { id, timestamp })
