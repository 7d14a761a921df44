/**
 * A call without a socket, by the way that a call from a socket takes. Fastify's own `inject` begins behind direct.ts, and
 * would leave the busiest way untried by all that tries thousands of calls a second.
 */
import type { FastifyInstance } from 'fastify'
import lightMyRequest, { type InjectOptions, type Response } from 'light-my-request'

export async function inject(app: FastifyInstance, call: InjectOptions): Promise<Response> {
  await app.ready()
  return lightMyRequest((request, response) => void app.server.emit('request', request, response), call)
}
