/** One message of the Pipelines API, or a batch of them, to drafts. Pure. */
import { SluiceError } from '../core/errors.ts'
import { byteLength, elements, isObject } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import type { Judged } from '../preflight/finding.ts'
import type { Draft } from './draft.ts'
import { RefusedByRules, refuseByRule } from './judge.ts'
import { Part } from './pipelines-part.ts'
import { DELIVERY_REPORT, readDeliveryReport, semanticOf } from './pipelines-semantic.ts'
import { alias, event, group, identify, page, screen, type Translate } from './pipelines-translate.ts'
import { refuse } from './read-v1.ts'
import { draftOf, readItem } from './read-v2.ts'
import { parseObject } from './translate-v1.ts'

const TRANSLATE = { identify, track: event, page, screen, group, alias } as const satisfies Record<
  string,
  Translate
>

export type MessageType = keyof typeof TRANSLATE
const isMessageType = (type: unknown): type is MessageType =>
  typeof type === 'string' && Object.hasOwn(TRANSLATE, type)
export const MESSAGE_TYPES = Object.keys(TRANSLATE).filter(isMessageType)

/** A call, or a message within a batch: 32 KB (Pipelines API). */
export const MESSAGE_BYTES = LIMITS.itemBytes

/** The body of a route that is named by the type. Throws `bad_request`. */
export function readCall(type: MessageType, text: string): Draft {
  const body = new Part(parseObject(text), text)
  return readMessage(type, { body, context: body.part('context') })
}

export interface Batch {
  readonly drafts: readonly Draft[]
  /** Where each of them stands in the batch. */
  readonly places: readonly number[]
  readonly faults: readonly SluiceError[]
  /** What the rules refused of it. */
  readonly refused: readonly Judged[]
}

/**
 * The messages that can be kept, and why the others cannot; `judge` may refuse some more. Throws `bad_request` for a body
 * that is no batch.
 */
export function readBatch(text: string, judge = (draft: Draft): Draft => draft): Batch {
  const body = new Part(parseObject(text), text)
  const { batch } = body.value
  if (!Array.isArray(batch)) throw refuse('batch', 'batch must be an array')
  const values: readonly unknown[] = batch
  const context = body.part('context')
  const drafts: Draft[] = []
  const places: number[] = []
  const faults: SluiceError[] = []
  const refused: Judged[] = []
  for (const [index, itemText] of elements(body.textOf('batch') ?? '[]').entries())
    try {
      drafts.push(judge(readOne(itemText, values[index], context)))
      places.push(index)
    } catch (thrown) {
      if (!isTheirs(thrown)) throw thrown
      if (thrown instanceof RefusedByRules) refused.push(...thrown.findings)
      faults.push(refuse(`batch.${index}`, `batch[${index}]: ${thrown.message}`))
    }
  return { drafts, places, faults, refused }
}

const isTheirs = (thrown: unknown): thrown is SluiceError =>
  thrown instanceof RefusedByRules || (thrown instanceof SluiceError && thrown.code === 'bad_request')

function readOne(text: string, value: unknown, context: Part): Draft {
  if (!isObject(value)) throw refuse('', 'A message must be a JSON object.')
  const bytes = byteLength(text)
  if (bytes > MESSAGE_BYTES)
    throw refuseByRule('item_bytes', '', `A message has at most ${MESSAGE_BYTES} bytes: this has ${bytes}`)
  if (!isMessageType(value.type)) throw refuse('type', `type must be one of ${MESSAGE_TYPES.join(', ')}`)
  const body = new Part(value, text)
  return readMessage(value.type, { body, context: body.has('context') ? body.part('context') : context })
}

/** The client's `messageId` is what a repeat is recognised by, whatever the message says. */
function readMessage(type: MessageType, message: { body: Part; context: Part }): Draft {
  const { body } = message
  const clientId = body.id('messageId')
  const name = type === 'track' ? body.value.event : undefined
  const translate = semanticOf(name) ?? TRANSLATE[type]
  const draft = name === DELIVERY_REPORT ? readDeliveryReport(body) : draftOf(readItem(translate(message)))
  return { ...draft, clientId }
}
