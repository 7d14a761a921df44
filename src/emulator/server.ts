/** HTTP around the service: reads bodies, plays the faults, keeps the request log. */
import { gunzipSync } from 'node:zlib'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Answer, problem, trackError } from './answers.ts'
import { faultAnswer } from './fault-answer.ts'
import type { Service, ServiceRequest } from './service.ts'

/** Far above every limit of Customer.io, so that its own answers to what is too large can be given. */
const MOST_BODY_BYTES = 16 * 1024 * 1024

/** A server in front of the service. Faults play on everything but the control API. */
export function buildServer(service: Service): FastifyInstance {
  const server = Fastify({
    bodyLimit: MOST_BODY_BYTES,
    forceCloseConnections: true,
    rewriteUrl: () => '/', // the service has a router of its own, which a simulation can ask without a socket
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, readBody)
  server.all('/', (request, reply) => {
    const asked = requestOf(request)
    return asked.path.startsWith('/_emulator')
      ? send(reply, service.answer(asked))
      : emulate(asked, service, { request, reply })
  })
  server.setErrorHandler((error, request, reply) => send(reply, refusalOfServer(request.originalUrl, error)))
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

const requestOf = ({ method, originalUrl, headers, body }: FastifyRequest): ServiceRequest => ({
  method,
  path: originalUrl,
  headers,
  body: typeof body === 'string' ? body : '',
})

interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** One request through the faults to its route. */
async function emulate(
  asked: ServiceRequest,
  service: Service,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const { clock, faults, requests } = service
  const begun = clock.mono()
  const logged = requests.begin({ at: clock.now(), ...asked })
  const { delayMs, rule } = faults.judge(asked.path)
  const fault = rule?.kind ?? (delayMs > 0 ? 'latency' : null)
  const end = (status: number | null) => requests.end(logged, { status, fault, ms: clock.mono() - begun })
  if (delayMs > 0) await clock.sleep(delayMs)
  const injected = rule === undefined ? undefined : faultAnswer(rule, asked.path)
  if (injected === 'reset') {
    end(null)
    return drop(reply, () => request.raw.socket.resetAndDestroy())
  }
  const answer = injected ?? service.answer(asked)
  if (rule?.kind === 'cut') {
    end(null)
    return drop(reply, () => request.raw.socket.destroy())
  }
  end(answer.status)
  return send(reply, answer)
}

function drop(reply: FastifyReply, cut: () => void): FastifyReply {
  reply.hijack()
  cut()
  return reply
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

/** What Fastify itself refuses: a body that is too large, or that is not gzip. */
function refusalOfServer(path: string, error: unknown): Answer {
  const { statusCode = 500, message = '' } = error as { statusCode?: number; message?: string } // Fastify throws Errors
  return statusCode < 500 && path.startsWith('/api/')
    ? trackError(statusCode, message)
    : problem(statusCode, statusCode < 500 ? 'bad_request' : 'internal', message)
}
