/**
 * What a browser asks before it calls from another origin. Customer.io's recorded answers allow every origin, and so do
 * these; the credentials of a call are in its own header, so that nothing is given away by it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MESSAGE_TYPES } from './pipelines-read.ts'

const PATHS = [
  ...['/api/v1/*', '/api/v2/*', '/unsubscribe/*', '/push/*', '/auth'],
  ...[...MESSAGE_TYPES, 'batch'].map((type) => `/v1/${type}`),
]

const METHODS = 'GET, POST, PUT, DELETE'
/** Names of headers, and nothing that could begin another one. */
const NAMES = /^[\w-]+(?: *, *[\w-]+){0,49}$/

export function crossOriginRoutes(app: FastifyInstance): void {
  for (const path of PATHS) app.options(path, async (request, reply) => answerAsked(request, reply))
}

function answerAsked(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const asked = request.headers['access-control-request-headers'] ?? ''
  return reply
    .code(204)
    .headers({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': NAMES.test(asked) ? asked : 'authorization, content-type',
      'access-control-max-age': '600',
    })
    .send()
}
