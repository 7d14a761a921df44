/** Track API v2: one item, or a batch of them. */
import { byteLength, elements, isObject, memberMap, parseJson } from '../core/json.ts'
import { type ItemError, PATHS } from '../customerio/wire.ts'
import { type Answer, itemErrors, trackOk } from './answers.ts'
import { type Item, readItem } from './item.ts'
import type { Call, Route } from './route.ts'
import { faultIn, LIMITS, oversize } from './validate.ts'

export type Accept = (items: readonly Item[]) => void

export function trackV2Routes(accept: Accept): Route[] {
  return [
    { method: 'POST', path: PATHS.entity, auth: 'basic', respond: (call) => entity(accept, call) },
    { method: 'POST', path: PATHS.batch, auth: 'basic', respond: (call) => batch(accept, call) },
  ]
}

function entity(accept: Accept, call: Call): Answer {
  const text = asMerge(call.text, parseJson(call.text))
  const fault = oversize(text) ?? itemFault(text, parseJson(text))
  if (fault !== undefined) return itemErrors(400, [fault])
  accept([readItem(text)])
  return trackOk()
}

function batch(accept: Accept, { text }: Call): Answer {
  const tooLarge = { reason: 'invalid', message: `batch cannot be larger than ${LIMITS.batch} bytes` }
  if (byteLength(text) > LIMITS.batch) return itemErrors(400, [tooLarge])
  const body = parseJson(text)
  if (!isObject(body))
    return itemErrors(400, [{ reason: 'invalid', message: 'request body is not a JSON object' }])
  if (!Array.isArray(body.batch))
    return itemErrors(400, [{ reason: 'required', field: 'batch', message: 'batch must be an array' }])
  const values: unknown[] = body.batch
  const errors: ItemError[] = []
  const items: Item[] = []
  for (const [index, given] of elements(memberMap(text).get('batch') ?? '[]').entries()) {
    const itemText = asMerge(given, values[index])
    const value = itemText === given ? values[index] : parseJson(itemText)
    const fault = oversize(itemText) ?? itemFault(itemText, value)
    if (fault !== undefined) errors.push({ batch_index: index, ...fault })
    else if (isObject(value)) items.push({ text: itemText, value })
  }
  accept(items)
  return errors.length === 0 ? trackOk() : itemErrors(207, errors)
}

/** Customer.io's own example of a merge names neither type nor action; whether it really takes that is not known. */
function asMerge(text: string, value: unknown): string {
  if (!isObject(value) || value.type !== undefined || value.action !== undefined) return text
  if (!isObject(value.primary) || !isObject(value.secondary)) return text
  return `{"type":"person","action":"merge",${text.slice(text.indexOf('{') + 1)}`
}

function itemFault(text: string, value: unknown): ItemError | undefined {
  if (!isObject(value)) return { reason: 'invalid', field: '', message: 'item is not a JSON object' }
  return faultIn({ text, value })
}
