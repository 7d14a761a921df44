/**
 * Request bodies as bytes or text. Nothing is parsed here: what a client sent is either kept byte for byte (promise P12)
 * or refused. The route's body limit holds twice, for the bytes on the wire and for what they unpack to.
 */
import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SluiceError } from '../core/errors.ts'
import { brokenLimit } from '../core/json-limits.ts'
import type { Call } from './call.ts'

/** A batch of Track v2 may have 500 KB; routes that take more say so themselves (`bodyLimit`). */
export const BODY_LIMIT = 500 * 1024

/** RFC 9110, 8.4.1: `deflate` is the zlib format, and `x-gzip` another name for gzip. */
const ENCODINGS = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
])

/** RFC 9110, 8.3.1, as far as it matters here. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+ *(?:;|$)/

/** Whatever the content type says, and if it says nothing: the official Ruby client sends none on some calls. */
export function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    // Fastify would answer 415 to a type that is none, before anybody has looked at the body.
    const type = headers['content-type']
    if (type !== undefined && !MEDIA_TYPE.test(type)) headers['content-type'] = 'application/octet-stream'
    done()
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const taken = (bytes: Buffer) => done(faultOf(bytes), bytes)
    if (request.headers['content-encoding'] === undefined) taken(body)
    else unpack(body, request).then(taken, done)
  })
}

/** What is wrong with the body as bytes; null where nothing is. */
export const faultOf = (bytes: Buffer): SluiceError | null =>
  isUtf8(bytes) ? null : new SluiceError('bad_request', 'The body is not UTF-8.')

const NOTHING = Buffer.alloc(0)

/** The body of a request as it came, which is UTF-8 and no more: its reader keeps to json-limits.ts. Empty when there is none. */
export const bodyBytes = ({ body }: Pick<Call, 'body'>): Buffer => (Buffer.isBuffer(body) ? body : NOTHING)

/** The body of a request, '' when it has none. Throws `bad_request` where it breaks the limits of json-limits.ts. */
export function bodyText(call: Pick<Call, 'body'>): string {
  const text = bodyBytes(call).toString('utf8')
  const broken = brokenLimit(text)
  if (broken !== undefined) throw new SluiceError('bad_request', broken)
  return text
}

async function unpack(bytes: Buffer, request: FastifyRequest): Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '' || bytes.length === 0) return bytes
  const unpackBytes = ENCODINGS.get(encoding)
  if (unpackBytes === undefined)
    throw new SluiceError(
      'bad_request',
      `A body with the Content-Encoding ${encoding} is not read: send gzip, deflate or none.`,
    )
  // zlib stops as soon as the limit is passed, so a bomb costs no more memory than the limit.
  const maxOutputLength = request.routeOptions.bodyLimit
  try {
    return await unpackBytes(bytes, { maxOutputLength })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(maxOutputLength)
    throw new SluiceError('bad_request', `The body is not ${encoding}, or is cut short.`, { cause })
  }
}

export const tooLarge = (limit: number): SluiceError =>
  new SluiceError('too_large', `The body is larger than ${limit} bytes.`, { details: { limit } })
