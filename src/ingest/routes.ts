/** The Track and Pipelines APIs of Sluice: Customer.io's paths, credentials and answers, in front of the one way in (accept.ts). */
import type { FastifyInstance } from 'fastify'
import { noSuchPath } from '../http/server.ts'
import { answerJson, answerV1Error, answerV2Error } from './answers.ts'
import { crossOriginRoutes } from './cross-origin.ts'
import { sourceOf, type TrackDeps, tellRefused } from './origin.ts'
import { pipelineRoutes } from './pipelines.ts'
import { trackV1Routes } from './track-v1.ts'
import { trackV1OnlyRoutes } from './track-v1-only.ts'
import { trackV2Routes } from './track-v2.ts'

/** To be registered on the server: `app.register(trackRoutes(deps))`. */
export const trackRoutes = (deps: TrackDeps) => async (app: FastifyInstance) => {
  app.addHook('onError', async (request, _reply, thrown) => tellRefused(deps, thrown, request))
  await app.register(async (scope) => trackV1Routes(scope, deps))
  await app.register(async (scope) => trackV1OnlyRoutes(scope, deps))
  await app.register(async (scope) => trackV2Routes(scope, deps))
  await app.register(async (scope) => pipelineRoutes(scope, deps))
  await app.register(async (scope) => plainRoutes(scope, deps))
  await app.register(async (scope) => crossOriginRoutes(scope))
  await app.register(async (scope) => missing(scope, answerV1Error), { prefix: '/api/v1' })
  await app.register(async (scope) => missing(scope, answerV2Error), { prefix: '/api/v2' })
}

/** Below these paths a call that there is not, or not with this method, is told so in the shape of those that there are. */
function missing(app: FastifyInstance, answer: typeof answerV1Error): void {
  app.setErrorHandler(answer)
  app.setNotFoundHandler((request, reply) => answer(noSuchPath(request), request, reply))
}

function plainRoutes(app: FastifyInstance, { nameSource, region }: TrackDeps): void {
  app.setErrorHandler(answerV1Error)
  app.get('/api/v1/accounts/region', async (request, reply) => {
    sourceOf(request, nameSource)
    const url = `https://track${region === 'eu' ? '-eu' : ''}.customer.io`
    // Older clients read data_center; the id of the environment is known to Customer.io alone.
    return answerJson(reply, { url, region, data_center: region, environment_id: 0 })
  })
  app.get('/auth', async (request, reply) => {
    sourceOf(request, nameSource)
    return answerJson(reply, { meta: { message: 'Nice credentials.' } })
  })
}
