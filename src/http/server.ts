/**
 * The HTTP server that every surface mounts its routes on: limits before work, bodies as text, a correlation id on every
 * answer, problem+json unless a plugin answers otherwise, and a stop that finishes what was begun.
 */
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import { toListenError } from '../core/address.ts'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Ulids } from '../core/ulid.ts'
import { BODY_LIMIT, takeBodies } from './body.ts'
import { CORRELATION_ID, Direct, type DirectRoute } from './direct.ts'
import { answerProblem } from './problem.ts'
import { answerUnreadable, type ErrorBody } from './unreadable.ts'

/**
 * `import` would read every name that node:http exports, `WebSocket` among them, and with it load the whole of `fetch`: 15 MB
 * and 50 ms of every start.
 */
const { createServer: createHttpServer, maxHeaderSize } = process.getBuiltinModule('node:http')

/** Ids of people have at most 150 bytes, 450 characters when each is percent-encoded; device tokens may be longer. */
const PARAMETER_LIMIT = 4096

export interface Timeouts {
  /** For all headers of a request, from its first byte. */
  readonly headersMs: number
  /** For a whole request, body included. */
  readonly requestMs: number
  /** How often connections are checked for both. */
  readonly checkMs: number
}

/**
 * A notice is given in so many parts. A process that is held up for longer than all of it would otherwise refuse and close in one
 * breath, and nobody could have heard the one before the other.
 */
const PARTS = 10

/**
 * Turns of the event loop from the end of the notice to the close of the port, which resets whatever lies unread: connections that
 * came while the process was held up are taken in one, and what they ask is read in the next; the first may be past its look.
 */
const TURNS = 3

/** Longer than any load balancer keeps a connection open, so that none is closed under a request. */
const KEEP_ALIVE_MS = 72_000

const TIMEOUTS: Timeouts = { headersMs: 5_000, requestMs: 15_000, checkMs: 1_000 }

export interface ServerOptions {
  readonly clock: Clock
  readonly ulids: Ulids
  readonly timeouts?: Timeouts
  /** Makes the server reachable, and says where. Default: a TCP socket. */
  readonly listen?: Listen
  /** Of what no route can answer. Default: application/problem+json. */
  readonly errorBody?: ErrorBody
}

/** Throws `port_in_use`, `bad_config`. */
export type Listen = (app: FastifyInstance, address: Address) => Promise<Address>

export interface Address {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
}

export interface HttpServer extends AsyncDisposable {
  readonly app: FastifyInstance
  /** True once `stop` was called: every new request is answered 503 `shutting_down`. */
  readonly stopping: boolean
  /** Resolves with where it listens. Throws `port_in_use`, and `bad_config` for an address that nobody can listen on. */
  listen(address: Address): Promise<Address>
  /**
   * For `noticeMs` (0) every new request is refused in words, on open connections and on new ones, so that a load balancer
   * turns away before the port is closed: a connection that is closed just as a request travels on it looks like a request
   * that got lost. Then it answers what was begun, for at most `graceMs` (10 s), and cuts what is left.
   */
  stop(times?: { readonly noticeMs?: number; readonly graceMs?: number }): Promise<void>
}

export function createServer(options: ServerOptions): HttpServer {
  let stopping = false
  const direct = new Direct({ idOf: idOf(options), stopping: () => stopping })
  const app = createApp(options, direct)

  // With callbacks, since every request passes here, and a promise for each hook costs more than what it does.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(CORRELATION_ID, request.id)
    done(stopping ? new SluiceError('shutting_down') : undefined)
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (stopping) reply.header('connection', 'close')
    done(null, payload)
  })

  const stop: HttpServer['stop'] = async ({ noticeMs = 0, graceMs = 10_000 } = {}) => {
    stopping = true
    if (noticeMs > 0) for (let part = 0; part < PARTS; part += 1) await options.clock.sleep(noticeMs / PARTS)
    for (let turn = 0; turn < TURNS; turn += 1) await options.clock.sleep(0)
    const closed = new AbortController()
    const closing = app.close().then(() => closed.abort())
    await options.clock.sleep(graceMs, closed.signal)
    app.server.closeAllConnections()
    await closing
  }

  return {
    app,
    get stopping() {
      return stopping
    },
    listen: (address) => (options.listen ?? listenOnTcp)(app, address),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}

function createApp(options: ServerOptions, direct: Direct): FastifyInstance {
  const { headersMs, requestMs, checkMs } = options.timeouts ?? TIMEOUTS
  const http = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  const app = fastify({
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    bodyLimit: BODY_LIMIT,
    serverFactory: (general) =>
      createHttpServer(http, (request, response) => {
        if (!direct.take(request, response)) general(request, response)
      }),
    routerOptions: { maxParamLength: PARAMETER_LIMIT },
    requestIdHeader: false,
    genReqId: idOf(options),
    return503OnClosing: false,
    // A path that cannot be decoded belongs to no route, and so to no compatible one.
    frameworkErrors: answerProblem,
    clientErrorHandler: answerUnreadable(maxHeaderSize, options.errorBody),
  })
  app.decorate('direct', function (this: FastifyInstance, route: DirectRoute) {
    const { method, url, handle: handler, refuse: errorHandler } = route
    this.route({ method, url, handler, errorHandler })
    direct.add(route)
  })
  takeBodies(app)
  app.setErrorHandler(answerProblem)
  app.setNotFoundHandler((request, reply) => answerProblem(noSuchPath(request), request, reply))
  return app
}

export const noSuchPath = (request: FastifyRequest): SluiceError =>
  new SluiceError('not_found', `There is no ${request.method} ${request.url.split('?', 1)[0]}.`, {
    hint: 'docs/compatibility.md lists the calls of Customer.io that are taken. Beside them there are /admin/v1, /livez, /readyz and /metrics.',
  })

/** No route has a schema. Told so, Fastify does not load what compiles them: 80 ms of every start, and 9 MB. */
function noSchemas(): never {
  throw new SluiceError('internal', 'Routes have no schemas here.')
}

/** The correlation id. A caller's own is taken when it can stand in a header and in a log line as it is. */
const idOf =
  ({ clock, ulids }: ServerOptions) =>
  ({ headers }: IncomingMessage): string => {
    const given = headers[CORRELATION_ID]
    return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : ulids(clock.now())
  }

async function listenOnTcp(app: FastifyInstance, { host, port }: Address): Promise<Address> {
  try {
    await app.listen({ host, port })
  } catch (thrown) {
    throw toListenError(thrown, { host, port, flag: '--port' })
  }
  const address = app.server.address()
  if (!isInet(address)) throw new SluiceError('internal', 'The server listens on no TCP address.')
  return { host: address.address, port: address.port }
}

const isInet = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null
