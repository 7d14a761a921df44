/**
 * The envelope of the reference architecture, `{type, userId, payload, timestamp, correlationId}`, in Track v2 form, so that
 * one reader judges whatever comes in. Producers write it in more than one way, so the ways that mean one thing are all
 * taken; values pass as they came. docs/asyncapi.yaml is the contract. Pure; all throw `bad_request`.
 */
import { members, objectText } from '../core/json.ts'
import { unixSeconds } from '../core/unix-time.ts'
import type { Item } from './draft.ts'
import type { Part } from './pipelines-part.ts'
import { itemOf } from './pipelines-translate.ts'
import { refuse } from './read-v1.ts'
import { toIdentifiers } from './translate-v1.ts'

type Translate = (body: Part) => Item

const TRANSLATE: Readonly<Record<string, Translate>> = {
  identify: (body) => about(body, 'identify', { attributes: attributesOf(body.part('payload')) }),
  track: (body) => about(body, 'event', namedData(body.part('payload'))),
  page: (body) => about(body, 'page', namedData(body.part('payload'))),
  screen: (body) => about(body, 'screen', namedData(body.part('payload'))),
  delete: (body) => about(body, 'delete'),
  suppress: (body) => about(body, 'suppress'),
  unsuppress: (body) => about(body, 'unsuppress'),
  alias: (body) =>
    itemOf({
      type: '"person"',
      action: '"merge"',
      primary: JSON.stringify(toIdentifiers(body.needId('userId'))),
      secondary: JSON.stringify(toIdentifiers(body.part('payload').needId('previousId'))),
    }),
}

const ENVELOPE_TYPES = Object.keys(TRANSLATE)

export function envelopeItem(body: Part): Item {
  const { type } = body.value
  const translate = typeof type === 'string' && Object.hasOwn(TRANSLATE, type) ? TRANSLATE[type] : undefined
  if (translate !== undefined) return translate(body)
  if (type === 'transactional') throw refuse('type', 'transactional belongs on customerio.transactional')
  throw refuse(
    'type',
    `type must be one of ${ENVELOPE_TYPES.join(', ')}, or person, object or delivery with the members of Track API v2`,
  )
}

type Texts = Readonly<Record<string, string | undefined>>

const about = (body: Part, action: string, more: Texts = {}): Item =>
  itemOf({
    type: '"person"',
    identifiers: JSON.stringify(identifiersOf(body)),
    action: JSON.stringify(action),
    timestamp: timeOf(body),
    ...more,
  })

/** Who it is about: as a path of Track v1 has it, or else somebody anonymous, or else whom the payload itself names. */
function identifiersOf(body: Part): object {
  const userId = body.id('userId')
  if (userId !== undefined) return toIdentifiers(userId)
  const anonymousId = body.id('anonymousId')
  if (anonymousId !== undefined) return { anonymous_id: anonymousId }
  if (body.value.type !== 'identify') throw refuse('userId', 'userId is required')
  const payload = body.part('payload')
  const id = payload.id('id')
  const email = payload.id('email')
  if (id === undefined && email === undefined)
    throw refuse('userId', 'userId is required, or an id or email in payload')
  return id === undefined ? { email } : { id }
}

/** From 1973 on a number of milliseconds has twelve digits; seconds have them from the year 5138 on. */
const MILLISECONDS = 1e11

/** When it happened, in unix seconds: from ISO 8601, seconds or milliseconds, since producers write all three. */
function timeOf(body: Part): string | undefined {
  const given = body.id('timestamp')
  if (given === undefined) return undefined
  const number = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN
  const seconds = number >= MILLISECONDS ? Math.floor(number / 1000) : number
  const read = Number.isNaN(seconds) ? unixSeconds(given) : seconds
  if (read === undefined)
    throw refuse('timestamp', 'timestamp must be an ISO 8601 date and time, or a unix time')
  return String(read)
}

/** The payload is the attributes, unless it holds them under a name. */
function attributesOf(payload: Part): string {
  for (const name of ['traits', 'attributes']) if (payload.has(name)) return payload.part(name).text
  return payload.text
}

const NAMES = ['event', 'name', 'eventName']
const DATA = ['properties', 'data', 'attributes']

/** An event's name, and its data: the object that holds them, or else all that the payload says beside the name. */
function namedData(payload: Part): Texts {
  const named = NAMES.find((name) => payload.has(name))
  const held = DATA.find((name) => payload.has(name))
  const name = named === undefined ? undefined : payload.textOf(named)
  if (held !== undefined) return { name, attributes: payload.part(held).text }
  const rest = members(payload.text).filter(({ key }) => key !== named)
  return {
    name,
    attributes: rest.length === 0 ? undefined : objectText(rest.map(({ key, value }) => [key, value])),
  }
}
