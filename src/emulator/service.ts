/**
 * The emulated Customer.io without a socket: a request in, an answer out, over a workspace of its own. Its clock and its
 * draws are arguments, so that a simulation can ask it in its own time; server.ts puts HTTP and the faults around it.
 */
import type { Clock, Random } from '../core/clock.ts'
import { SluiceError, toSluiceError } from '../core/errors.ts'
import { type Answer, appError, appTooMany, notEmulated, refusal, trackError } from './answers.ts'
import { appRoutes } from './app-api.ts'
import type { AppWorkspace } from './app-route.ts'
import { type Credentials, isBasic, isBearer } from './auth.ts'
import { controlRoutes } from './control.ts'
import { Bucket, Faults } from './faults.ts'
import { MovableClock } from './movable-clock.ts'
import { pipelineRoutes } from './pipelines.ts'
import { RequestLog } from './requests.ts'
import type { Route } from './route.ts'
import { Router } from './router.ts'
import { metricRoutes } from './track-metrics.ts'
import { trackV1Routes } from './track-v1.ts'
import { type Accept, trackV2Routes } from './track-v2.ts'
import { Workspace } from './workspace.ts'

export interface ServiceOptions {
  readonly clock: Clock
  /** For faults by percent. */
  readonly random: Random
  readonly credentials?: Partial<Credentials>
  /** From acceptance to effect, in milliseconds. */
  readonly settleMs?: number
  /** Where the journal lies; without it the workspace lives in memory only. */
  readonly directory?: string | undefined
  /** Calls of the App API a second; Customer.io takes 10. Without it there is no limit. */
  readonly appPerSecond?: number | undefined
}

export interface ServiceRequest {
  readonly method: string
  /** As in the request line, with the query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Unzipped. */
  readonly body: string
}

const DEV: Credentials = { siteId: 'dev', apiKey: 'dev', appApiKey: 'dev', writeKey: 'dev' }

export class Service {
  readonly clock: MovableClock
  readonly workspace: Workspace
  readonly faults: Faults
  readonly requests = new RequestLog()
  readonly #credentials: Credentials
  readonly #router: Router
  readonly #appLimit: { readonly perSecond: number; readonly calls: Bucket } | undefined

  /** Throws what opening the directory throws. */
  constructor({ clock, random, credentials, settleMs = 0, directory, appPerSecond }: ServiceOptions) {
    this.#credentials = { ...DEV, ...credentials }
    this.clock = new MovableClock(clock)
    this.faults = new Faults(this.clock, random)
    this.workspace = new Workspace({ clock: this.clock, settleMs, directory })
    if (appPerSecond !== undefined)
      this.#appLimit = { perSecond: appPerSecond, calls: new Bucket(appPerSecond, this.clock.mono()) }
    this.#router = new Router([...this.#emulated(), ...controlRoutes(this)])
  }

  #emulated(): Route[] {
    const accept: Accept = (items) => this.workspace.accept(items)
    return [
      ...trackV1Routes(accept),
      ...metricRoutes(accept),
      ...trackV2Routes(accept),
      ...pipelineRoutes(accept, this.#credentials.writeKey),
      ...appRoutes(this.#appWorkspace()),
    ]
  }

  /** What the App API writes is done when it answers, and with it whatever waited. */
  #appWorkspace(): AppWorkspace {
    const { workspace, clock } = this
    return {
      get state() {
        return workspace.state
      },
      write: (item) => {
        workspace.accept([item])
        workspace.settle()
      },
      now: () => clock.now(),
    }
  }

  /** Answers whatever comes, and never throws: what is not emulated is a 501 that says so. */
  answer(request: ServiceRequest): Answer {
    try {
      return this.#respond(request)
    } catch (thrown) {
      return thrown instanceof URIError
        ? refusal(new SluiceError('bad_request', 'The path is not percent-encoded UTF-8.'))
        : refusal(toSluiceError(thrown))
    }
  }

  #refuseTooMany({ auth }: Route): Answer | undefined {
    const limit = this.#appLimit
    if (auth !== 'bearer' || limit === undefined || limit.calls.take(this.clock.mono())) return undefined
    return appTooMany(limit.perSecond)
  }

  #respond({ method, path, headers, body }: ServiceRequest): Answer {
    const [place = '', search = ''] = path.split('?', 2)
    const found = this.#router.find(method, place)
    if (found === undefined) return notEmulated(method, place)
    const { route, params } = found
    return (
      refuseStranger(route, headers.authorization, this.#credentials) ??
      this.#refuseTooMany(route) ??
      route.respond({ params, query: queryOf(search), headers, text: body })
    )
  }
}

function refuseStranger(
  { auth }: Route,
  header: string | string[] | undefined,
  credentials: Credentials,
): Answer | undefined {
  const authorization = String(header)
  if (auth === 'basic' && !isBasic(authorization, credentials)) return trackError(401, 'Unauthorized')
  if (auth === 'bearer' && !isBearer(authorization, credentials)) return appError(401, 'Unauthorized')
  return undefined
}

/** An unencoded `+` stands for a space; of a name given twice the last value counts. */
const queryOf = (search: string): Record<string, string> => Object.fromEntries(new URLSearchParams(search))
