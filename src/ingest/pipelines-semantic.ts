/**
 * `track` messages whose names mean more than an event: what Pipelines has no route for. Names are compared exactly; what
 * is spelt otherwise is an event like any other. Source: Pipelines API, semantic events, August 2026. Pure; all throw
 * `bad_request`.
 */
import { memberMap, objectText } from '../core/json.ts'
import type { Draft, Item } from './draft.ts'
import type { Part } from './pipelines-part.ts'
import { withUnixTimes } from './pipelines-times.ts'
import { itemOf, type Message, objectIdentifiers, type Translate, timeOf } from './pipelines-translate.ts'
import { readReport, refuse } from './read-v1.ts'
import { toIdentifiers } from './translate-v1.ts'

/** What a semantic event becomes; undefined for an event like any other. */
export const semanticOf = (event: unknown): Translate | undefined =>
  typeof event === 'string' && Object.hasOwn(SEMANTIC, event) ? SEMANTIC[event] : undefined

const person = (action: string, body: Part, more: Readonly<Record<string, string>> = {}): Item =>
  itemOf({
    type: '"person"',
    identifiers: JSON.stringify(toIdentifiers(body.needId('userId'))),
    action: JSON.stringify(action),
    ...more,
  })

const SEMANTIC: Readonly<Record<string, Translate>> = {
  'Device Created or Updated': addDevice,
  'Device Deleted': ({ body, context }) =>
    person('delete_device', body, { device: objectText([['token', tokenIn(context)]]) }),
  'User Deleted': ({ body }) => person('delete', body),
  'User Suppressed': ({ body }) => person('suppress', body),
  'User Unsuppressed': ({ body }) => person('unsuppress', body),
  'Relationship Deleted': ({ body }) => {
    const object = objectIdentifiers(body.part('properties'), 'objectId')
    return person('delete_relationships', body, { cio_relationships: `[{"identifiers":${object}}]` })
  },
  'Object Deleted': ({ body }) =>
    itemOf({
      type: '"object"',
      identifiers: objectIdentifiers(body.part('properties'), 'objectId'),
      action: '"delete"',
    }),
  'Report Content Event': contentEvent,
}

/** The official mobile clients put the attributes of a device among the properties. */
function addDevice({ body, context }: Message): Item {
  const device: [string, string][] = [['token', tokenIn(context)]]
  const platform = context.part('device').id('type')
  if (platform !== undefined) device.push(['platform', JSON.stringify(platform.toLowerCase())])
  const lastUsed = timeOf(body)
  if (lastUsed !== undefined) device.push(['last_used', lastUsed])
  const attributes = body.part('properties')
  if (Object.keys(attributes.value).length > 0) device.push(['attributes', attributes.text])
  return person('add_device', body, { device: objectText(device) })
}

function tokenIn(context: Part): string {
  const token = context.part('device').id('token')
  if (token === undefined) throw refuse('context.device.token', 'context.device.token is required')
  return JSON.stringify(token)
}

/** Views and clicks of messages to nobody known, under the actions that Customer.io's destination gives them. */
function contentEvent({ body }: Message): Item {
  const action = body.part('properties').id('actionType')
  if (action !== 'viewed_content' && action !== 'clicked_content')
    throw refuse('actionType', 'actionType must be viewed_content or clicked_content')
  const attributes = memberMap(withUnixTimes(body.part('properties').text))
  attributes.delete('actionType')
  const anonymousId = body.id('anonymousId')
  const identifiers =
    anonymousId === undefined ? toIdentifiers(body.needId('userId')) : { anonymous_id: anonymousId }
  return itemOf({
    type: '"person"',
    identifiers: JSON.stringify(identifiers),
    action: JSON.stringify(action),
    name: JSON.stringify(action),
    timestamp: timeOf(body),
    attributes: objectText(attributes),
  })
}

export const DELIVERY_REPORT = 'Report Delivery Event'

const REPORTED = ['recipient', 'reason', 'href']

/** A metric of a delivery, as `POST /api/v1/metrics` has it. */
export function readDeliveryReport(body: Part): Draft {
  const properties = body.part('properties')
  const report: [string, string][] = [
    ['delivery_id', JSON.stringify(properties.needId('deliveryId'))],
    ['metric', JSON.stringify(properties.needId('metric'))],
  ]
  const timestamp = timeOf(body)
  if (timestamp !== undefined) report.push(['timestamp', timestamp])
  report.push(...taken(properties, REPORTED, (name) => name))
  const names: Readonly<Record<string, string>> = { actionName: 'action_name', actionValue: 'action_value' }
  const metadata = taken(properties, Object.keys(names), (name) => names[name] ?? name)
  if (metadata.length > 0) report.push(['metadata', objectText(metadata)])
  return readReport('metric', objectText(report))
}

function taken(part: Part, names: readonly string[], rename: (name: string) => string): [string, string][] {
  return names.flatMap((name) => {
    const text = part.textOf(name)
    return text === undefined ? [] : [[rename(name), text] satisfies [string, string]]
  })
}
