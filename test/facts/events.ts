/** Events, devices, metrics and forms. */
import { deepEqual, equal } from 'node:assert/strict'
import { DAY, type Fact, JSON_TYPE, SECONDS, ULID } from './world.ts'

export const EVENTS: readonly Fact[] = [
  [
    'T',
    'a type other than page and screen is an event, and spaces around a name go',
    (at) => {
      at.call('POST', '/api/v1/customers/1/events', { name: ' a ', type: 'other' })
      const { data } = JSON.parse(at.call('GET', '/_emulator/events').body)
      deepEqual([data[0].name, data[0].type], ['a', 'event'])
    },
  ],
  [
    'T',
    'a ULID that was seen is ignored',
    (at) => {
      for (let n = 0; n < 3; n += 1) at.call('POST', '/api/v1/customers/1/events', { name: 'a', id: ULID })
      deepEqual([at.names(), at.stats.duplicates], [['a'], 2])
    },
  ],
  [
    'T',
    'anonymous events are attached when they are not older than thirty days',
    (at) => {
      for (const [name, days] of [
        ['old', 31],
        ['new', 29],
      ] as const)
        at.call('POST', '/api/v1/events', { name, anonymous_id: 'x', timestamp: SECONDS - days * DAY })
      at.put('1', { anonymous_id: 'x' })
      deepEqual(at.names('id:1'), ['new'])
    },
  ],
  [
    'T',
    'an anonymous_id belongs to one person',
    (at) => {
      at.put('1', { anonymous_id: 'x' })
      at.put('2', { anonymous_id: 'x' })
      deepEqual(at.person('id:2')?.anonymous_ids, [])
    },
  ],
  [
    'T',
    'a device has a token, a platform of two, and by default the time of the request',
    (at) => {
      const path = '/api/v1/customers/1/devices'
      equal(at.status('PUT', path, { device: { id: 't', platform: 'windows' } }), 400)
      equal(at.status('PUT', path, { device: { platform: 'ios' } }), 400)
      at.call('PUT', path, { device: { id: 't', platform: 'ios' } })
      equal(at.person('id:1')?.devices[0]?.last_used, SECONDS)
    },
  ],
  [
    'GO PY RB',
    'last_used may be a string, and attributes stand beside the platform',
    (at) => {
      const device = { id: 't', platform: 'android', last_used: '1790000000', app_version: '1' }
      at.call('PUT', '/api/v1/customers/1/devices', { device })
      const [found] = at.person('id:1')?.devices ?? []
      deepEqual([found?.last_used, found?.attributes], [1_790_000_000, { app_version: '1' }])
    },
  ],
  [
    'T',
    'metrics, push events and unsubscribes ask for no credentials',
    (at) => {
      equal(at.status('POST', '/api/v1/metrics', { delivery_id: 'd', metric: 'opened' }, {}), 200)
      equal(at.status('POST', '/api/v1/push/events', { delivery_id: 'd', event: 'opened' }, {}), 200)
      equal(at.status('POST', '/unsubscribe/d', { unsubscribe: true }, JSON_TYPE), 200)
    },
  ],
  [
    'T',
    'an unsubscribe must say that it is JSON',
    (at) => {
      equal(at.status('POST', '/unsubscribe/d', { unsubscribe: true }, {}), 400)
    },
  ],
  [
    'RB',
    'push metrics may come to the root',
    (at) => equal(at.status('POST', '/push/events', { delivery_id: 'd', event: 'opened' }), 200),
  ],
  [
    'T',
    'every metric of every channel is known, and nothing else',
    (at) => {
      for (const metric of 'bounced clicked converted deferred delivered dropped opened spammed'.split(' '))
        equal(at.status('POST', '/api/v1/metrics', { delivery_id: 'd', metric }), 200, metric)
      equal(at.status('POST', '/api/v1/metrics', { delivery_id: 'd', metric: 'seen' }), 400)
    },
  ],
  [
    'T',
    'a form answers 204, identifies by exactly one of id and email, and takes strings alone',
    (at) => {
      const submit = (data: object) => at.status('POST', '/api/v1/forms/f/submit', { data })
      deepEqual(
        [
          submit({ id: '1' }),
          submit({ id: '1', email: 'a@x.io' }),
          submit({ email_address: 'a' }),
          submit({ id: '1', n: 1 }),
        ],
        [204, 400, 400, 400],
      )
    },
  ],
  [
    'T',
    'a form’s own fields are ignored',
    (at) => {
      at.call('POST', '/api/v1/forms/f/submit', { data: { id: '1', form_url: 'u', colour: 'blue' } })
      deepEqual(at.person('id:1')?.attributes, { colour: 'blue' })
    },
  ],
]
