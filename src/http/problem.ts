/** Errors as `application/problem+json` (RFC 9457): the answer of every route that is not Customer.io's own. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, SluiceError, toSluiceError } from '../core/errors.ts'
import { BODY_LIMIT, tooLarge } from './body.ts'
import type { Call } from './call.ts'

/** Whatever was thrown on the way through the server, as a row of the table: Fastify's own errors carry a status. */
export function toHttpError(thrown: unknown, { routeOptions }: Call): SluiceError {
  const status = statusOf(thrown)
  if (status === undefined) return toSluiceError(thrown)
  if (status === 413) return tooLarge(routeOptions.bodyLimit ?? BODY_LIMIT)
  const message = thrown instanceof Error ? thrown.message : undefined
  return new SluiceError(codeOf(status), message, { cause: thrown })
}

function codeOf(status: number): ErrorCode {
  if (status === 404) return 'not_found'
  return status < 500 ? 'bad_request' : 'internal'
}

function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return undefined
  return Number(thrown.statusCode)
}

/** What the caller may read. Of our own failures only the meaning: the message may name files and addresses. */
export const publicMessage = (error: SluiceError): string =>
  error.row.status < 500 ? error.message : error.row.meaning

export interface Problem {
  readonly [detail: string]: string | number | boolean
}

export function toProblem(error: SluiceError): Problem {
  const { status, meaning } = error.row
  return {
    ...(status < 500 ? error.details : {}),
    type: `urn:sluice:error:${error.code}`,
    title: meaning,
    status,
    detail: publicMessage(error),
    code: error.code,
    hint: error.hint,
  }
}

/** The headers of every error answer: the code for programs, and when to come again if that makes sense. */
export function errorHeaders(error: SluiceError): Record<string, string> {
  const headers: Record<string, string> = { 'x-sluice-code': error.code }
  if (error.row.status === 503) headers['retry-after'] = '1'
  return headers
}

/** The error handler of the whole server; compatible routes have their own. */
export function answerProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toHttpError(thrown, request)
  return reply
    .code(error.row.status)
    .headers(errorHeaders(error))
    .type('application/problem+json')
    .send(JSON.stringify(toProblem(error)))
}
