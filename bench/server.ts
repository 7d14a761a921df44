/** What the gateway is measured against, each in a process of its own: `server.ts <kind> [directory] [number]`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { fastify } from 'fastify'
import { openSqliteBus } from '../src/bus/sqlite.ts'
import { systemClock } from '../src/core/clock.ts'
import { silent } from '../src/core/notices.ts'
import { TOPICS } from '../src/core/record.ts'
import { makeUlids } from '../src/core/ulid.ts'
import type { Usage } from './child.ts'
import { delivered, person } from './load.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let calls = 0
let items = 0

const ok = (response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': 3 })
    .end('{}\n')

/** Reads the body and answers as Customer.io does: what any server must do at the least. */
const bare: Answer = (request, response) => {
  request.resume().on('end', () => ok(response))
}

/** Parses the batch and drops it: what any server of batches, Customer.io's among them, must do at the least. */
const parsing: Answer = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const { batch } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { batch: unknown[] }
    calls += 1
    items += batch.length
    ok(response)
  })
}

/** The same answer as `bare`, by the framework alone: one route, the body as bytes, no hooks. */
async function framework(): Promise<string> {
  const app = fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post('/api/v1/customers/:id/events', async (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send('{}\n'),
  )
  return app.listen({ host: '127.0.0.1', port: 0 })
}

async function listen(answer: Answer): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** Writes a backlog as ingest writes it, 500 operations to a request, and ends. */
async function fill(directory: string, size: number): Promise<string> {
  const clock = systemClock
  const onFatal = (error: unknown) => process.stderr.write(`${error}\n`)
  const bus = await openSqliteBus({ directory, clock, notify: silent, onFatal, threaded: true })
  const ulids = makeUlids()
  for (let from = 0; from < size; ) {
    const at = clock.now()
    const requests = Array.from({ length: Math.min(8, (size - from) / 500) }, () => {
      const headers = { source: 'default', 'correlation-id': ulids(at) }
      return Array.from({ length: 500 }, () => {
        from += 1
        const id = ulids(at)
        const value = delivered(from, id, Math.floor(at / 1000))
        return { id, key: `id:${person(from)}`, kind: 'person.event', at, headers, value }
      })
    })
    await Promise.all(requests.map((records) => bus.publish(TOPICS.events, records)))
  }
  await bus[Symbol.asyncDispose]()
  return directory
}

const [kind = '', directory = '', size = '0'] = process.argv.slice(2)
const KINDS: Readonly<Record<string, () => Promise<string>>> = {
  bare: () => listen(bare),
  parsing: () => listen(parsing),
  fastify: framework,
  fill: () => fill(directory, Number(size)),
}
const url = await KINDS[kind]?.()

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  const rssMb = process.memoryUsage.rss() / 1024 / 1024
  process.send?.({ cpuMs: (user + system) / 1000, rssMb, calls, items } satisfies Usage)
})
process.send?.(url)
