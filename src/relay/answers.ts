/** Answers in the forms of the App API, where Sluice itself must answer in its place. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SluiceError } from '../core/errors.ts'
import { errorHeaders, publicMessage, toHttpError } from '../http/problem.ts'

/** Transactional sends have an envelope of their own (App API, send). */
const SEND = /^\/v1\/(api\/)?send\//

/** The client waits this long and asks again; for everything but the spent budget a second is as good as any. */
const retryAfterOf = (error: SluiceError): Record<string, string> =>
  typeof error.details.retryAfterSeconds === 'number'
    ? { 'retry-after': String(error.details.retryAfterSeconds) }
    : {}

/** 502 and 504 as any gateway says them; else the status of the table. */
const statusOf = ({ code, row }: SluiceError): number =>
  code === 'upstream_unreachable' || code === 'upstream_unauthorized' ? 502 : row.status

export function answerAppError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = thrown instanceof SluiceError ? thrown : toHttpError(thrown, request)
  return reply
    .code(statusOf(error))
    .headers({ ...errorHeaders(error), ...retryAfterOf(error) })
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(appErrorBody(request.url, error)))
}

/** An error in the form of the call that has the path. */
export function appErrorBody(path: string, error: SluiceError): object {
  const detail = error.code === 'unauthorized' ? 'Unauthorized' : publicMessage(error)
  if (SEND.test(path)) return { meta: { error: detail } }
  return { errors: [{ detail, status: String(statusOf(error)), code: error.code }] }
}
