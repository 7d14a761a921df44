/**
 * The Pipelines API. It answers 200 whatever it gets, and what is wrong with a request has no effect; with
 * `X-Strict-Mode: 1` it says so with 400 or 401.
 */
import { byteLength, elements, isObject, memberMap, parseJson } from '../core/json.ts'
import { type Answer, trackError, trackErrors, trackOk } from './answers.ts'
import { isWriteKey } from './auth.ts'
import { type Item, textsOf } from './item.ts'
import { type Message, TRANSLATE } from './pipelines-items.ts'
import type { Call, Route } from './route.ts'
import type { Accept } from './track-v2.ts'
import { faultIn, faultInAnonymous } from './validate.ts'

/** Source: Customer.io, Pipelines API, limits. KB is taken as 1024 bytes, the more generous reading. */
const LIMITS = { message: 32 * 1024, batch: 500 * 1024 } as const

export function pipelineRoutes(accept: Accept, writeKey: string): Route[] {
  const post = (path: string, read: (text: string) => Read): Route => ({
    method: 'POST',
    path,
    auth: 'none', // a wrong key is no 401 unless it is asked for
    respond: (call) =>
      take(accept, call, isWriteKey(call.headers.authorization, writeKey) ? read : undefined),
  })
  return [
    ...Object.keys(TRANSLATE).map((type) => post(`/v1/${type}`, (text) => readMessage(type, text))),
    post('/v1/batch', readBatch),
  ]
}

interface Read {
  readonly items: readonly Item[]
  readonly faults: readonly string[]
}

/** In the strict mode a batch is taken whole or not at all; which of the two Customer.io does is not documented. */
function take(accept: Accept, call: Call, read: ((text: string) => Read) | undefined): Answer {
  const isStrict = call.headers['x-strict-mode'] === '1'
  if (read === undefined) return isStrict ? trackError(401, 'Unauthorized') : trackOk()
  const { items, faults } = read(call.text)
  if (isStrict && faults.length > 0) return trackErrors(...faults)
  accept(items.filter(isTaken))
  return trackOk()
}

/** What only the workspace refuses, such as a value that is too long, is known after the answer. */
function isTaken(item: Item): boolean {
  const { type } = item.value
  if (type === 'delivery') return true
  return (type === 'anonymous' ? faultInAnonymous(item) : faultIn(item)) === undefined
}

const fault = (text: string): Read => ({ items: [], faults: [text] })

function readMessage(type: string | undefined, text: string, shared: Message['context'] = new Map()): Read {
  if (!isObject(parseJson(text))) return fault('request body is not a JSON object')
  if (byteLength(text) > LIMITS.message) return fault(`call cannot be larger than ${LIMITS.message} bytes`)
  const texts = memberMap(text)
  const name = type ?? String(parseJson(texts.get('type') ?? 'null'))
  const translate = Object.hasOwn(TRANSLATE, name) ? TRANSLATE[name] : undefined
  if (translate === undefined) return fault(`type must be one of ${Object.keys(TRANSLATE).join(', ')}`)
  const context = texts.has('context') ? textsOf(texts.get('context')) : shared
  const item = translate({ texts, context })
  return typeof item === 'string' ? fault(item) : { items: [item], faults: [] }
}

function readBatch(text: string): Read {
  if (byteLength(text) > LIMITS.batch) return fault(`batch cannot be larger than ${LIMITS.batch} bytes`)
  const body = parseJson(text)
  if (!isObject(body) || !Array.isArray(body.batch)) return fault('batch must be an array')
  const texts = memberMap(text)
  const reads = elements(texts.get('batch') ?? '[]').map((each) =>
    readMessage(undefined, each, textsOf(texts.get('context'))),
  )
  return {
    items: reads.flatMap(({ items }) => items),
    faults: reads.flatMap(({ faults }, index) => faults.map((text) => `batch[${index}]: ${text}`)),
  }
}
