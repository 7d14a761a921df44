/**
 * Every answer that the emulator can give, against the facts of Customer.io's own descriptions (August 2026) as they are kept
 * in test/fixtures/customerio-answers.json: operations, statuses and shapes, without their words. Objects are taken as
 * closed, so that a member which Customer.io does not document is an error as well.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Ajv, type ValidateFunction } from 'ajv'
import { systemClock } from '../core/clock.ts'
import { isObject, type JsonObject } from '../core/json.ts'
import type { Answer } from './answers.ts'
import { faultAnswer } from './fault-answer.ts'
import { Service, type ServiceRequest } from './service.ts'

interface Operation {
  readonly api: 'track' | 'pipelines' | 'app'
  readonly method: string
  /** With parameters such as `{identifier}`. */
  readonly path: string
  readonly auth: 'none' | 'basic' | 'write key' | 'bearer'
  /** By status, the schema of the body; null where none is documented. */
  readonly answers: Readonly<Record<string, JsonObject | null>>
}

interface Facts {
  readonly $defs: JsonObject
  readonly operations: readonly Operation[]
}

const { $defs, operations }: Facts = JSON.parse(
  readFileSync(new URL('../../test/fixtures/customerio-answers.json', import.meta.url), 'utf8'),
)

/** Where an answer differs from what is documented on purpose; the coverage table says why. */
const DIFFERENCES: Readonly<Record<string, JsonObject>> = {
  'GET /api/v1/accounts/region 200': { url: { type: 'string' }, data_center: { enum: ['us', 'eu'] } },
}

/** Documented answers that the emulator never gives, and why. */
const NEVER: Readonly<Record<string, string>> = {
  'GET /v1/messages/{id} 200': 'there are no deliveries',
  'GET /v1/messages/{id}/archived_message 200': 'there are no deliveries',
  'GET /v1/campaigns/{id} 200': 'there are none',
  'GET /v1/broadcasts/{id} 200': 'there are none',
  'GET /v1/newsletters/{id} 200': 'there are none',
  'GET /v1/sender_identities/{id} 200': 'there are none',
  'GET /v1/sender_identities/{id}/used_by 200': 'there are none',
  'GET /v1/transactional/{id} 200': 'there are none',
  'GET /v1/transactional/{id}/contents 200': 'there are none',
  'GET /v1/transactional/{id}/messages 200': 'there are none',
  'GET /v1/transactional/{id}/metrics 200': 'there are none',
  'GET /v1/collections/{id} 200': 'there are none',
  'GET /v1/reporting_webhooks/{id} 200': 'there are none',
  'GET /v1/imports/{id} 200': 'there are none',
}

/** Statuses that the emulator gives and Customer.io does not document for the call; the coverage table calls them uncertain. */
const UNDOCUMENTED: Readonly<Record<string, string>> = {
  'PUT /api/v1/customers/{identifier} 400': 'what is too long',
  'DELETE /api/v1/customers/{identifier} 400': 'what is too long',
  'POST /api/v1/customers/{identifier}/suppress 400': 'what is too long',
  'POST /api/v1/customers/{identifier}/unsuppress 400': 'what is too long',
  'POST /api/v1/forms/{form_id}/submit 401':
    'credentials are asked for, and what becomes of wrong ones is not said',
  'POST /api/v1/metrics 400': 'a metric that does not exist',
  'POST /api/v1/push/events 400': 'an event that does not exist',
}

const nameOf = ({ method, path }: Operation): string => `${method} ${path}`

/** A schema in which no object has members beside those it names. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (!isObject(schema)) return schema
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  const isOpen = schema.properties === undefined || schema.additionalProperties !== undefined
  return isOpen || schema.type !== 'object' ? members : { ...members, additionalProperties: false }
}

const ajv = new Ajv({ allowUnionTypes: true, strictRequired: false })
const definitions = closed($defs) as JsonObject // a closed object is an object

function validatorOf(operation: Operation, status: number): ValidateFunction | undefined {
  const schema = operation.answers[status]
  if (schema === undefined || schema === null) return undefined
  const different = DIFFERENCES[`${nameOf(operation)} ${status}`]
  const properties = isObject(schema.properties) ? { ...schema.properties, ...different } : undefined
  const whole = { ...schema, ...(different && { properties }), $defs: definitions }
  return ajv.compile(closed(whole) as JsonObject)
}

/** Errors of the Track and Pipelines APIs that have no schema of their own: one of the two that others have. */
const META = ajv.compile({ $ref: '#/$defs/meta', $defs: definitions })
const ITEMS = ajv.compile({ $ref: '#/$defs/items', $defs: definitions })
const APP = ajv.compile({ $ref: '#/$defs/app', $defs: definitions })

const ADA = { attribute: { field: 'plan', operator: 'eq', value: 'pro' } }
const PERSON = { type: 'person', identifiers: { id: 'ada' }, action: 'identify', attributes: { plan: 'pro' } }
const ANON = { name: 'seen', anonymous_id: 'a1' }

/** What fills a parameter of a path so that something is there. */
const PARAMETERS: Readonly<Record<string, string>> = {
  device_id: 'token',
  segment_id: '1',
  form_id: 'f',
  delivery_id: 'd',
  type: '1',
}

const idIn = (path: string): string => {
  if (/^\/v1\/(customers|subscription_center)/.test(path)) return 'ada'
  return path.startsWith('/v1/objects') ? 'acme' : '1'
}

/** Bodies that are taken, and bodies that are not. */
const BODIES: Readonly<Record<string, { readonly good?: unknown; readonly bad?: unknown }>> = {
  'PUT /api/v1/customers/{identifier}': { good: { email: 'ada@x.io' } },
  'PUT /api/v1/customers/{identifier}/devices': {
    good: { device: { id: 'token', platform: 'ios', attributes: { push_enabled: true } } },
    bad: { device: { id: 'token' } },
  },
  'POST /unsubscribe/{delivery_id}': { good: { unsubscribe: true }, bad: 'no object' },
  'POST /api/v1/customers/{identifier}/events': { good: { name: 'order' }, bad: {} },
  'POST /api/v1/events': { good: ANON, bad: { name: 'x'.repeat(101) } },
  'POST /api/v1/forms/{form_id}/submit': { good: { data: { id: 'ada' } }, bad: { data: {} } },
  'POST /api/v1/merge_customers': {
    good: { primary: { id: 'ada' }, secondary: { id: 'nobody' } },
    bad: { primary: { id: 'ada', email: 'a@x.io' }, secondary: { id: 'b' } },
  },
  'POST /api/v1/metrics': { good: { delivery_id: 'd', metric: 'opened' }, bad: { metric: 'seen' } },
  'POST /api/v1/push/events': { good: { delivery_id: 'd', event: 'opened' }, bad: {} },
  'POST /api/v1/segments/{segment_id}/add_customers': { good: { ids: ['ada'] }, bad: { ids: [] } },
  'POST /api/v1/segments/{segment_id}/remove_customers': { good: { ids: ['ada'] }, bad: {} },
  'POST /api/v2/entity': { good: PERSON, bad: { ...PERSON, identifiers: {} } },
  'POST /api/v2/batch': { good: { batch: [PERSON] }, bad: { batch: {} } },
  'POST /v1/identify': { good: { userId: 'ada' }, bad: {} },
  'POST /v1/track': { good: { userId: 'ada', event: 'x' }, bad: { userId: 'ada' } },
  'POST /v1/page': { good: { userId: 'ada', name: 'x' }, bad: {} },
  'POST /v1/screen': { good: { userId: 'ada', name: 'x' }, bad: {} },
  'POST /v1/group': { good: { userId: 'ada', groupId: 'acme' }, bad: {} },
  'POST /v1/alias': { good: { userId: 'ada', previousId: 'b' }, bad: {} },
  'POST /v1/batch': { good: { batch: [{ type: 'identify', userId: 'ada' }] }, bad: { batch: [{}] } },
  'POST /v1/customers': { good: { filter: ADA }, bad: { filter: {} } },
  'POST /v1/customers/attributes': { good: { ids: ['ada'] }, bad: {} },
  'POST /v1/segments': { good: { segment: { name: 'VIP' } }, bad: { segment: {} } },
  'POST /v1/objects': {
    good: { object_type_id: '1', filter: { object_attribute: { ...ADA.attribute, type_id: '1' } } },
    bad: { object_type_id: '1' },
  },
  'POST /v1/exports/customers': { good: { filters: ADA }, bad: {} },
  'POST /v1/exports/deliveries': { good: { newsletter_id: 1 }, bad: {} },
}

const CREDENTIALS = {
  none: undefined,
  basic: `Basic ${btoa('dev:dev')}`,
  'write key': `Basic ${btoa('dev:')}`,
  bearer: 'Bearer dev',
} as const

interface Variation {
  readonly id?: string
  /** Of a person in a path of Track v1. */
  readonly identifier?: string
  readonly query?: string
  readonly body?: unknown
  readonly authorization?: string
}

function requestOf(operation: Operation, vary: Variation = {}): ServiceRequest {
  const id = vary.id ?? idIn(operation.path)
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === 'identifier' ? (vary.identifier ?? 'ada') : (PARAMETERS[name] ?? id),
  )
  const { good } = BODIES[nameOf(operation)] ?? {}
  const body = vary.body ?? good
  return {
    method: operation.method,
    path: `${path}${vary.query ?? ''}`,
    headers: {
      host: 'localhost',
      'content-type': 'application/json',
      'x-strict-mode': '1',
      authorization: vary.authorization ?? CREDENTIALS[operation.auth],
    },
    body: body === undefined ? '' : JSON.stringify(body),
  }
}

/** A workspace in which every read finds something. */
function furnished(): Service {
  const service = new Service({ clock: systemClock, random: () => 0.5 })
  const said = (name: string, vary: Variation) => {
    const operation = operations.find((each) => nameOf(each) === name)
    assert.ok(operation !== undefined, name)
    assert.ok(service.answer(requestOf(operation, vary)).status < 300, name)
  }
  const acme = { object_type_id: '1', object_id: 'acme' }
  const related = [{ identifiers: acme, relationship_attributes: { role: 'owner' } }]
  const preferences = { topics: { topic_1: true } }
  const ada = {
    ...PERSON,
    attributes: { email: 'ada@x.io', plan: 'pro', n: 1, cio_subscription_preferences: preferences },
    cio_relationships: related,
  }
  said('POST /api/v2/batch', {
    body: {
      batch: [
        ada,
        { type: 'person', action: 'event', identifiers: { id: 'ada' }, name: 'order' },
        { type: 'object', action: 'identify', identifiers: acme, attributes: { plan: 'pro' } },
        {
          type: 'person',
          action: 'identify',
          identifiers: { email: 'ben@x.io' },
          attributes: { plan: 'pro' },
        },
        { type: 'person', action: 'suppress', identifiers: { id: 'gone' } },
        { type: 'person', action: 'identify', identifiers: { id: 'gone' } },
        { type: 'person', action: 'delete', identifiers: { email: 'ben@x.io' } },
        {
          type: 'person',
          action: 'identify',
          identifiers: { email: 'cleo@x.io' },
          attributes: { plan: 'pro' },
        },
      ],
    },
  })
  said('PUT /api/v1/customers/{identifier}/devices', {})
  said('POST /api/v1/events', {})
  said('POST /api/v1/segments/{segment_id}/add_customers', {})
  said('POST /v1/exports/customers', {})
  service.workspace.settle()
  return service
}

/** The ways in which one call is answered otherwise than with success. */
const VARIATIONS: readonly ((operation: Operation) => Variation | undefined)[] = [
  ({ auth }) => (auth === 'none' ? undefined : { authorization: 'Basic d3Jvbmc6d3Jvbmc=' }),
  (operation) => {
    const { bad } = BODIES[nameOf(operation)] ?? {}
    return bad === undefined ? undefined : { body: bad }
  },
  ({ path }) => (path.includes('{identifier}') ? { identifier: 'x'.repeat(151) } : undefined),
  ({ path }) => (path.startsWith('/v1/') && path.includes('{id}') ? { id: 'nobody' } : undefined),
  ({ path }) => (path.startsWith('/v1/customers/{id}') ? { query: '?id_type=name' } : undefined),
  ({ path }) => (path === '/v1/activities' ? { query: '?customer_id=ada&id_type=name' } : undefined),
  ({ path }) =>
    path === '/api/v2/batch' ? { body: { batch: [PERSON, { ...PERSON, action: 'x' }] } } : undefined,
]

function answersOf(operation: Operation): Answer[] {
  const service = furnished()
  const variations = VARIATIONS.map((vary) => vary(operation)).filter((vary) => vary !== undefined)
  return [...variations, {}].map((vary) => service.answer(requestOf(operation, vary)))
}

function check(operation: Operation, { status, body, headers }: Answer): void {
  const name = `${nameOf(operation)} ${status}: ${body}`
  if (status === 204) assert.equal(body, '', name)
  else assert.match(headers['content-type'] ?? '', /^application\/json/, name)
  const validate = validatorOf(operation, status)
  if (validate !== undefined)
    assert.ok(validate(JSON.parse(body)), `${name}\n${ajv.errorsText(validate.errors)}`)
  else if (status === 200) assert.equal(body, '{}\n', name)
  else if (status >= 400) assert.ok(META(JSON.parse(body)), name)
}

describe('every documented operation', () => {
  const given = new Set<string>()
  for (const operation of operations)
    test(nameOf(operation), () => {
      for (const answer of answersOf(operation)) {
        assert.notEqual(answer.status, 501, nameOf(operation))
        check(operation, answer)
        given.add(`${nameOf(operation)} ${answer.status}`)
      }
    })

  test('gives every documented answer, but for those that are listed with a reason', () => {
    const documented = operations.flatMap((operation) =>
      Object.keys(operation.answers)
        .filter((status) => status !== '429') // the faults give it
        .map((status) => `${nameOf(operation)} ${status}`),
    )
    assert.deepEqual(documented.filter((answer) => !given.has(answer)).sort(), Object.keys(NEVER).sort())
  })

  test('gives no other, but for those that are listed as well', () => {
    const documented = new Set(
      operations.flatMap((operation) =>
        Object.keys(operation.answers).map((status) => `${nameOf(operation)} ${status}`),
      ),
    )
    const strict = /^POST \/v1\/(identify|track|page|screen|group|alias|batch) 40[01]$/ // documented of all of them
    const others = [...given].filter((answer) => !documented.has(answer) && !strict.test(answer))
    assert.deepEqual(others.sort(), Object.keys(UNDOCUMENTED).sort())
  })
})

test('a fault answers in the shape of the API that was called, whatever the status', () => {
  const wrong: string[] = []
  for (const operation of operations)
    for (const status of [400, 429, 500, 502, 503, 504]) {
      const answer = faultAnswer({ kind: 'status', status }, requestOf(operation).path)
      if (answer === undefined || answer === 'reset') continue
      const isV2 = operation.path.startsWith('/api/v2')
      const validate = operation.api === 'app' ? APP : isV2 ? ITEMS : META
      if (answer.status !== status || !validate(JSON.parse(answer.body)))
        wrong.push(`${nameOf(operation)} ${status}`)
    }
  assert.deepEqual(wrong, [])
})

test('a schema that is closed notices a member that is not documented, and one of the wrong kind', () => {
  const [operation] = operations.filter((each) => nameOf(each) === 'GET /v1/segments/{id}/customer_count')
  assert.ok(operation !== undefined)
  const validate = validatorOf(operation, 200)
  assert.deepEqual(
    [{ count: 1 }, { count: '1' }, { count: 1, more: 1 }, {}].map((body) => validate?.(body)),
    [true, false, false, false],
  )
})
