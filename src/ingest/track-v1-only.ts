/** The routes of Track v1 that v2 has no form for: segments, forms, and what is reported of deliveries. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SluiceError } from '../core/errors.ts'
import { bodyText } from '../http/body.ts'
import type { Reply } from '../http/call.ts'
import type { Origin } from './accept.ts'
import { answerAccepted, answerNoContent, answerV1Error, noteFindings } from './answers.ts'
import type { Draft } from './draft.ts'
import { originOf, reporterOf, type TrackDeps } from './origin.ts'
import { readForm, readInAppReport, readReport, readSegment, readUnsubscribe } from './read-v1.ts'

interface Given {
  readonly id: string
  readonly query: Readonly<Record<string, unknown>>
  readonly text: string
  readonly contentType: string
}

interface Route {
  readonly path: string
  readonly read: (given: Given) => readonly Draft[]
  readonly answer: (reply: Reply, ids: readonly string[]) => Reply
  readonly origin: (request: FastifyRequest, deps: TrackDeps) => Origin
}

const keyed = (path: string, read: Route['read'], answer = answerAccepted): Route => ({
  path,
  read,
  answer,
  origin: (request, { nameSource }) => originOf(request, nameSource),
})

/** Customer.io asks for no credentials: devices and the readers of a message have none. */
const open = (path: string, read: Route['read']): Route => ({
  path,
  read,
  answer: answerAccepted,
  origin: reporterOf,
})

const SEGMENT = '/api/v1/segments/:id'

const ROUTES: readonly Route[] = [
  keyed(`${SEGMENT}/add_customers`, (given) => readSegment('add', segmentCall(given))),
  keyed(`${SEGMENT}/remove_customers`, (given) => readSegment('remove', segmentCall(given))),
  keyed('/api/v1/forms/:id/submit', ({ id, text }) => [readForm(id, text)], answerNoContent),
  open('/api/v1/metrics', ({ text }) => [readReport('metric', text)]),
  open('/api/v1/push/events', ({ text }) => [readReport('push', text)]),
  open('/push/events', ({ text }) => [readReport('push', text)]), // as the Ruby client has it
  open('/api/v1/cio_deliveries/events', ({ text }) => [readInAppReport(text)]),
  open('/unsubscribe/:id', unsubscribe),
]

const segmentCall = ({ id, query, text }: Given) => ({ segment: id, idType: query.id_type, text })

function unsubscribe({ id, text, contentType }: Given): readonly Draft[] {
  if (contentType.startsWith('application/json')) return [readUnsubscribe(id, text)]
  throw new SluiceError('bad_request', 'The content type must be application/json.')
}

export function trackV1OnlyRoutes(app: FastifyInstance, deps: TrackDeps): void {
  app.setErrorHandler(answerV1Error)
  for (const { path, read, answer, origin } of ROUTES)
    app.post(path, async (request, reply) => {
      const from = origin(request, deps)
      const drafts = read(givenIn(request)).map((draft) => deps.judge.judge(draft))
      return answer(noteFindings(reply, drafts), await deps.intake.accept(drafts, from))
    })
}

function givenIn(request: FastifyRequest): Given {
  const { id = '' } = request.params as { id?: string } // the router has filled what the route names
  const query = request.query as Given['query'] // and gives text, or a list of texts
  return { id, query, text: bodyText(request), contentType: request.headers['content-type'] ?? '' }
}
