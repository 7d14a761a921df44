/** Where a request came from: its source by its credentials, its correlation id, its Idempotency-Key. */
import type { FastifyRequest } from 'fastify'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { Intake, Origin } from './accept.ts'
import type { NameSource } from './sources.ts'

/** What the routes of the Track API need. */
export interface TrackDeps {
  readonly intake: Pick<Intake, 'accept'>
  readonly nameSource: NameSource
  readonly region: 'us' | 'eu'
  readonly notify: Notify
}

/** Throws `unauthorized`. */
export function sourceOf(request: FastifyRequest, nameSource: NameSource): string {
  const name = nameSource(request.headers.authorization)
  if (name === undefined) throw new SluiceError('unauthorized')
  return name
}

/** Throws `unauthorized`. */
export function originOf(request: FastifyRequest, nameSource: NameSource): Origin {
  const key = request.headers['idempotency-key']
  return {
    source: sourceOf(request, nameSource),
    correlationId: request.id,
    idempotencyKey: typeof key === 'string' && key !== '' ? key : undefined,
  }
}
