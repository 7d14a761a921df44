/**
 * Answers as Customer.io gives them: the headers recorded from its Track API in May 2026, and its shapes of error.
 * What Sluice adds (ids, its own error code) is in headers of its own.
 */
import { SluiceError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Call, Reply } from '../http/call.ts'
import { errorHeaders, publicMessage, toHttpError } from '../http/problem.ts'
import type { Judged } from '../preflight/finding.ts'
import type { RuleName } from '../preflight/rules.ts'
import type { Draft } from './draft.ts'
import { RefusedByRules, rulesText, sentence } from './judge.ts'
import { MESSAGE_TYPES } from './pipelines-read.ts'
import { type ItemError, invalid } from './read-v2.ts'

const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'access-control-allow-origin': '*',
  'cache-control': 'no-cache, no-store, must-revalidate, max-age=0',
} as const

/** Ids in `X-Sluice-Id`: so many are named, of more than that the first and the last. */
const NAMED_IDS = 10

const idsText = (ids: readonly string[]): string =>
  ids.length <= NAMED_IDS ? ids.join(',') : `${ids[0]}..${ids.at(-1)}`

const NOTHING: readonly Judged[] = []

/** What was found and let pass, or put right. */
export const findingsOf = (drafts: readonly Draft[]): readonly Judged[] =>
  drafts.some(({ findings }) => findings) ? drafts.flatMap(({ findings = [] }) => findings) : NOTHING

/** Names the rules whose findings were let pass or put right. */
export const noteWarnings = (reply: Reply, findings: readonly Judged[]): Reply =>
  findings.length === 0 ? reply : reply.header('x-sluice-warnings', rulesText(findings))

export const noteFindings = (reply: Reply, drafts: readonly Draft[]): Reply =>
  noteWarnings(reply, findingsOf(drafts))

/** `{}` and a line break, three bytes, as Customer.io sends it. */
export function answerAccepted(reply: Reply, ids: readonly string[]): Reply {
  if (ids.length > 0) reply.header('x-sluice-id', idsText(ids))
  return reply.code(200).headers(HEADERS).send('{}\n')
}

/** A form that was submitted: Customer.io answers with nothing at all. */
export function answerNoContent(reply: Reply, ids: readonly string[]): Reply {
  const { 'content-type': _, ...headers } = HEADERS
  return reply
    .code(204)
    .headers({ ...headers, 'x-sluice-id': idsText(ids) })
    .send()
}

/** Names the rules that refused some of a batch. */
export const noteRefused = (reply: Reply, refused: readonly Judged[]): Reply =>
  refused.length === 0 ? reply : reply.header('x-sluice-refused', rulesText(refused))

/** What the rules refuse, as errors of one item. */
export const refusedItems = ({ findings }: RefusedByRules): ItemError[] =>
  findings.map((finding) => invalid(finding.field, sentence(finding)))

/** A body over its limit is refused while it is read, before any rule could look at it. */
const sizeRule = ({ code, details }: SluiceError): RuleName | undefined => {
  if (code !== 'too_large') return undefined
  return details.limit === LIMITS.itemBytes ? 'item_bytes' : 'batch_bytes'
}

function refusedRules(error: SluiceError): Record<string, string> {
  const rules = error instanceof RefusedByRules ? rulesText(error.findings) : sizeRule(error)
  return rules === undefined ? {} : { 'x-sluice-refused': rules }
}

function textOf(error: SluiceError): string {
  const rule = sizeRule(error)
  return rule === undefined ? publicMessage(error) : `${publicMessage(error)} (rule ${rule})`
}

export interface BatchError extends ItemError {
  readonly batch_index: number
}

/** Some items of a batch are refused, the others accepted. */
export function answerPartly(reply: Reply, ids: readonly string[], errors: readonly BatchError[]): Reply {
  if (ids.length > 0) reply.header('x-sluice-id', idsText(ids))
  return reply.code(207).headers(HEADERS).send(JSON.stringify({ errors }))
}

export const answerJson = (reply: Reply, body: object): Reply =>
  reply.code(200).headers(HEADERS).send(JSON.stringify(body))

/** Thrown by v2 routes for a request that is refused as a whole, in the words of one item. */
export class Refused extends SluiceError {
  readonly item: ItemError

  constructor(item: ItemError) {
    super('bad_request', item.message, { details: { field: item.field } })
    this.item = item
  }
}

/** Thrown for a batch of Pipelines of which some messages are at fault. */
export class RefusedMessages extends SluiceError {
  readonly messages: readonly string[]

  constructor(faults: readonly SluiceError[]) {
    const messages = faults.map(({ message }) => message)
    super('bad_request', messages[0])
    this.messages = messages
  }
}

type Shape = (error: SluiceError) => object

/** Track v1: a list of texts, but one text for credentials and merges. */
const metaErrors: Shape = (error) => ({ meta: { errors: messagesOf(error) } })

function messagesOf(error: SluiceError): readonly string[] {
  if (error instanceof RefusedMessages) return error.messages
  return error instanceof RefusedByRules ? error.findings.map(sentence) : [textOf(error)]
}

const metaError: Shape = (error) => ({ meta: { error: publicMessage(error) } })
const itemErrors: Shape = (error) => ({ errors: itemsOf(error) })

function itemsOf(error: SluiceError): readonly object[] {
  if (error instanceof Refused) return [error.item]
  if (error instanceof RefusedByRules) return refusedItems(error)
  return [{ reason: error.code === 'bad_request' ? 'invalid' : error.code, message: textOf(error) }]
}

/** Answers what was thrown. */
type AnswerError = (thrown: unknown, request: Call, reply: Reply) => Reply

/** An error handler that answers in the shape of the routes it stands for. */
const answerWith =
  (shape: Shape, statusOf = (error: SluiceError): number => error.row.status): AnswerError =>
  (thrown, request, reply) => {
    const error = thrown instanceof SluiceError ? thrown : toHttpError(thrown, request)
    const body = error.code === 'unauthorized' ? { meta: { error: 'Unauthorized' } } : shape(error)
    return reply
      .code(statusOf(error))
      .headers({ ...HEADERS, ...errorHeaders(error), ...refusedRules(error) })
      .send(JSON.stringify(body))
  }

export const answerV1Error = answerWith(metaErrors)
export const answerMergeError = answerWith(metaError)
export const answerV2Error = answerWith(itemErrors)

/** Customer.io documents 400 and 401 alone, and its clients repeat whatever else they get. */
const strictStatus = ({ code, row }: SluiceError): number =>
  row.status >= 500 || code === 'unauthorized' ? row.status : 400
const answerStrictError = answerWith(metaErrors, strictStatus)

export const isStrict = (request: Call): boolean => request.headers['x-strict-mode'] === '1'

/** Pipelines: what the caller got wrong is answered 200, unless the caller asks for more. */
export const answerPipelinesError: AnswerError = (thrown, request, reply) => {
  const error = thrown instanceof SluiceError ? thrown : toHttpError(thrown, request)
  if (error.row.status >= 500 || isStrict(request)) return answerStrictError(error, request, reply)
  return answerAccepted(reply.headers({ ...errorHeaders(error), ...refusedRules(error) }), [])
}

/** Track v2 has errors of items; Track v1, what it has beside that path, and the Pipelines API have `meta.errors`. */
const SHAPES: readonly (readonly [paths: RegExp, shape: Shape])[] = [
  [/^\/api\/v2\//, itemErrors],
  [/^\/(api\/v1|unsubscribe|push)\/|^\/auth$/, metaErrors],
  [new RegExp(`^/v1/(${[...MESSAGE_TYPES, 'batch'].join('|')})$`), metaErrors],
]

/** The body of an error in the form of the path's own answers; undefined for a path of none of these APIs. */
export const trackErrorBody = (path: string, error: SluiceError): object | undefined =>
  SHAPES.find(([paths]) => paths.test(path))?.[1](error)
