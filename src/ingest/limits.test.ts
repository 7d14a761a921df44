/** Every limit of the fact sheet: one byte below it, at it, and one above, through each API that can say it. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { silent } from '../core/notices.ts'
import { makeUlids } from '../core/ulid.ts'
import { createServer } from '../http/server.ts'
import { policiesWith, type RuleName } from '../preflight/rules.ts'
import type { Draft } from './draft.ts'
import { Judge } from './judge.ts'
import { trackRoutes } from './routes.ts'

const taken: Draft[] = []
const server = createServer({ clock: systemClock, ulids: makeUlids() })
await server.app.register(
  trackRoutes({
    intake: { accept: async (drafts) => drafts.map((draft) => String(taken.push(draft))) },
    judge: new Judge({ policies: policiesWith(), clock: systemClock, notify: silent }),
    nameSource: () => 'web',
    nameWriter: () => 'web',
    region: 'us',
    notify: silent,
  }),
)
after(() => server.stop({ graceMs: 0 }))

interface Said {
  readonly method?: 'PUT' | 'POST'
  readonly path: string
  readonly body: string | object
}

async function say({ method = 'POST', path, body }: Said, headers: Record<string, string> = {}) {
  taken.length = 0
  const payload = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await server.app.inject({ method, url: path, payload, headers })
  const rules = String(answer.headers['x-sluice-refused'] ?? '')
  return { status: answer.statusCode, rules, body: answer.body, taken: taken.length }
}

/** So many bytes of UTF-8, in characters of one to four of them. */
function text(bytes: number): string {
  const rest = bytes % 10
  return 'xé€😀'.repeat((bytes - rest) / 10) + 'x'.repeat(rest)
}
const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, n]))

type Make = (size: number) => Said

const v2 = (item: object): Said => ({ path: '/api/v2/entity', body: item })
const person = (action: string, more: object, identifiers: object = { id: '1' }) =>
  v2({ type: 'person', identifiers, action, ...more })
const company = (attributes: object, id = 'acme') =>
  v2({ type: 'object', identifiers: { object_type_id: '1', object_id: id }, action: 'identify', attributes })
const related = (id: string, attributes: object) =>
  person('add_relationships', {
    cio_relationships: [
      { identifiers: { object_type_id: '1', object_id: id }, relationship_attributes: attributes },
    ],
  })
const put = (attributes: object, id = '1'): Said => ({
  method: 'PUT',
  path: `/api/v1/customers/${encodeURIComponent(id)}`,
  body: attributes,
})
const eventV1 = (event: object, id = '1'): Said => ({
  path: `/api/v1/customers/${encodeURIComponent(id)}/events`,
  body: event,
})
const traits = (given: object, userId = '1'): Said => ({
  path: '/v1/identify',
  body: { userId, traits: given },
})
const padded = (bytes: number, frame: string): string =>
  frame.replace('"~"', () => `"${text(bytes - frame.length + 1)}"`)
const ITEM = '{"type":"person","identifiers":{"id":"1"},"action":"event","name":"n","attributes":{"p":"~"}}'

/** What Sluice adds to an event that has neither: `"id":"<26 characters>",` and `"timestamp":<10 digits>,`. */
const ADDED = 34 + 23
const ofPhone = (more: string) =>
  `{"type":"person","identifiers":{"phone":"+4930123"},"action":"event","name":"n",${more}"attributes":{"p":"~"}}`
const OWN_ID = '"id":"01K0000000000000000000000A","timestamp":1790000000,'
const device = (more: string) => `{${more}"platform":"ios","last_used":1,"p":"~"}`
/** What a device of v1 has more in v2, where its id is a token. */
const MORE_IN_V2 = '"type":"person","identifiers":{"id":"1"},"action":"add_device",'.length + 3

const CASES: readonly [what: string, rule: RuleName, limit: number, make: Make][] = [
  [
    'v2: an event by phone, which v1 has no form for, with what is added to it',
    'item_bytes',
    LIMITS.itemBytes,
    (n) => ({ path: '/api/v2/entity', body: padded(n - ADDED, ofPhone('')) }),
  ],
  [
    'v1: a device, which goes by v2',
    'item_bytes',
    LIMITS.itemBytes,
    (n) => ({
      method: 'PUT',
      path: '/api/v1/customers/1/devices',
      body: padded(n - MORE_IN_V2, `{"device":${device('"id":"t",')}}`),
    }),
  ],
  ['v1: an id in the path', 'id_bytes', 150, (n) => put({}, text(n))],
  ['v1: an address in the path', 'id_bytes', 150, (n) => put({}, `${text(n - 4)}@x.y`)],
  ['v1: a cio_id in the path', 'id_bytes', 150, (n) => put({}, `cio_${text(n)}`)],
  ['v1: the id of whom an event is about', 'id_bytes', 150, (n) => eventV1({ name: 'n' }, text(n))],
  ['v1: an id among the attributes', 'id_bytes', 150, (n) => put({ id: text(n) }, 'a@b.c')],
  ['v1: an address among the attributes', 'id_bytes', 150, (n) => put({ email: `${text(n - 4)}@x.y` })],
  [
    'v1: the secondary of a merge',
    'id_bytes',
    150,
    (n) => ({ path: '/api/v1/merge_customers', body: { primary: { id: '1' }, secondary: { id: text(n) } } }),
  ],
  ['v2: an id', 'id_bytes', 150, (n) => person('delete', {}, { id: text(n) })],
  [
    'v2: an id that is a number',
    'id_bytes',
    150,
    (n) => ({
      path: '/api/v2/entity',
      body: `{"type":"person","identifiers":{"id":${'7'.repeat(n)}},"action":"delete"}`,
    }),
  ],
  ['v2: an address', 'id_bytes', 150, (n) => person('delete', {}, { email: `${text(n - 4)}@x.y` })],
  ['v2: the id of an object', 'id_bytes', 150, (n) => company({}, text(n))],
  ['v2: the id of an object in a relationship', 'id_bytes', 150, (n) => related(text(n), {})],
  ['Pipelines: a userId', 'id_bytes', 150, (n) => traits({}, text(n))],
  [
    'Pipelines: a groupId',
    'id_bytes',
    150,
    (n) => ({ path: '/v1/group', body: { userId: '1', groupId: text(n) } }),
  ],
  [
    'Pipelines: a previousId',
    'id_bytes',
    150,
    (n) => ({ path: '/v1/alias', body: { userId: '1', previousId: text(n) } }),
  ],
  ['v1: the name of an attribute', 'attribute_name_bytes', 150, (n) => put({ [text(n)]: 1 })],
  [
    'v2: the name of an attribute',
    'attribute_name_bytes',
    150,
    (n) => person('identify', { attributes: { [text(n)]: 1 } }),
  ],
  [
    'v2: the name of an attribute of an object',
    'attribute_name_bytes',
    150,
    (n) => company({ [text(n)]: 1 }),
  ],
  [
    'v2: the name of an attribute of a relationship',
    'attribute_name_bytes',
    150,
    (n) => related('a', { [text(n)]: 1 }),
  ],
  ['Pipelines: the name of a trait', 'attribute_name_bytes', 150, (n) => traits({ [text(n)]: 1 })],
  ['v1: the value of an attribute', 'attribute_value_bytes', 1000, (n) => put({ plan: text(n) })],
  ['v1: a value with escapes', 'attribute_value_bytes', 1000, (n) => put({ plan: `"\n${text(n - 2)}` })],
  ['v1: a value that is a list', 'attribute_value_bytes', 1000, (n) => put({ plan: [text(n - 4)] })],
  [
    'v1: a value that is a number',
    'attribute_value_bytes',
    1000,
    (n) => ({ ...put({}), body: `{"plan":${'7'.repeat(n)}}` }),
  ],
  [
    'v2: the value of an attribute',
    'attribute_value_bytes',
    1000,
    (n) => person('identify', { attributes: { plan: text(n) } }),
  ],
  [
    'v2: the value of an attribute of an object',
    'attribute_value_bytes',
    1000,
    (n) => company({ plan: text(n) }),
  ],
  [
    'v2: the value of an attribute of a relationship',
    'attribute_value_bytes',
    1000,
    (n) => related('a', { role: text(n) }),
  ],
  ['Pipelines: the value of a trait', 'attribute_value_bytes', 1000, (n) => traits({ plan: text(n) })],
  ['v1: attributes', 'attribute_count', 300, (n) => put(members(n))],
  [
    'v1: attributes beside a _timestamp',
    'attribute_count',
    300,
    (n) => put({ ...members(n), _timestamp: 1_700_000_000 }),
  ],
  ['v2: attributes', 'attribute_count', 300, (n) => person('identify', { attributes: members(n) })],
  ['v2: attributes of an object', 'attribute_count', 300, (n) => company(members(n))],
  ['v2: attributes of a relationship', 'attribute_count', 300, (n) => related('a', members(n))],
  ['Pipelines: traits', 'attribute_count', 300, (n) => traits(members(n))],
  ['v1: the name of an event', 'event_name_bytes', 100, (n) => eventV1({ name: text(n) })],
  [
    'v1: a name without the spaces around it',
    'event_name_bytes',
    100,
    (n) => eventV1({ name: ` ${text(n)} ` }),
  ],
  [
    'v1: the name of an anonymous event',
    'event_name_bytes',
    100,
    (n) => ({ path: '/api/v1/events', body: { anonymous_id: 'a', name: text(n) } }),
  ],
  ['v2: the name of an event', 'event_name_bytes', 100, (n) => person('event', { name: text(n) })],
  ['v2: the name of a page', 'event_name_bytes', 100, (n) => person('page', { name: text(n) })],
  [
    'Pipelines: an event',
    'event_name_bytes',
    100,
    (n) => ({ path: '/v1/track', body: { userId: '1', event: text(n) } }),
  ],
  [
    'v1: the data of an event',
    'event_data_bytes',
    100_000,
    (n) => eventV1({ name: 'n', data: { p: text(n - 8) } }),
  ],
  [
    'v1: the data of an anonymous event',
    'event_data_bytes',
    100_000,
    (n) => ({ path: '/api/v1/events', body: { name: 'n', anonymous_id: 'a', data: { p: text(n - 8) } } }),
  ],
  [
    'v1: people added to a segment',
    'segment_ids',
    1000,
    (n) => ({
      path: '/api/v1/segments/1/add_customers',
      body: { ids: Array.from({ length: n }, (_, at) => `p${at}`) },
    }),
  ],
  [
    'v1: people removed from a segment',
    'segment_ids',
    1000,
    (n) => ({
      path: '/api/v1/segments/1/remove_customers',
      body: { ids: Array.from({ length: n }, (_, at) => `p${at}`) },
    }),
  ],
  ['v2: an entity', 'item_bytes', 32_768, (n) => ({ path: '/api/v2/entity', body: padded(n, ITEM) })],
  [
    'Pipelines: a message',
    'item_bytes',
    32_768,
    (n) => ({ path: '/v1/track', body: padded(n, '{"userId":"1","event":"n","properties":{"p":"~"}}') }),
  ],
  [
    'v2: a batch',
    'batch_bytes',
    512_000,
    (n) => ({ path: '/api/v2/batch', body: `{"batch":[${ITEM}]${' '.repeat(n - ITEM.length - 12)}}` }),
  ],
  [
    'Pipelines: a batch',
    'batch_bytes',
    512_000,
    (n) => ({ path: '/v1/batch', body: `{"batch":[${' '.repeat(n - 12)}]}` }),
  ],
]

for (const [what, rule, limit, make] of CASES)
  test(`${what}: ${rule}, ${limit - 1} and ${limit} are taken, ${limit + 1} is refused`, async () => {
    for (const size of [limit - 1, limit]) {
      const { status, rules, body } = await say(make(size))
      assert.deepEqual([status, rules, body], [200, '', '{}\n'], `${size}`)
    }
    const over = make(limit + 1)
    const strict = await say(over, { 'x-strict-mode': '1' })
    const isV2Batch = over.path === '/api/v2/batch'
    assert.deepEqual([strict.status, strict.rules, strict.taken], [isV2Batch ? 413 : 400, rule, 0])
    assert.match(strict.body, new RegExp(`${rule}\\)`))
    assert.match(strict.body, /"(meta|errors)":/)
    if (!over.path.startsWith('/v1/')) return
    const lax = await say(over)
    assert.deepEqual([lax.status, lax.body, lax.rules, lax.taken], [200, '{}\n', rule, 0])
  })

test('in a batch the one item is named, by each of its faults, and the others are taken', async () => {
  const good = { type: 'person', identifiers: { id: '1' }, action: 'identify', attributes: { a: text(1000) } }
  const bad = { ...good, identifiers: { id: text(151) }, attributes: { plan: text(1001) } }
  const answer = await say({ path: '/api/v2/batch', body: { batch: [good, bad, good] } })
  assert.deepEqual([answer.status, answer.taken, answer.rules], [207, 2, 'attribute_value_bytes, id_bytes'])
  assert.deepEqual(JSON.parse(answer.body), {
    errors: [
      {
        batch_index: 1,
        reason: 'invalid',
        field: 'identifiers.id',
        message: 'id cannot be longer than 150 bytes: it has 151 (rule id_bytes)',
      },
      {
        batch_index: 1,
        reason: 'invalid',
        field: 'attributes.plan',
        message:
          'property value cannot be longer than 1000 bytes: that of plan has 1001 (rule attribute_value_bytes)',
      },
    ],
  })
})

test('an item of 32 KB is taken in a batch, and one byte more is its own error', async () => {
  for (const [api, frame] of [
    ['/api/v2/batch', ITEM],
    ['/v1/batch', '{"type":"track","userId":"1","event":"n","properties":{"p":"~"}}'],
  ] as const) {
    const batch = [0, 1].map((more) => padded(LIMITS.itemBytes + more, frame)).join(',')
    const answer = await say({ path: api, body: `{"batch":[${batch}]}` })
    assert.deepEqual([answer.status, answer.taken], [api === '/v1/batch' ? 200 : 207, 1])
  }
})

test('in a batch as well, what would not fit with what is added to it is its own error, and fits with an id and a time of its own', async () => {
  const [added, own] = [ofPhone(''), ofPhone(OWN_ID)]
  const idLikeMail = ITEM.replace('"1"', '"a@b.c"')
  const items = [
    padded(LIMITS.itemBytes - ADDED, added),
    padded(LIMITS.itemBytes - ADDED + 1, added),
    padded(LIMITS.itemBytes, own),
    padded(LIMITS.itemBytes, ITEM),
    padded(LIMITS.itemBytes - ADDED + 1, idLikeMail),
  ]
  const answer = await say({ path: '/api/v2/batch', body: `{"batch":[${items.join(',')}]}` })
  assert.deepEqual([answer.status, answer.taken, answer.rules], [207, 3, 'item_bytes'])
  const { errors } = JSON.parse(answer.body) as { errors: { batch_index: number; message: string }[] } // the answer of v2
  assert.deepEqual(
    errors.map(({ batch_index: index }) => index),
    [1, 4],
  )
  assert.match(errors[0]?.message ?? '', /at most 32768 bytes: this has 32769 with the id and the time/)
})
