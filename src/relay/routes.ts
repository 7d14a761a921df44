/**
 * The App API, passed on: calls of every caller share one budget, carry the workspace's key instead of the caller's, and
 * come back as they are. Nothing is stored and nothing is repeated: a caller that gets no answer knows as much as one that
 * called Customer.io itself. What would reach people is not passed on (design: sends go through a ledger).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { AppRemote, AppReply } from '../customerio/app.ts'
import { parseRetryAfter } from '../customerio/retry-after.ts'
import type { Turns } from '../customerio/turns.ts'
import { toHttpError } from '../http/problem.ts'
import { answerAppError } from './answers.ts'
import type { NameCaller } from './callers.ts'
import { refuseSends } from './sends.ts'

export interface RelayDeps {
  /** Undefined where the workspace's App API key is not known. */
  readonly remote: AppRemote | undefined
  readonly turns: Turns
  readonly nameCaller: NameCaller
  readonly clock: Clock
  /** Whether this gateway may reach people at all. */
  readonly production: boolean
  readonly notify: Notify
}

/** Content of a collection is the largest that a management call carries: 10 MB (App API, collections). */
const BODY_BYTES = 10 * 1024 * 1024 + 64 * 1024

const METHODS: HTTPMethods[] = ['GET', 'POST', 'PUT', 'DELETE']

/** To be registered on the server. Routes that have a path of their own under `/v1` come before it. */
export const relayRoutes = (deps: RelayDeps) => async (app: FastifyInstance) => {
  app.setErrorHandler(answerAppError)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => body)
  app.addHook('onRequest', async (request) => {
    if (deps.remote === undefined) throw new SluiceError('app_api_off')
    if (deps.nameCaller(request.headers.authorization) === undefined) throw new SluiceError('unauthorized')
  })
  app.addHook('onError', async (request, _reply, thrown) => {
    const { code, message } = toHttpError(thrown, request)
    deps.notify('relay.refused', { code, detail: message })
  })
  app.route({
    method: METHODS,
    url: '/v1/*',
    exposeHeadRoute: false,
    bodyLimit: BODY_BYTES,
    handler: (request, reply) => relay(deps, request, reply),
  })
}

/** The longest that a call waits for its turn: the official client gives up after 10 s. */
const MOST_WAIT_MS = 3_000

async function relay(deps: RelayDeps, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = request.body instanceof Buffer && request.body.length > 0 ? request.body : undefined
  refuseSends({ method: request.method, path: request.url, body }, deps.production)
  const { remote, turns } = deps
  if (remote === undefined) throw new SluiceError('app_api_off')
  const signal = goneOf(reply)
  const spentMs = await turns.take(MOST_WAIT_MS, signal)
  if (spentMs > 0) throw tooMany(spentMs)
  const { method, url: path } = request
  const answer = await remote.call({
    method: method as 'GET', // one of METHODS
    path,
    headers: forwarded(request),
    ...(body && { body }),
    signal,
  })
  return pass(deps, answer, reply)
}

/** Aborts when the caller is gone. */
function goneOf({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  return gone.signal
}

const tooMany = (waitMs: number): SluiceError =>
  new SluiceError('upstream_rate_limited', 'The App API takes no more calls for now.', {
    details: { retryAfterSeconds: Math.ceil(waitMs / 1000) },
  })

const FORWARDED = ['accept', 'accept-encoding', 'accept-language', 'content-type', 'user-agent']

function forwarded({ headers }: FastifyRequest): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of FORWARDED) if (headers[name] !== undefined) found[name] = String(headers[name])
  return found
}

const RETURNED = ['content-type', 'content-encoding', 'content-length', 'retry-after', 'cache-control']

function pass({ turns, clock, notify }: RelayDeps, answer: AppReply, reply: FastifyReply): FastifyReply {
  if (answer.status === null)
    throw new SluiceError(answer.timedOut ? 'timed_out' : 'upstream_unreachable', answer.detail)
  const { status, headers, body } = answer
  const refusal = unusable(status, headers.location)
  if (refusal !== undefined) {
    body.resume()
    throw refusal
  }
  if (status === 429) turns.pause(parseRetryAfter(String(headers['retry-after']), clock.now()) ?? 0)
  notify('relay.answered', { status })
  for (const name of RETURNED) if (headers[name] !== undefined) reply.header(name, headers[name])
  return reply.code(status).send(body)
}

/** What must not reach the caller as it is: it is about our key and our address, not about the caller's. */
function unusable(status: number, location: string | string[] | undefined): SluiceError | undefined {
  if (status === 401) return new SluiceError('upstream_unauthorized')
  if (status >= 300 && status < 400)
    return new SluiceError('upstream_redirected', `${status} to ${location ?? 'nowhere'}`)
  return undefined
}
