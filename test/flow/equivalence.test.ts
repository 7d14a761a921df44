/**
 * The same said through v1, v2 and Pipelines, through the gateway and straight to Customer.io, leaves the same: acts of
 * every kind that all three can say. What is said of a person and of an object she is related to has no order between the two
 * (ARCHITECTURE.md), so the relationships come when the people are there.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts'
import { cases } from '../cases.ts'
import { holdings } from './holdings.ts'
import { stand } from './stand.ts'

const NOW = 1_790_000_000
const ACTS = cases(200, 1_000)

interface Act {
  readonly kind:
    | 'identify'
    | 'event'
    | 'page'
    | 'screen'
    | 'add_device'
    | 'delete_device'
    | 'merge'
    | 'delete'
  readonly id: string
  readonly other: string
  readonly data: Readonly<Record<string, unknown>>
  readonly name: string
  readonly token: string
  readonly ulid: string
  readonly seconds: number
}

/** Values of every kind that JSON has. A date is left out: Pipelines makes seconds of it, as Customer.io itself does. */
const text = fc.string({ maxLength: 12, unit: 'grapheme' })
const scalar = fc.oneof(text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean())
const value = fc.oneof(
  scalar,
  fc.constant(null),
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(text, fc.oneof(scalar, fc.dictionary(text, scalar, { maxKeys: 2 })), { maxKeys: 3 }),
)
const data = fc.dictionary(
  fc.oneof(
    fc.constantFrom('plan', 'city', 'n', 'größe', '数', '😀'),
    text.map((name) => `k${name}`),
  ),
  value,
  { maxKeys: 4 },
)
const id = fc.oneof(
  fc.stringMatching(/^[a-z]{1,2}$/),
  fc.stringMatching(/^[a-z]$/).map((name) => `${name}@example.com`),
  fc.constantFrom('é', 'e\u0301', 'a/b', 'a b', '100%', '+1', '😀', '12345678901234567890'),
)
const act = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Act['kind']>('identify', 'event') },
    { weight: 2, arbitrary: fc.constantFrom<Act['kind']>('page', 'screen', 'add_device', 'delete_device') },
    { weight: 1, arbitrary: fc.constantFrom<Act['kind']>('merge', 'delete') },
  ),
  id,
  other: id,
  data,
  name: fc.oneof(fc.constantFrom('order', 'café', 'a/b', '数'), fc.stringMatching(/^\w{1,20}$/)),
  token: fc.constantFrom('t1', 't2', 'ä/1'),
  // Of a few ids some come twice, and take effect once.
  ulid: fc.integer({ min: 0, max: 400 }).map((n) => `01JDBYA8${String(n).padStart(18, '0')}`),
})
const acts: readonly Act[] = fc
  .sample(act, { numRuns: ACTS, seed: 4 })
  .map((one, n) => ({ ...one, seconds: NOW - ACTS + n }))
const relations = ['a', 'b', 'c', 'é'].map((person, n) => ({ person, object: `acme ${n}`, role: 'ä' }))

const identifiers = (id: string) => (id.includes('@') ? { email: id } : { id })
const isView = (kind: string) => kind === 'event' || kind === 'page' || kind === 'screen'

type Say = (url: string, path: string, body: object, method?: string) => Promise<void>

interface Way {
  readonly user: string
  readonly acts: (say: Say, url: string) => Promise<void>
  readonly relations: (say: Say, url: string) => Promise<void>
}

const toV2 = ({ kind, id, other, data, name, token, ulid, seconds }: Act) => {
  if (kind === 'merge')
    return { type: 'person', action: kind, primary: identifiers(id), secondary: identifiers(other) }
  const item = { type: 'person', identifiers: identifiers(id), action: kind }
  if (isView(kind)) return { ...item, name, id: ulid, timestamp: seconds, attributes: data }
  if (kind === 'identify') return { ...item, timestamp: seconds, attributes: data }
  if (kind === 'delete_device') return { ...item, device: { token } }
  if (kind === 'add_device')
    return {
      ...item,
      device: { token, platform: 'ios', last_used: seconds, attributes: { app_version: name } },
    }
  return item
}

const toPipelines = ({ kind, id, other, data, name, token, ulid, seconds }: Act) => {
  const at = { userId: id, timestamp: new Date(seconds * 1000).toISOString() }
  const device = { context: { device: { token, type: 'ios' } } }
  if (kind === 'merge') return { type: 'alias', userId: id, previousId: other }
  if (kind === 'identify') return { type: kind, ...at, traits: data }
  if (kind === 'event') return { type: 'track', ...at, event: name, properties: data, messageId: ulid }
  if (kind === 'page' || kind === 'screen')
    return { type: kind, ...at, name, properties: data, messageId: ulid }
  if (kind === 'delete') return { type: 'track', ...at, event: 'User Deleted' }
  if (kind === 'delete_device') return { type: 'track', ...at, ...device, event: 'Device Deleted' }
  return {
    ...{ type: 'track', ...at, ...device },
    event: 'Device Created or Updated',
    properties: { app_version: name },
  }
}

async function sayV1(say: Say, url: string, one: Act): Promise<void> {
  const { kind, id, other, data, name, token, ulid, seconds } = one
  const path = `/api/v1/customers/${encodeURIComponent(id)}`
  if (kind === 'identify') await say(url, path, { ...data, _timestamp: seconds }, 'PUT')
  else if (isView(kind))
    await say(url, `${path}/events`, { name, type: kind, id: ulid, timestamp: seconds, data })
  else if (kind === 'delete') await say(url, path, {}, 'DELETE')
  else if (kind === 'delete_device')
    await say(url, `${path}/devices/${encodeURIComponent(token)}`, {}, 'DELETE')
  else if (kind === 'merge')
    await say(url, '/api/v1/merge_customers', { primary: identifiers(id), secondary: identifiers(other) })
  else {
    const device = { id: token, platform: 'ios', last_used: seconds, attributes: { app_version: name } }
    await say(url, `${path}/devices`, { device }, 'PUT')
  }
}

const related = (object: string, role: string) => [
  { identifiers: { object_type_id: '1', object_id: object }, relationship_attributes: { role } },
]

const WAYS: Readonly<Record<string, Way>> = {
  v1: {
    user: 'dev:dev',
    acts: async (say, url) => {
      for (const one of acts) await sayV1(say, url, one)
    },
    relations: async (say, url) => {
      for (const { person, object, role } of relations) {
        const change = { action: 'add_relationships', relationships: related(object, role) }
        const body = { cio_relationships: change, _timestamp: NOW }
        await say(url, `/api/v1/customers/${encodeURIComponent(person)}`, body, 'PUT')
      }
    },
  },
  v2: {
    user: 'dev:dev',
    acts: (say, url) => say(url, '/api/v2/batch', { batch: acts.map(toV2) }),
    relations: (say, url) =>
      say(url, '/api/v2/batch', {
        batch: relations.map(({ person, object, role }) => ({
          ...{ type: 'person', action: 'add_relationships', identifiers: { id: person } },
          cio_relationships: related(object, role),
        })),
      }),
  },
  pipelines: {
    user: 'dev:',
    acts: (say, url) => say(url, '/v1/batch', { batch: acts.map(toPipelines) }),
    relations: (say, url) =>
      say(url, '/v1/batch', {
        batch: relations.map(({ person, object, role }) => ({
          ...{ type: 'group', userId: person, groupId: object },
          traits: { relationshipAttributes: { role } },
        })),
      }),
  },
}

const sayAs =
  (user: string): Say =>
  async (url, path, body, method = 'POST') => {
    const headers = { authorization: `Basic ${btoa(user)}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) })
    assert.equal(await answer.text(), '{}\n', `${method} ${path}`)
  }

/** People, objects, and every event with its time. */
async function left(emulator: Emulator) {
  const events = emulator
    .events()
    .map(({ name, type, person, data, timestamp }) => JSON.stringify({ name, type, person, data, timestamp }))
  const held = withoutCioIds(emulator, await holdings(emulator))
  return { ...held, events: events.sort() }
}

/** Customer.io gives its own ids as it goes: what stands for a person is called by how the application calls her. */
function withoutCioIds(emulator: Emulator, held: Awaited<ReturnType<typeof holdings>>) {
  const keys = new Map(emulator.people().map(({ cio_id, key }) => [cio_id, key]))
  const named = JSON.stringify(held, (_name, value: unknown) =>
    typeof value === 'string' ? (keys.get(value) ?? value) : value,
  )
  const { people, objects } = JSON.parse(named)
  const sorted = (list: readonly object[]) => list.map((one) => JSON.stringify(one)).sort()
  return { people, objects: sorted(Object.values<object>(objects).flat()) }
}

test(`${ACTS} acts said through v1, v2, Pipelines, and straight to Customer.io leave the same`, async (t) => {
  const found: [way: string, left: object][] = []
  for (const [name, { user, acts: sayActs, relations: sayRelations }] of Object.entries(WAYS)) {
    const say = sayAs(user)
    const at = await stand()
    await sayActs(say, at.gateway.url)
    await at.drained()
    await sayRelations(say, at.gateway.url)
    await at.drained()
    found.push([`${name} through the gateway`, await left(at.emulator)])
    const { dead, missing } = await at.gateway.conservation()
    assert.deepEqual([dead, missing], [0, 0], name)
    await using straight = await startEmulator({ port: 0 })
    await sayActs(say, straight.url)
    straight.settle()
    await sayRelations(say, straight.url)
    straight.settle()
    found.push([name, await left(straight)])
  }
  const [, first] = found[0] ?? []
  for (const [way, other] of found) assert.deepEqual(other, first, way)
  const { people, events } = first as {
    people: { devices: unknown[]; relationships: unknown[] }[]
    events: unknown[]
  }
  t.diagnostic(`${people.length} people, ${events.length} events`)
  assert.ok(people.some(({ devices }) => devices.length > 0))
  assert.ok(people.some(({ relationships }) => relationships.length > 0))
})
