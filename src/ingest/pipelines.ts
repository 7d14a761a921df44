/**
 * The routes of the Pipelines API. What is wrong with a request is answered 200 all the same, as Customer.io does, and told
 * as a notice and in `X-Sluice-Code`; with `X-Strict-Mode: 1` it is answered 400 or 401, and a batch is then taken whole or
 * not at all. What Sluice itself cannot do is never a 200 (promise P1).
 */
import type { FastifyInstance } from 'fastify'
import { bodyText } from '../http/body.ts'
import type { Call, Reply } from '../http/call.ts'
import {
  answerAccepted,
  answerPipelinesError,
  isStrict,
  noteFindings,
  noteRefused,
  RefusedMessages,
} from './answers.ts'
import { originOf, type TrackDeps } from './origin.ts'
import { MESSAGE_BYTES, MESSAGE_TYPES, readBatch, readCall } from './pipelines-read.ts'

export function pipelineRoutes(app: FastifyInstance, deps: TrackDeps): void {
  app.setErrorHandler(answerPipelinesError)
  for (const type of MESSAGE_TYPES)
    app.post(`/v1/${type}`, { bodyLimit: MESSAGE_BYTES }, async (request, reply) => {
      const origin = originOf(request, deps.nameWriter)
      const draft = deps.judge.judge(readCall(type, bodyText(request)))
      return answerAccepted(noteFindings(reply, [draft]), await deps.intake.accept([draft], origin))
    })
  app.post('/v1/batch', (request, reply) => takeBatch(request, reply, deps))
}

async function takeBatch(
  request: Call,
  reply: Reply,
  { intake, judge, nameWriter, notify }: TrackDeps,
): Promise<Reply> {
  const origin = originOf(request, nameWriter)
  const { drafts, places, faults, refused } = readBatch(bodyText(request), (draft) => judge.judge(draft))
  noteRefused(reply, refused)
  if (faults.length > 0 && isStrict(request)) throw new RefusedMessages(faults)
  const ids = await intake.accept(drafts, { ...origin, places })
  for (const { code, message } of faults) notify('ingest.refused', { code, detail: message })
  if (faults.length > 0) reply.header('x-sluice-code', 'some_refused')
  return answerAccepted(noteFindings(reply, drafts), ids)
}
