/**
 * The admin API: what the commands and a console ask a running gateway. Behind a bearer token, and for this machine only
 * unless the configuration says otherwise. Instants are milliseconds since 1970 where a contract has them so.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SluiceError } from '../core/errors.ts'
import { digest, readBearer, sameSecret } from '../http/credentials.ts'
import { type DeadLetterDeps, deadLetterRoutes } from './dead-letters.ts'
import { readWith } from './input.ts'
import type { Status } from './status.ts'
import { type FeedSource, tailStream } from './tail.ts'
import { type TraceSources, traceOf } from './trace.ts'
import type { BusReport } from './wire.ts'

export interface AdminDeps extends TraceSources, DeadLetterDeps {
  /** Undefined: everybody is refused. */
  readonly token: string | undefined
  /** Whether other machines are answered too. */
  readonly remote: boolean
  readonly feed: FeedSource
  status(): Promise<Status>
  busReport(): Promise<BusReport>
}

/** To be registered on the server: `app.register(adminRoutes(deps))`. */
export const adminRoutes = (deps: AdminDeps) => async (app: FastifyInstance) => {
  await app.register(async (scope) => mount(scope, deps), { prefix: '/admin/v1' })
}

function mount(app: FastifyInstance, deps: AdminDeps): void {
  const tails = new Set<ReturnType<typeof tailStream>>()
  app.addHook('onRequest', guard(deps))
  // Streams have no end of their own, and would hold up the stop of the server.
  app.addHook('preClose', async () => {
    for (const tail of tails) tail.push(null)
  })
  app.get('/status', () => deps.status())
  app.get('/bus', () => deps.busReport())
  app.get('/operations', async (request) => {
    const { RECENT } = await import('./queries.ts')
    const { limit } = readWith(RECENT, request.query)
    return { data: await deps.ledger.recent(limit), next_cursor: null }
  })
  app.get<{ Params: { id: string } }>('/operations/:id', ({ params }) => traceOf(params.id, deps))
  app.get('/tail', async (_request, reply) => {
    const tail = tailStream(deps.feed)
    tails.add(tail)
    tail.once('close', () => tails.delete(tail))
    return reply.type('application/x-ndjson').send(tail)
  })
  deadLetterRoutes(app, deps)
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/

/** Throws `forbidden` to another machine, `unauthorized` to a caller without the token. */
function guard({ token, remote }: AdminDeps): (request: FastifyRequest) => Promise<void> {
  const expected = token === undefined ? undefined : digest(token)
  return async ({ socket, headers }) => {
    if (!remote && !LOOPBACK.test(socket.remoteAddress ?? ''))
      throw new SluiceError('forbidden', 'The admin API answers only this machine.')
    const given = readBearer(headers.authorization)
    if (expected !== undefined && given !== undefined && sameSecret(digest(given), expected)) return
    throw new SluiceError('unauthorized', 'The admin API needs its bearer token.', {
      hint: expected
        ? 'Set SLUICE_ADMIN_TOKEN to the token of the gateway; in "sluice dev" it is "dev".'
        : 'This gateway has no token: start it with SLUICE_ADMIN_TOKEN.',
    })
  }
}
