/** People: identifiers, attributes, merges, suppression, segments. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { DAY, type Fact, meta, SECONDS } from './world.ts'

export const PEOPLE: readonly Fact[] = [
  [
    'T',
    'the kind of an identifier follows from its shape; a phone number in a path is an id',
    (at) => {
      for (const id of ['7', 'a@x.io', '+4912345']) at.put(encodeURIComponent(id))
      ok(at.person('id:7'))
      ok(at.person('email:a@x.io'))
      ok(at.person('id:+4912345'))
      equal(at.person('phone:+4912345'), undefined)
    },
  ],
  [
    'T',
    'e-mail addresses are compared without case',
    (at) => {
      at.put('a@x.io', { plan: 'pro' })
      at.put('A@X.io', { city: 'Oslo' })
      deepEqual(at.person('email:a@x.io')?.attributes, { plan: 'pro', city: 'Oslo' })
    },
  ],
  [
    'T',
    'a path that nobody has goes to the person whom the body names',
    (at) => {
      at.put('1', { email: 'a@x.io' })
      at.put('new', { email: 'a@x.io', plan: 'pro' })
      equal(at.person('id:new')?.attributes.plan, 'pro')
      equal(at.stats.people, 1)
    },
  ],
  [
    'T',
    'when path and body name two people the call is a 200, and the change of identifier fails',
    (at) => {
      at.put('1', { email: 'a@x.io' })
      at.put('2')
      equal(at.put('2', { email: 'a@x.io' }).status, 200)
      equal(at.person('id:2')?.email, null)
      match(at.app('/v1/customers/2/activities').body, /failed_attribute_change/)
    },
  ],
  [
    'T',
    'a cio_id that nobody has is dropped',
    (at) => {
      equal(at.put('cio_a3000009', { plan: 'pro' }).status, 200)
      deepEqual([at.stats.people, at.stats.dropped], [0, 1])
    },
  ],
  [
    'T',
    'an identifier that is set changes only under the cio_id',
    (at) => {
      at.put('1', { email: 'a@x.io' })
      at.put('1', { email: 'b@x.io' })
      equal(at.person('id:1')?.email, 'a@x.io')
      at.put(`cio_${at.person('id:1')?.cio_id}`, { email: 'b@x.io' })
      equal(at.person('id:1')?.email, 'b@x.io')
    },
  ],
  [
    'T',
    'attributes are ordered by _timestamp: an older one changes nothing, and is a 200',
    (at) => {
      at.put('1', { plan: 'new', _timestamp: SECONDS })
      equal(at.put('1', { plan: 'old', _timestamp: SECONDS - 1 }).status, 200)
      equal(at.person('id:1')?.attributes.plan, 'new')
      at.put('1', { plan: 'same', _timestamp: SECONDS })
      equal(at.person('id:1')?.attributes.plan, 'same')
    },
  ],
  [
    'T',
    '_update never creates',
    (at) => {
      at.put('1', { _update: true })
      equal(at.stats.people, 0)
    },
  ],
  [
    'T',
    'any casing of "true", 1 and "1" unsubscribe, and nothing else',
    (at) => {
      for (const value of ['TRUE', 'true', true, 1, '1']) {
        at.put('1', { unsubscribed: value })
        equal(at.person('id:1')?.unsubscribed, true, String(value))
      }
      for (const value of ['yes', 0, 'false', false, 2]) {
        at.put('1', { unsubscribed: value })
        equal(at.person('id:1')?.unsubscribed, false, String(value))
      }
    },
  ],
  [
    'T',
    'preferences come whole, or one topic at a time under a name with dots',
    (at) => {
      at.put('1', { cio_subscription_preferences: { topics: { topic_1: true } } })
      at.put('1', { 'cio_subscription_preferences.topics.topic_3': false })
      deepEqual(at.person('id:1')?.attributes.cio_subscription_preferences, {
        topics: { topic_1: true, topic_3: false },
      })
    },
  ],
  [
    'T',
    'cio_relationships of v1 is an object with an action',
    (at) => {
      const relationships = [{ identifiers: { object_type_id: '1', object_id: 'acme' } }]
      at.put('1', { cio_relationships: { action: 'add_relationships', relationships } })
      equal(at.person('id:1')?.relationships.length, 1)
      at.put('1', { cio_relationships: { action: 'delete_relationships', relationships } })
      equal(at.person('id:1')?.relationships.length, 0)
    },
  ],
  [
    'T',
    'a merge takes one identifier on each side, and tells more in meta.error',
    (at) => {
      const answer = at.call('POST', '/api/v1/merge_customers', {
        primary: { id: '1', email: 'a@x.io' },
        secondary: { id: '2' },
      })
      equal(answer.status, 400)
      equal(typeof meta(answer.body).error, 'string')
    },
  ],
  [
    'T',
    'a merge fills what the primary lacks and deletes the secondary; without a primary nothing happens',
    (at) => {
      at.put('1', { plan: 'pro' })
      at.put('2', { plan: 'free', city: 'Oslo' })
      at.call('POST', '/api/v1/merge_customers', { primary: { id: 'nobody' }, secondary: { id: '2' } })
      ok(at.person('id:2'))
      at.call('POST', '/api/v1/merge_customers', { primary: { id: '1' }, secondary: { id: '2' } })
      deepEqual(at.person('id:1')?.attributes, { plan: 'pro', city: 'Oslo' })
      equal(at.person('id:2'), undefined)
    },
  ],
  [
    'T',
    'a merge carries the events of the last thirty days, and the manual segments',
    (at) => {
      at.put('1')
      at.call('POST', '/api/v1/customers/2/events', { name: 'old', timestamp: SECONDS - 31 * DAY })
      at.call('POST', '/api/v1/customers/2/events', { name: 'new', timestamp: SECONDS - 29 * DAY })
      at.call('POST', '/api/v1/segments/7/add_customers', { ids: ['2'] })
      at.call('POST', '/api/v1/merge_customers', { primary: { id: '1' }, secondary: { id: '2' } })
      deepEqual(at.names('id:1'), ['new'])
      deepEqual(at.person('id:1')?.segments, ['7'])
    },
  ],
  [
    'T',
    'suppress deletes and blocks every identifier; unsuppress frees them and brings nobody back',
    (at) => {
      at.put('1', { email: 'a@x.io' })
      at.call('POST', '/api/v1/customers/1/suppress')
      equal(at.put('a@x.io').status, 200)
      equal(at.stats.people, 0)
      at.call('POST', '/api/v1/customers/1/unsuppress')
      equal(at.stats.people, 0)
      at.put('a@x.io')
      equal(at.stats.people, 1)
    },
  ],
  [
    'T',
    'who is deleted may come back',
    (at) => {
      at.put('1', { plan: 'pro' })
      at.call('DELETE', '/api/v1/customers/1')
      equal(at.person('id:1'), undefined)
      at.put('1')
      deepEqual(at.person('id:1')?.attributes, {})
    },
  ],
  [
    'T',
    'segments name people by id unless id_type says otherwise, and ignore what is of another type',
    (at) => {
      at.put('1', { email: 'a@x.io' })
      at.call('POST', '/api/v1/segments/7/add_customers?id_type=email', { ids: ['a@x.io', '1'] })
      deepEqual(at.person('id:1')?.segments, ['7'])
      at.call('POST', '/api/v1/segments/7/remove_customers', { ids: ['a@x.io'] })
      deepEqual(at.person('id:1')?.segments, ['7'])
      at.call('POST', '/api/v1/segments/7/remove_customers', { ids: ['1'] })
      deepEqual(at.person('id:1')?.segments, [])
    },
  ],
  [
    'A',
    'the App API gives every attribute as a string, and 404 for nobody',
    (at) => {
      at.put('1', { n: 1, vip: true })
      match(at.app('/v1/customers/1/attributes').body, /"n":"1","vip":"true"/)
      equal(at.app('/v1/customers/2/attributes').status, 404)
    },
  ],
]
