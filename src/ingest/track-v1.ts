/** The routes of Track v1: one call, one operation (an identify that deletes relationships is two). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bodyText } from '../http/body.ts'
import { answerAccepted, answerMergeError, answerV1Error, noteFindings } from './answers.ts'
import type { Draft, Item } from './draft.ts'
import { originOf, type TrackDeps } from './origin.ts'
import { draftOf, readAnonymousEvent, readItem } from './read-v2.ts'
import {
  addDeviceItem,
  anonymousEventItem,
  deleteDeviceItem,
  eventItem,
  identifyItems,
  mergeItem,
  plainItem,
} from './translate-v1.ts'

interface Path {
  readonly id: string
  readonly device: string
}

type Read = (path: Path, text: string) => readonly Draft[]

const drafts = (items: readonly Item[]): Draft[] => items.map((item) => draftOf(readItem(item)))

const CUSTOMER = '/api/v1/customers/:id'

const ROUTES: readonly (readonly [method: 'PUT' | 'POST' | 'DELETE', url: string, read: Read])[] = [
  ['PUT', CUSTOMER, ({ id }, text) => drafts(identifyItems(id, text))],
  ['DELETE', CUSTOMER, ({ id }) => drafts([plainItem(id, 'delete')])],
  ['POST', `${CUSTOMER}/events`, ({ id }, text) => drafts([eventItem(id, text)])],
  ['PUT', `${CUSTOMER}/devices`, ({ id }, text) => drafts([addDeviceItem(id, text)])],
  ['DELETE', `${CUSTOMER}/devices/:device`, ({ id, device }) => drafts([deleteDeviceItem(id, device)])],
  ['POST', `${CUSTOMER}/suppress`, ({ id }) => drafts([plainItem(id, 'suppress')])],
  ['POST', `${CUSTOMER}/unsuppress`, ({ id }) => drafts([plainItem(id, 'unsuppress')])],
  ['POST', '/api/v1/events', (_path, text) => [draftOf(readAnonymousEvent(anonymousEventItem(text)))]],
]

const MERGE: Read = (_path, text) => drafts([mergeItem(text)])

export function trackV1Routes(app: FastifyInstance, deps: TrackDeps): void {
  app.setErrorHandler(answerV1Error)
  for (const [method, url, read] of ROUTES) app.route({ method, url, handler: handlerOf(read, deps) })
  app.post('/api/v1/merge_customers', { errorHandler: answerMergeError }, handlerOf(MERGE, deps))
}

const handlerOf =
  (read: Read, { intake, judge, nameSource }: TrackDeps) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const origin = originOf(request, nameSource)
    const path = request.params as Path // the router has filled what the route names
    const drafts = read(path, bodyText(request)).map((draft) => judge.judge(draft))
    return answerAccepted(noteFindings(reply, drafts), await intake.accept(drafts, origin))
  }
