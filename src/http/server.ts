/**
 * The HTTP server that every surface mounts its routes on: limits before work, bodies as text, a correlation id on every
 * answer, problem+json unless a plugin answers otherwise, and a stop that finishes what was begun.
 */
import type { AddressInfo, Socket } from 'node:net'
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Ulids } from '../core/ulid.ts'
import { takeBodies } from './body.ts'
import { answerProblem, toProblem } from './problem.ts'

/** A batch of Track v2 may have 500 KB; routes that take more say so themselves (`bodyLimit`). */
export const BODY_LIMIT = 500 * 1024

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

const TIMEOUTS: Timeouts = { headersMs: 5_000, requestMs: 15_000, checkMs: 1_000 }

export interface ServerOptions {
  readonly clock: Clock
  readonly ulids: Ulids
  readonly timeouts?: Timeouts
  /** Makes the server reachable, and says where. Default: a TCP socket. */
  readonly listen?: Listen
}

/** Throws `port_in_use`. */
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
  /** Resolves with where it listens. Throws `port_in_use`. */
  listen(address: Address): Promise<Address>
  /**
   * For `noticeMs` (0) every new request is refused in words, on open connections and on new ones, so that a load balancer
   * turns away before the port is closed: a connection that is closed just as a request travels on it looks like a request
   * that got lost. Then it answers what was begun, for at most `graceMs` (10 s), and cuts what is left.
   */
  stop(times?: { readonly noticeMs?: number; readonly graceMs?: number }): Promise<void>
}

export function createServer(options: ServerOptions): HttpServer {
  const app = createApp(options)
  let stopping = false

  // With callbacks, since every request passes here, and a promise for each hook costs more than what it does.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlation-id', request.id)
    done(stopping ? new SluiceError('shutting_down') : undefined)
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (stopping) reply.header('connection', 'close')
    done(null, payload)
  })

  const stop: HttpServer['stop'] = async ({ noticeMs = 0, graceMs = 10_000 } = {}) => {
    stopping = true
    if (noticeMs > 0) await options.clock.sleep(noticeMs)
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

function createApp({ clock, ulids, timeouts = TIMEOUTS }: ServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: timeouts.requestMs,
    http: { headersTimeout: timeouts.headersMs, connectionsCheckingInterval: timeouts.checkMs },
    routerOptions: { maxParamLength: PARAMETER_LIMIT },
    requestIdHeader: false,
    genReqId: (request) => correlationId(request.headers['x-correlation-id']) ?? ulids(clock.now()),
    return503OnClosing: false,
    // A path that cannot be decoded belongs to no route, and so to no compatible one.
    frameworkErrors: answerProblem,
    clientErrorHandler: answerUnreadable,
  })
  takeBodies(app)
  app.setErrorHandler(answerProblem)
  app.setNotFoundHandler((request, reply) => answerProblem(noSuchPath(request), request, reply))
  return app
}

export const noSuchPath = (request: FastifyRequest): SluiceError =>
  new SluiceError('not_found', `There is no ${request.method} ${request.url.split('?', 1)[0]}.`)

/** A caller's own id is taken when it can stand in a header and in a log line as it is. */
function correlationId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : undefined
}

/** What is no request, or was too slow to become one: there is no route yet that could answer. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
  const body = JSON.stringify(
    toProblem(new SluiceError('bad_request', 'No whole HTTP request came in time.')),
  )
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    )
  socket.destroy(error)
}

async function listenOnTcp(app: FastifyInstance, { host, port }: Address): Promise<Address> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')
      throw new SluiceError('port_in_use', `Another process listens on ${host}:${port}.`, { cause })
    throw cause
  }
  const address = app.server.address()
  if (!isInet(address)) throw new SluiceError('internal', 'The server listens on no TCP address.')
  return { host: address.address, port: address.port }
}

const isInet = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null
