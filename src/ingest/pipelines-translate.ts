/**
 * Messages of the Pipelines API in Track v2 form, as Customer.io's own destination translates them, so that one reader judges
 * all three APIs and one act gives one operation. Ids say by their shape what they are, as in a path of v1; dates become unix
 * seconds; every other value stays the text it was. `context` (but for a device) and `integrations` say nothing to
 * Customer.io's Journeys and are left out. Source: Pipelines API, August 2026; for the translation Segment's destination for
 * Customer.io. Pure; all throw `bad_request`.
 */
import { type JsonObject, members, objectText } from '../core/json.ts'
import { unixSeconds } from '../core/unix-time.ts'
import type { Item } from './draft.ts'
import type { Part } from './pipelines-part.ts'
import { withUnixTimes } from './pipelines-times.ts'
import { refuse } from './read-v1.ts'
import { toIdentifiers } from './translate-v1.ts'

export interface Message {
  readonly body: Part
  /** Its own, or else the one that its batch has for all. */
  readonly context: Part
}

export type Translate = (message: Message) => Item

/** An operation from the texts of its members; an undefined one is left out. */
export function itemOf(texts: Readonly<Record<string, string | undefined>>): Item {
  const given = new Map<string, string>()
  for (const [name, text] of Object.entries(texts)) if (text !== undefined) given.set(name, text)
  return { value: JSON.parse(objectText(given)) as JsonObject, members: given } // it was put together as an object
}

export const identify: Translate = ({ body }) => {
  const traits = body.part('traits')
  const anonymousId = body.id('anonymousId')
  const known = body.id('userId') ?? traits.id('email')
  const identifiers = known === undefined ? needPerson(body) : toIdentifiers(known)
  return itemOf({
    type: '"person"',
    identifiers: JSON.stringify(identifiers),
    action: '"identify"',
    timestamp: timeOf(body),
    attributes: attributesOf(body, known === undefined ? undefined : anonymousId),
    cio_relationships: traits.has('objectId')
      ? relationships(objectIdentifiers(traits, 'objectId'), traits)
      : undefined,
  })
}

export const event: Translate = (message) =>
  eventOf(message, { action: 'event', name: message.body.textOf('event') })

export const screen: Translate = (message) =>
  eventOf(message, { action: 'screen', name: message.body.textOf('name') })

/** A page without a name goes by its address. */
export const page: Translate = (message) => {
  const { body, context } = message
  const url = () => body.part('properties').textOf('url') ?? context.part('page').textOf('url')
  return eventOf(message, { action: 'page', name: body.textOf('name') ?? url() })
}

function eventOf({ body }: Message, { action, name }: { action: string; name: string | undefined }): Item {
  const properties = body.part('properties')
  return itemOf({
    type: '"person"',
    identifiers: JSON.stringify(needPerson(body)),
    action: JSON.stringify(action),
    name,
    timestamp: timeOf(body),
    attributes: body.has('properties') ? withUnixTimes(properties.text) : undefined,
  })
}

/** A group is an object of Customer.io, and whoever the message names is related to it. */
export const group: Translate = ({ body }) => {
  const traits = body.part('traits')
  const person = personIn(body)
  const isAnonymous = person !== undefined && Object.hasOwn(person, 'anonymous_id')
  return itemOf({
    type: '"object"',
    identifiers: objectText([
      ['object_type_id', objectType(traits)],
      ['object_id', JSON.stringify(body.needId('groupId'))],
    ]),
    action: isAnonymous ? '"identify_anonymous"' : '"identify"',
    attributes: attributesOf(body, undefined),
    cio_relationships: person && relationships(JSON.stringify(person), traits),
  })
}

export const alias: Translate = ({ body }) =>
  itemOf({
    type: '"person"',
    action: '"merge"',
    primary: JSON.stringify(toIdentifiers(body.needId('userId'))),
    secondary: JSON.stringify(toIdentifiers(body.needId('previousId'))),
  })

function personIn(body: Part): JsonObject | undefined {
  const userId = body.id('userId')
  if (userId !== undefined) return toIdentifiers(userId)
  const anonymousId = body.id('anonymousId')
  return anonymousId === undefined ? undefined : { anonymous_id: anonymousId }
}

function needPerson(body: Part): JsonObject {
  const person = personIn(body)
  if (person === undefined) throw refuse('userId', 'userId or anonymousId is required')
  return person
}

/** When it happened, in unix seconds. A number is taken for that already. */
export function timeOf(body: Part): string | undefined {
  const name = body.has('timestamp') ? 'timestamp' : 'originalTimestamp'
  const given = body.id(name)
  if (given === undefined || typeof body.value[name] === 'number') return given
  const seconds = /^\d+(\.\d+)?$/.test(given) ? Number(given) : unixSeconds(given)
  if (seconds === undefined) throw refuse(name, `${name} must be an ISO 8601 date and time`)
  return String(seconds)
}

/** Traits that say whom or what the person or the group is related to, and are no attributes. */
const BESIDE_ATTRIBUTES = ['object_type_id', 'objectTypeId', 'relationshipAttributes']

/** Traits as attributes: `createdAt` is `created_at`, and an `anonymousId` beside a known id is what links earlier events. */
function attributesOf(body: Part, anonymousId: string | undefined): string | undefined {
  const traits = body.part('traits')
  const text = withUnixTimes(traits.text)
  const isPlain = ![...BESIDE_ATTRIBUTES, 'createdAt'].some((name) => Object.hasOwn(traits.value, name))
  if (isPlain && anonymousId === undefined) return body.has('traits') ? text : undefined
  const attributes: [string, string][] = []
  for (const { key, value } of members(text)) {
    if (BESIDE_ATTRIBUTES.includes(key) || (key === 'createdAt' && traits.has('created_at'))) continue
    attributes.push([key === 'createdAt' ? 'created_at' : key, value])
  }
  if (anonymousId !== undefined && !traits.has('anonymous_id'))
    attributes.push(['anonymous_id', JSON.stringify(anonymousId)])
  return objectText(attributes)
}

/** Objects are of type 1 unless it is said otherwise; Track v2 has the number as text. */
const objectType = (part: Part): string => JSON.stringify(part.id('object_type_id', 'objectTypeId') ?? '1')

export const objectIdentifiers = (part: Part, name: string): string =>
  objectText([
    ['object_type_id', objectType(part)],
    ['object_id', JSON.stringify(part.needId(name))],
  ])

function relationships(identifiers: string, traits: Part): string {
  const one: [string, string][] = [['identifiers', identifiers]]
  if (traits.has('relationshipAttributes'))
    one.push(['relationship_attributes', withUnixTimes(traits.part('relationshipAttributes').text)])
  return `[${objectText(one)}]`
}
