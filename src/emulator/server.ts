/** The HTTP server: reads bodies, asks for credentials, plays the faults, keeps the request log. Routes are plain functions. */
import { gunzipSync } from 'node:zlib'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { toSluiceError } from '../core/errors.ts'
import { type Answer, appError, notEmulated, problem, refusal, trackError } from './answers.ts'
import { type Credentials, isBasic, isBearer } from './auth.ts'
import { faultAnswer } from './fault-answer.ts'
import type { Faults } from './faults.ts'
import type { RequestLog } from './requests.ts'
import type { Call, Route } from './route.ts'

export interface ServerParts {
  readonly clock: Clock
  readonly credentials: Credentials
  readonly faults: Faults
  readonly requests: RequestLog
}

/** Far above every limit of Customer.io, so that its own answers to what is too large can be given. */
const MOST_BODY_BYTES = 16 * 1024 * 1024

/** A server with the emulated routes, on which faults play, and the control routes, on which they do not. */
export function buildServer(
  parts: ServerParts,
  routes: { readonly emulated: readonly Route[]; readonly control: readonly Route[] },
): FastifyInstance {
  const server = Fastify({
    bodyLimit: MOST_BODY_BYTES,
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) => void send(reply, refusalOfServer(request.url, error)),
    routerOptions: { maxParamLength: 4000 },
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, readBody)
  for (const route of routes.emulated)
    server.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => emulate(parts, route, { request, reply }),
    })
  for (const route of routes.control)
    server.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => send(reply, guarded(route, request)),
    })
  server.setNotFoundHandler((request, reply) => {
    const route = unknownRoute(request)
    const isControl = request.url.startsWith('/_emulator')
    return isControl ? send(reply, guarded(route, request)) : emulate(parts, route, { request, reply })
  })
  server.setErrorHandler((error, request, reply) => send(reply, refusalOfServer(request.url, error)))
  return server
}

/** The body as text, whatever its content type says; unzipped when it comes zipped, as from the Python client. */
function readBody(
  request: FastifyRequest,
  body: string | Buffer,
  done: (error: Error | null, body?: unknown) => void,
): void {
  try {
    const isZipped = request.headers['content-encoding'] === 'gzip'
    const bytes = isZipped ? gunzipSync(body, { maxOutputLength: MOST_BODY_BYTES }) : body
    done(null, bytes.toString('utf8'))
  } catch (thrown) {
    done(Object.assign(new Error('The body is not gzip.', { cause: thrown }), { statusCode: 400 }))
  }
}

const textOf = (request: FastifyRequest): string => (typeof request.body === 'string' ? request.body : '')

const callOf = (request: FastifyRequest): Call => ({
  params: request.params as Call['params'], // the router gives text
  query: request.query as Call['query'], // a name given twice is a list, which no route reads as a number or an id
  headers: request.headers,
  text: textOf(request),
})

interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** One request through the faults to its route. */
async function emulate(
  parts: ServerParts,
  route: Route,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const { clock, requests } = parts
  const begun = clock.mono()
  const { method, url: path, headers } = request
  const logged = requests.begin({ at: clock.now(), method, path, headers, body: textOf(request) })
  const { delayMs, rule } = parts.faults.judge(path)
  const fault = rule?.kind ?? (delayMs > 0 ? 'latency' : null)
  const end = (status: number | null) => requests.end(logged, { status, fault, ms: clock.mono() - begun })
  if (delayMs > 0) await clock.sleep(delayMs)
  const injected = rule === undefined ? undefined : faultAnswer(rule, path)
  if (injected === 'reset') {
    end(null)
    return drop(reply, () => request.raw.socket.resetAndDestroy())
  }
  const answer = injected ?? respond(parts, route, request)
  if (rule?.kind === 'cut') {
    end(null)
    return drop(reply, () => request.raw.socket.destroy())
  }
  end(answer.status)
  return send(reply, answer)
}

function respond({ credentials }: ServerParts, route: Route, request: FastifyRequest): Answer {
  const { authorization } = request.headers
  if (route.auth === 'basic' && !isBasic(authorization, credentials)) return trackError(401, 'Unauthorized')
  if (route.auth === 'bearer' && !isBearer(authorization, credentials)) return appError(401, 'Unauthorized')
  return guarded(route, request)
}

function guarded(route: Route, request: FastifyRequest): Answer {
  try {
    return route.respond(callOf(request))
  } catch (thrown) {
    return refusal(toSluiceError(thrown))
  }
}

const unknownRoute = ({ url, method }: FastifyRequest): Route => ({
  method: 'GET',
  path: url,
  auth: 'none',
  respond: () => notEmulated(method, url.split('?', 1)[0] ?? url),
})

function drop(reply: FastifyReply, cut: () => void): FastifyReply {
  reply.hijack()
  cut()
  return reply
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

/** What Fastify itself refuses: a body that is too large, that is not gzip, a path that is not percent-encoding. */
function refusalOfServer(path: string, error: unknown): Answer {
  const { statusCode = 500, message = '' } = error as { statusCode?: number; message?: string } // Fastify throws Errors
  return statusCode < 500 && path.startsWith('/api/')
    ? trackError(statusCode, message)
    : problem(statusCode, statusCode < 500 ? 'bad_request' : 'internal', message)
}
