/** The calls of the direct client: what the application says in, a checked request out. Pure. */
import { byteLength, type JsonObject, objectText } from '../core/json.ts'
import { LIMITS } from '../core/limits.ts'
import type { Call } from './http.ts'
import {
  checkAttributes,
  checkEventId,
  checkIdentifiers,
  checkObject,
  checkText,
  type Identifiers,
  jsonText,
  type Moment,
  memberTexts,
  pathStep,
  refuse,
  toSeconds,
} from './input.ts'
import { PATHS } from './wire.ts'

/** What the client adds of its own. What the caller says under the same name counts instead. */
export interface Stamps {
  readonly environment: string | undefined
  readonly updatedAt: boolean
  /** Unix seconds at the time of the call, the same in every attempt. */
  readonly seconds: number
}

export const environmentOf = ({ environment }: Stamps): JsonObject =>
  environment === undefined ? {} : { _env: environment }

/** `_env` and `_updated_at`, before the attributes. */
export const stampAttributes = (attributes: JsonObject, stamps: Stamps): JsonObject => ({
  ...environmentOf(stamps),
  ...(stamps.updatedAt ? { _updated_at: stamps.seconds } : {}),
  ...attributes,
})

const customerPath = (userId: string): string =>
  `${PATHS.customers}/${pathStep('userId', userId, LIMITS.nameBytes)}`

/** `PUT /customers/{identifier}`. */
export function identifyCall(
  userId: string,
  attributes: object,
  given: { readonly stamps: Stamps; readonly timestamp: Moment | undefined },
): Call {
  const path = customerPath(userId)
  const stamped = stampAttributes(checkObject('attributes', attributes), given.stamps)
  const texts = memberTexts('attributes', stamped)
  checkAttributes('attributes', texts)
  if (given.timestamp !== undefined)
    texts.push(['_timestamp', String(toSeconds('timestamp', given.timestamp))])
  return { endpoint: 'identify', method: 'PUT', path, body: objectText(texts) }
}

export interface EventParts {
  readonly name: string
  readonly data: object
  /** A ULID. */
  readonly id: string
  readonly timestamp: Moment | undefined
  readonly type?: 'page'
  readonly stamps: Stamps
}

/** `POST /customers/{identifier}/events`. */
export const eventCall = (userId: string, event: EventParts): Call => ({
  endpoint: 'events',
  method: 'POST',
  path: `${customerPath(userId)}/events`,
  body: objectText(eventTexts(event)),
})

/** `POST /events`. */
export function anonymousEventCall(anonymousId: string, event: EventParts): Call {
  const id = JSON.stringify(checkText('anonymousId', anonymousId))
  const body = objectText([['anonymous_id', id], ...eventTexts(event)])
  return { endpoint: 'anonymous_events', method: 'POST', path: PATHS.anonymousEvents, body }
}

/** An event without a time of its own happened at the time of the call, however late an attempt succeeds. */
function eventTexts({ name, data, id, timestamp, type, stamps }: EventParts): [string, string][] {
  checkText(type === 'page' ? 'url' : 'name', name, LIMITS.eventNameBytes)
  const texts = memberTexts('data', { ...environmentOf(stamps), ...checkObject('data', data) })
  const text = objectText(texts)
  const [limit, bytes] = [LIMITS.eventDataBytes, byteLength(text)]
  if (bytes > limit) throw refuse('data', `must have at most ${limit} bytes, not ${bytes}`, { limit, bytes })
  return [
    ...(type === undefined ? [] : [['type', JSON.stringify(type)] as [string, string]]),
    ['name', JSON.stringify(name)],
    ['id', JSON.stringify(checkEventId(id))],
    ['timestamp', String(timestamp === undefined ? stamps.seconds : toSeconds('timestamp', timestamp))],
    ['data', text],
  ]
}

export interface Device {
  readonly token: string
  readonly platform: 'ios' | 'android'
  readonly lastUsed?: Moment
  readonly attributes?: object
}

/** `PUT /customers/{identifier}/devices`. */
export function addDeviceCall(userId: string, given: Device): Call {
  const path = `${customerPath(userId)}/devices`
  checkObject('device', given)
  const { token, platform, lastUsed, attributes } = given
  checkText('device.token', token)
  if (platform !== 'ios' && platform !== 'android') throw refuse('device.platform', 'must be ios or android')
  const device = {
    id: token,
    platform,
    last_used: lastUsed === undefined ? undefined : toSeconds('device.lastUsed', lastUsed),
    attributes: attributes === undefined ? undefined : checkObject('device.attributes', attributes),
  }
  return { endpoint: 'devices', method: 'PUT', path, body: jsonText('device', { device }) }
}

/** `DELETE /customers/{identifier}/devices/{device_id}`. */
export const deleteDeviceCall = (userId: string, token: string): Call => ({
  endpoint: 'devices',
  method: 'DELETE',
  path: `${customerPath(userId)}/devices/${pathStep('token', token)}`,
})

/** `DELETE /customers/{identifier}`. */
export const deleteCall = (userId: string): Call => ({
  endpoint: 'delete',
  method: 'DELETE',
  path: customerPath(userId),
})

/** `POST /customers/{identifier}/suppress` or `unsuppress`. */
export const suppressionCall = (userId: string, action: 'suppress' | 'unsuppress'): Call => ({
  endpoint: action,
  method: 'POST',
  path: `${customerPath(userId)}/${action}`,
})

/** `POST /merge_customers`. */
export function mergeCall(primary: Identifiers, secondary: Identifiers): Call {
  const sides = {
    primary: checkIdentifiers('primary', primary),
    secondary: checkIdentifiers('secondary', secondary),
  }
  return {
    endpoint: 'merge',
    method: 'POST',
    path: '/api/v1/merge_customers',
    body: jsonText('merge', sides),
  }
}
