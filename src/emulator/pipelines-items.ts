/**
 * Messages of the Pipelines API as items, the way Customer.io's own destination turns them into calls of the Track API. What
 * a message lacks is told as a text, for the strict mode. Source: Pipelines API, August 2026.
 */
import { memberMap, objectText, parseJson } from '../core/json.ts'
import { deriveUlid, isUlid } from '../core/ulid.ts'
import { type Identifier, identifierOfPath, identifierText } from './identifiers.ts'
import { type Item, scalarText, textsOf, writeItem } from './item.ts'
import { METRICS } from './track-metrics.ts'
import { metricItem } from './track-v1-items.ts'

type Texts = ReadonlyMap<string, string>

export interface Message {
  /** Members as JSON texts. */
  readonly texts: Texts
  readonly context: Texts
}

/** The item, or what is wrong with the message. */
type Translate = (message: Message) => Item | string

const quote = (text: string): string => JSON.stringify(text)

/** A string or a number as text; undefined for anything else, and for an empty one. */
function scalar(texts: Texts, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = texts.get(name) ?? ''
    if (/^["\d-]/.test(text) && text !== '""') return scalarText(text)
  }
  return undefined
}

const known = (texts: Texts, ...names: readonly string[]): Identifier | undefined => {
  const id = scalar(texts, ...names)
  return id === undefined ? undefined : identifierOfPath(id)
}

/** Whoever it is about, as an `identifiers` member: somebody known, or else an anonymous_id. */
function whoText({ texts }: Message): string | undefined {
  const person = known(texts, 'userId')
  return person === undefined ? anonymousText(texts) : identifierText(person)
}

function anonymousText(texts: Texts): string | undefined {
  const anonymousId = scalar(texts, 'anonymousId')
  return anonymousId === undefined ? undefined : objectText([['anonymous_id', quote(anonymousId)]])
}

const NOBODY = 'userId or anonymousId is required'

/** An identify of nobody known has no effect: what Customer.io keeps of it is not documented. */
const identify: Translate = (message) => {
  const { texts } = message
  const traits = textsOf(texts.get('traits'))
  const person = known(texts, 'userId') ?? known(traits, 'email')
  const anonymousId = scalar(texts, 'anonymousId')
  if (person === undefined) return anonymousId === undefined ? NOBODY : NOTHING
  const attributes = attributesIn(traits)
  if (anonymousId !== undefined && !attributes.has('anonymous_id'))
    attributes.set('anonymous_id', quote(anonymousId))
  return writeItem({
    type: '"person"',
    identifiers: identifierText(person),
    action: '"identify"',
    timestamp: timestampIn(texts),
    attributes: objectText(attributes),
    cio_relationships: traits.has('objectId')
      ? relationshipText(objectText(objectIn(traits, 'objectId')), traits)
      : undefined,
  })
}

/** Of an item of this kind nothing is kept. */
export const NOTHING: Item = writeItem({ type: '"nothing"' })

const track: Translate = (message) => {
  const name = scalar(message.texts, 'event') ?? ''
  const semantic = Object.hasOwn(SEMANTIC, name) ? SEMANTIC[name] : undefined
  return semantic === undefined ? view('event', message, message.texts.get('event')) : semantic(message)
}

const page: Translate = (message) => {
  const url =
    textsOf(message.texts.get('properties')).get('url') ?? textsOf(message.context.get('page')).get('url')
  return view('page', message, message.texts.get('name') ?? url)
}

/** An event, a page or a screen; of somebody anonymous it has no form in Track v2. */
function view(action: string, message: Message, name: string | undefined): Item | string {
  const identifiers = whoText(message)
  if (identifiers === undefined) return NOBODY
  if (scalarText(name ?? '').trim() === '')
    return action === 'event' ? 'event is required' : 'name is required'
  const properties = message.texts.get('properties')
  return writeItem({
    type: known(message.texts, 'userId') === undefined ? '"anonymous"' : '"person"',
    identifiers,
    action: quote(action),
    name,
    id: eventIdOf(message.texts),
    timestamp: timestampIn(message.texts),
    attributes: properties === undefined ? undefined : dated(properties),
  })
}

/** Events of one messageId are one event, so it becomes the ULID that they are told apart by. */
function eventIdOf(texts: Texts): string | undefined {
  const id = scalar(texts, 'messageId')
  return id === undefined || isUlid(id) ? texts.get('messageId') : quote(deriveUlid(0, ['messageId', id]))
}

const group: Translate = (message) => {
  const traits = textsOf(message.texts.get('traits'))
  if (scalar(message.texts, 'groupId') === undefined) return 'groupId is required'
  const who = whoText(message)
  const isAnonymous = who !== undefined && known(message.texts, 'userId') === undefined
  return writeItem({
    type: '"object"',
    identifiers: objectText([typeIn(traits), ['object_id', quote(scalar(message.texts, 'groupId') ?? '')]]),
    action: isAnonymous ? '"identify_anonymous"' : '"identify"',
    attributes: objectText(attributesIn(traits)),
    cio_relationships: who === undefined ? undefined : relationshipText(who, traits),
  })
}

const alias: Translate = ({ texts }) => {
  const [primary, secondary] = [known(texts, 'userId'), known(texts, 'previousId')]
  if (primary === undefined || secondary === undefined) return 'userId and previousId are required'
  return writeItem({
    type: '"person"',
    action: '"merge"',
    primary: identifierText(primary),
    secondary: identifierText(secondary),
  })
}

/** By type; of a batch, each message names its own. */
export const TRANSLATE: Readonly<Record<string, Translate>> = {
  identify,
  track,
  page,
  screen: (message) => view('screen', message, message.texts.get('name')),
  group,
  alias,
}

/** Something done to a person, who must be known. */
function act(action: string, { texts }: Message, more: Readonly<Record<string, string>> = {}): Item | string {
  const person = known(texts, 'userId')
  if (person === undefined) return 'userId is required'
  return writeItem({
    type: '"person"',
    identifiers: identifierText(person),
    action: quote(action),
    ...more,
  })
}

const SEMANTIC: Readonly<Record<string, Translate>> = {
  'Device Created or Updated': addDevice,
  'Device Deleted': (message) => {
    const token = scalar(textsOf(message.context.get('device')), 'token')
    if (token === undefined) return 'context.device.token is required'
    return act('delete_device', message, { device: objectText([['token', quote(token)]]) })
  },
  'User Deleted': (message) => act('delete', message),
  'User Suppressed': (message) => act('suppress', message),
  'User Unsuppressed': (message) => act('unsuppress', message),
  'Relationship Deleted': (message) => {
    const properties = textsOf(message.texts.get('properties'))
    if (scalar(properties, 'objectId') === undefined) return 'properties.objectId is required'
    const identifiers = objectText(objectIn(properties, 'objectId'))
    return act('delete_relationships', message, { cio_relationships: `[{"identifiers":${identifiers}}]` })
  },
  'Object Deleted': ({ texts }) => {
    const properties = textsOf(texts.get('properties'))
    if (scalar(properties, 'objectId') === undefined) return 'properties.objectId is required'
    const identifiers = objectText(objectIn(properties, 'objectId'))
    return writeItem({ type: '"object"', identifiers, action: '"delete"' })
  },
  'Report Delivery Event': reportDelivery,
  'Report Content Event': reportContent,
}

function addDevice(message: Message): Item | string {
  const given = textsOf(message.context.get('device'))
  const token = scalar(given, 'token')
  if (token === undefined) return 'context.device.token is required'
  const device: [string, string][] = [['token', quote(token)]]
  device.push(['platform', quote((scalar(given, 'type') ?? '').toLowerCase())])
  const lastUsed = timestampIn(message.texts)
  if (lastUsed !== undefined) device.push(['last_used', lastUsed])
  device.push(['attributes', message.texts.get('properties') ?? '{}'])
  return act('add_device', message, { device: objectText(device) })
}

function reportDelivery({ texts }: Message): Item | string {
  const given = Object.fromEntries(textsOf(texts.get('properties')))
  const { deliveryId, metric = '""', actionName, actionValue, ...rest } = given
  if (deliveryId === undefined) return 'properties.deliveryId is required'
  if (!METRICS.includes(scalarText(metric))) return `properties.metric must be one of ${METRICS.join(', ')}`
  const body = new Map([['delivery_id', deliveryId], ...Object.entries(rest)])
  const timestamp = timestampIn(texts)
  if (timestamp !== undefined) body.set('timestamp', timestamp)
  const metadata = new Map<string, string>()
  if (actionName !== undefined) metadata.set('action_name', actionName)
  if (actionValue !== undefined) metadata.set('action_value', actionValue)
  if (metadata.size > 0) body.set('metadata', objectText(metadata))
  return metricItem(scalarText(metric), body)
}

/** Of messages to nobody known (Pipelines API, OpenAPI): whoever else is named, the anonymous_id is whom it is about. */
function reportContent(message: Message): Item | string {
  const properties = textsOf(message.texts.get('properties'))
  const action = scalar(properties, 'actionType')
  const identifiers = anonymousText(message.texts) ?? whoText(message)
  if (identifiers === undefined) return NOBODY
  if (action !== 'viewed_content' && action !== 'clicked_content')
    return 'properties.actionType must be viewed_content or clicked_content'
  properties.delete('actionType')
  return writeItem({
    type: '"person"',
    identifiers,
    action: quote(action),
    name: quote(action),
    id: eventIdOf(message.texts),
    timestamp: timestampIn(message.texts),
    attributes: objectText(properties),
  })
}

/** The stringified whole number of an object's type; 1 when none is given. */
const typeIn = (texts: Texts): [string, string] => [
  'object_type_id',
  quote(scalar(texts, 'object_type_id', 'objectTypeId') ?? '1'),
]

const objectIn = (texts: Texts, name: string): [string, string][] => [
  typeIn(texts),
  ['object_id', quote(scalar(texts, name) ?? '')],
]

function relationshipText(identifiers: string, traits: Texts): string {
  const attributes = traits.get('relationshipAttributes')
  const more = attributes === undefined ? '' : `,"relationship_attributes":${dated(attributes)}`
  return `[{"identifiers":${identifiers}${more}}]`
}

function attributesIn(traits: Texts): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [name, text] of traits) {
    if (['object_type_id', 'objectTypeId', 'relationshipAttributes'].includes(name)) continue
    if (name === 'createdAt' && traits.has('created_at')) continue
    attributes.set(name === 'createdAt' ? 'created_at' : name, dated(text))
  }
  return attributes
}

function timestampIn(texts: Texts): string | undefined {
  const given = scalar(texts, 'timestamp', 'originalTimestamp')
  return given === undefined ? undefined : String(secondsOf(given) ?? Number(given))
}

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** Unix seconds of an ISO 8601 text; without a zone it is UTC. */
function secondsOf(text: string): number | undefined {
  if (!DATE.test(text)) return undefined
  const isZoned = /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10))
  const ms = Date.parse(isZoned || text.length === 10 ? text : `${text}Z`)
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

/** Objects within objects, so deep and no deeper, are looked through for dates. */
const DEPTH = 20

/** A value with its dates as unix seconds, those in lists excepted. */
function dated(text: string, depth = 0): string {
  const value = text.startsWith('"') ? parseJson(text) : undefined
  if (typeof value === 'string') return String(secondsOf(value) ?? text)
  if (!text.startsWith('{') || depth === DEPTH) return text
  return objectText([...memberMap(text)].map(([name, member]) => [name, dated(member, depth + 1)]))
}
