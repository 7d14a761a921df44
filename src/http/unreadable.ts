/** The answer to what is no request, or was too slow or too large to become one: no route has it, and it has no headers yet. */
import type { Socket } from 'node:net'
import { SluiceError } from '../core/errors.ts'
import { errorHeaders, toProblem } from './problem.ts'

/** The body of an error in the shape of the API that has the path; undefined where none has. */
export type ErrorBody = (path: string, error: SluiceError) => object | undefined

interface ClientError extends Error {
  readonly code?: string | undefined
  /** What was read last, in which a short head stands whole, and a long one if it came in one piece. */
  readonly rawPacket?: unknown
}

/** A `clientErrorHandler` of Fastify. `most`: bytes that all headers of a request may have. */
export const answerUnreadable =
  (most: number, bodyOf: ErrorBody = () => undefined) =>
  (thrown: ClientError, socket: Socket): void => {
    if (thrown.code === 'ECONNRESET' || socket.destroyed) return
    if (socket.writable) socket.write(answerTo(thrown, { most, bodyOf }))
    socket.destroy(thrown)
  }

function answerTo(thrown: ClientError, { most, bodyOf }: { most: number; bodyOf: ErrorBody }): string {
  const [status, error] = verdictOn(thrown, most)
  const path = pathIn(thrown.rawPacket)
  const known = path === undefined ? undefined : bodyOf(path, error)
  const body = JSON.stringify(known ?? toProblem(error))
  const headers = {
    'content-type': known === undefined ? 'application/problem+json' : 'application/json; charset=utf-8',
    ...errorHeaders(error),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`
}

function verdictOn({ code }: ClientError, most: number): [status: string, error: SluiceError] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = `The headers of a request may have ${most} bytes in all.`
    const details = { limit: most }
    return ['431 Request Header Fields Too Large', new SluiceError('headers_too_large', message, { details })]
  }
  const status = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
  return [status, new SluiceError('bad_request', 'No whole HTTP request came in time.')]
}

/** The path of the request line, without its query. */
const pathIn = (packet: unknown): string | undefined =>
  Buffer.isBuffer(packet) ? /^[A-Z]+ (\/[^ ?]*)/.exec(packet.toString('latin1'))?.[1] : undefined
