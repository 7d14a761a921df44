/**
 * The routes of Track v2. A bad item in a batch is named in a 207 and the rest is accepted, as Customer.io does; a request
 * that cannot be read, or is too large, is refused as a whole.
 */
import type { FastifyInstance } from 'fastify'
import { elements, isObject, memberMap, parseJson } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import { bodyBytes, bodyText } from '../http/body.ts'
import type { Call, Reply } from '../http/call.ts'
import type { Judged } from '../preflight/finding.ts'
import {
  answerAccepted,
  answerPartly,
  answerV2Error,
  type BatchError,
  findingsOf,
  noteFindings,
  noteRefused,
  noteWarnings,
  Refused,
  refusedItems,
} from './answers.ts'
import { type CutItem, cutBatch } from './cut-batch.ts'
import type { Draft } from './draft.ts'
import { type Judge, RefusedByRules } from './judge.ts'
import { busyRoute, originOf, type TrackDeps } from './origin.ts'
import { type ItemError, invalid, isItemError, readOne } from './read-v2.ts'

export function trackV2Routes(app: FastifyInstance, deps: TrackDeps): void {
  app.setErrorHandler(answerV2Error)
  const busy = { ...busyRoute(deps, answerV2Error), method: 'POST' } as const
  app.direct({ ...busy, url: '/api/v2/entity', handle: (call, reply) => takeEntity(call, reply, deps) })
  app.direct({ ...busy, url: '/api/v2/batch', handle: (call, reply) => takeBatch(call, reply, deps) })
}

async function takeEntity(call: Call, reply: Reply, deps: TrackDeps): Promise<Reply> {
  const origin = originOf(call, deps.nameSource)
  const text = bodyText(call)
  const read = readOne(text, parseJson(text))
  if (isItemError(read)) throw new Refused(read)
  const draft = deps.judge.judge(read)
  return answerAccepted(noteFindings(reply, [draft]), await deps.intake.accept([draft], origin))
}

async function takeBatch(call: Call, reply: Reply, deps: TrackDeps): Promise<Reply> {
  const { accepted, errors, found, refused } = acceptBatch(call, deps)
  const ids = await accepted
  noteRefused(noteWarnings(reply, found), refused)
  return errors.length === 0 ? answerAccepted(reply, ids) : answerPartly(reply, ids, errors)
}

/** Apart, since whoever waits holds what he has read, and the drafts are in nobody's way when they are gone. */
function acceptBatch(call: Call, { intake, judge, nameSource }: TrackDeps) {
  const origin = originOf(call, nameSource)
  const { drafts, errors, refused } = readBatch(call, judge)
  const from = errors.length === 0 ? origin : { ...origin, places: placesBeside(errors, drafts.length) }
  return { accepted: intake.accept(drafts, from), errors, refused, found: findingsOf(drafts) }
}

/** Where the items stand that were taken: a batch may come again with those that were refused put right. */
function placesBeside(errors: readonly BatchError[], taken: number): number[] {
  const refused = new Set(errors.map(({ batch_index: index }) => index))
  return Array.from({ length: taken + refused.size }, (_, place) => place).filter(
    (place) => !refused.has(place),
  )
}

interface Batch {
  readonly drafts: readonly Draft[]
  readonly errors: readonly BatchError[]
  /** What the rules refused of it. */
  readonly refused: readonly Judged[]
}

/** An empty batch is accepted: nothing was said, and nothing is wrong with it. Throws `bad_request`. */
function readBatch(call: Call, judge: Judge): Batch {
  const items = cutBatch(bodyBytes(call), LIMITS.itemBytes) ?? itemTexts(bodyText(call))
  const drafts: Draft[] = []
  const errors: BatchError[] = []
  const refused: Judged[] = []
  const now = judge.now()
  const judged = (draft: Draft) => judge.judge(draft, now)
  let index = -1
  for (const item of items) {
    index += 1
    const read = judgeItem(item, judged)
    if (read instanceof RefusedByRules) {
      refused.push(...read.findings)
      for (const error of refusedItems(read)) errors.push({ batch_index: index, ...error })
    } else if (isItemError(read)) errors.push({ batch_index: index, ...read })
    else drafts.push(read)
  }
  return { drafts, errors, refused }
}

function judgeItem(item: CutItem, judged: (draft: Draft) => Draft): Draft | ItemError | RefusedByRules {
  try {
    const read = typeof item === 'string' ? readOne(item, parseJson(item)) : item
    return isItemError(read) ? read : judged(read)
  } catch (thrown) {
    if (thrown instanceof RefusedByRules) return thrown
    throw thrown
  }
}

function itemTexts(text: string): readonly CutItem[] {
  const body = parseJson(text)
  if (body === undefined) throw new Refused(invalid('', 'The body is not JSON.'))
  if (!isObject(body) || !Array.isArray(body.batch))
    throw new Refused(invalid('batch', 'The body must be {"batch":[…]}.'))
  return elements(memberMap(text).get('batch') ?? '[]')
}
