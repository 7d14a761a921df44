/** The routes of Track v1: one call, one operation (an identify that deletes relationships is two). */
import type { FastifyInstance } from 'fastify'
import { bodyBytes, bodyText } from '../http/body.ts'
import type { Call, Reply } from '../http/call.ts'
import { answerAccepted, answerMergeError, answerV1Error, noteFindings } from './answers.ts'
import { cutEvent } from './cut-event.ts'
import type { Draft, Item } from './draft.ts'
import { busyRoute, originOf, type TrackDeps } from './origin.ts'
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

const EVENT = `${CUSTOMER}/events`

const ROUTES: readonly (readonly [method: 'PUT' | 'POST' | 'DELETE', url: string, read: Read])[] = [
  ['DELETE', CUSTOMER, ({ id }) => drafts([plainItem(id, 'delete')])],
  ['PUT', `${CUSTOMER}/devices`, ({ id }, text) => drafts([addDeviceItem(id, text)])],
  ['DELETE', `${CUSTOMER}/devices/:device`, ({ id, device }) => drafts([deleteDeviceItem(id, device)])],
  ['POST', `${CUSTOMER}/suppress`, ({ id }) => drafts([plainItem(id, 'suppress')])],
  ['POST', `${CUSTOMER}/unsuppress`, ({ id }) => drafts([plainItem(id, 'unsuppress')])],
  ['POST', '/api/v1/events', (_path, text) => [draftOf(readAnonymousEvent(anonymousEventItem(text)))]],
]

const IDENTIFY: Read = ({ id }, text) => drafts(identifyItems(id, text))
const MERGE: Read = (_path, text) => drafts([mergeItem(text)])

export function trackV1Routes(app: FastifyInstance, deps: TrackDeps): void {
  app.setErrorHandler(answerV1Error)
  const busy = busyRoute(deps, answerV1Error)
  app.direct({ ...busy, method: 'POST', url: EVENT, handle: handlerOf(readEvent, deps) })
  app.direct({ ...busy, method: 'PUT', url: CUSTOMER, handle: handlerOf(fromText(IDENTIFY), deps) })
  for (const [method, url, read] of ROUTES)
    app.route({ method, url, handler: handlerOf(fromText(read), deps) })
  const merge = handlerOf(fromText(MERGE), deps)
  app.post('/api/v1/merge_customers', { errorHandler: answerMergeError }, merge)
}

const pathOf = ({ params }: Call) => params as Path // the router has filled what the route names

const fromText =
  (read: Read) =>
  (call: Call): readonly Draft[] =>
    read(pathOf(call), bodyText(call))

function readEvent(call: Call): readonly Draft[] {
  const { id } = pathOf(call)
  const draft = cutEvent(id, bodyBytes(call))
  return draft === undefined ? drafts([eventItem(id, bodyText(call))]) : [draft]
}

const handlerOf =
  (read: (call: Call) => readonly Draft[], { intake, judge, nameSource }: TrackDeps) =>
  async (call: Call, reply: Reply): Promise<Reply> => {
    const origin = originOf(call, nameSource)
    const drafts = read(call).map((draft) => judge.judge(draft))
    return answerAccepted(noteFindings(reply, drafts), await intake.accept(drafts, origin))
  }
