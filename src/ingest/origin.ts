/** Where a request came from: its source by its credentials, its correlation id, its Idempotency-Key. */
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import type { Call } from '../http/call.ts'
import type { DirectRoute } from '../http/direct.ts'
import { toHttpError } from '../http/problem.ts'
import type { Intake, Origin } from './accept.ts'
import type { Judge } from './judge.ts'
import type { NameSource } from './sources.ts'

/** What the routes of the Track and Pipelines APIs need. */
export interface TrackDeps {
  readonly intake: Pick<Intake, 'accept'>
  readonly judge: Judge
  readonly nameSource: NameSource
  /** The same by the write key that the Pipelines API asks for. */
  readonly nameWriter: NameSource
  readonly region: 'us' | 'eu'
  /** Whether reports are taken without credentials, as Customer.io takes them. Default: true. */
  readonly publicReports?: boolean
  readonly notify: Notify
}

/** The source of reports that come without credentials, or with some that nobody knows. */
const PUBLIC = 'public'

/** Throws `unauthorized`. */
export function sourceOf(request: Call, nameSource: NameSource): string {
  const name = nameSource(request.headers.authorization)
  if (name === undefined) throw new SluiceError('unauthorized')
  return name
}

/** Throws `unauthorized`. */
export const originOf = (request: Call, nameSource: NameSource): Origin =>
  makeOrigin(request, sourceOf(request, nameSource))

/** Where a report of a delivery came from, which Customer.io takes from anybody. Throws `unauthorized` where we do not. */
export function reporterOf(request: Call, { nameSource, publicReports = true }: TrackDeps): Origin {
  if (!publicReports) return originOf(request, nameSource)
  return makeOrigin(request, nameSource(request.headers.authorization) ?? PUBLIC)
}

/** What the routes have in common that the direct way can take (http/direct.ts). */
export const busyRoute = (deps: TrackDeps, refuse: DirectRoute['refuse']) => ({
  refuse,
  onError: (thrown: unknown, call: Call) => tellRefused(deps, thrown, call),
})

export function tellRefused({ notify }: TrackDeps, thrown: unknown, call: Call): void {
  const { code, message } = toHttpError(thrown, call)
  notify('ingest.refused', { code, detail: message })
}

function makeOrigin(request: Call, source: string): Origin {
  const key = request.headers['idempotency-key']
  const idempotencyKey = typeof key === 'string' && key !== '' ? key : undefined
  return { source, correlationId: request.id, idempotencyKey }
}
