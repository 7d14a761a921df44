/**
 * The routes of Track v2. A bad item in a batch is named in a 207 and the rest is accepted, as Customer.io does; a request
 * that cannot be read, or is too large, is refused as a whole.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { elements, isObject, memberMap, parseJson } from '../core/json.ts'
import { bodyBytes, bodyText } from '../http/body.ts'
import { answerAccepted, answerPartly, answerV2Error, type BatchError, Refused } from './answers.ts'
import { type CutItem, cutBatch } from './cut-batch.ts'
import type { Draft } from './draft.ts'
import { originOf, type TrackDeps } from './origin.ts'
import { ITEM_BYTES, invalid, isItemError, readOne } from './read-v2.ts'

export function trackV2Routes(app: FastifyInstance, deps: TrackDeps): void {
  app.setErrorHandler(answerV2Error)
  app.post('/api/v2/entity', async (request, reply) => {
    const origin = originOf(request, deps.nameSource)
    const text = bodyText(request)
    const read = readOne(text, parseJson(text))
    if (isItemError(read)) throw new Refused(read)
    return answerAccepted(reply, await deps.intake.accept([read], origin))
  })
  app.post('/api/v2/batch', async (request, reply) => {
    const origin = originOf(request, deps.nameSource)
    const { drafts, errors } = readBatch(request)
    const ids = await deps.intake.accept(drafts, origin)
    return errors.length === 0 ? answerAccepted(reply, ids) : answerPartly(reply, ids, errors)
  })
}

interface Batch {
  readonly drafts: readonly Draft[]
  readonly errors: readonly BatchError[]
}

/** An empty batch is accepted: nothing was said, and nothing is wrong with it. Throws `bad_request`. */
function readBatch(request: FastifyRequest): Batch {
  const items = cutBatch(bodyBytes(request), ITEM_BYTES) ?? itemTexts(bodyText(request))
  const drafts: Draft[] = []
  const errors: BatchError[] = []
  for (const [index, item] of items.entries()) {
    const read = typeof item === 'string' ? readOne(item, parseJson(item)) : item
    if (isItemError(read)) errors.push({ batch_index: index, ...read })
    else drafts.push(read)
  }
  return { drafts, errors }
}

function itemTexts(text: string): readonly CutItem[] {
  const body = parseJson(text)
  if (body === undefined) throw new Refused(invalid('', 'The body is not JSON.'))
  if (!isObject(body) || !Array.isArray(body.batch))
    throw new Refused(invalid('batch', 'The body must be {"batch":[…]}.'))
  return elements(memberMap(text).get('batch') ?? '[]')
}
