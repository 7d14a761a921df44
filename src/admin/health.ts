/** Health and metrics, for whatever watches the process. Open to all: they tell nothing of anybody. */
import type { FastifyInstance } from 'fastify'

export interface Readiness {
  readonly ready: boolean
  /** Why it is not. An outage at Customer.io is no reason: accepting is the job. */
  readonly reasons: readonly string[]
}

export interface HealthDeps {
  ready(): Promise<Readiness>
  /** As prom-client's Registry has them. */
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> }
}

/** To be registered on the server: `app.register(healthRoutes(deps))`. */
export const healthRoutes =
  ({ ready, metrics }: HealthDeps) =>
  async (app: FastifyInstance) => {
    app.get('/livez', async () => ({ live: true }))
    app.get('/readyz', async (_request, reply) => {
      const readiness = await ready()
      return reply.code(readiness.ready ? 200 : 503).send(readiness)
    })
    app.get('/metrics', async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.metrics()),
    )
  }
