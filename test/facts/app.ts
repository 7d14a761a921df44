/** The App API. */
import { deepEqual, equal } from 'node:assert/strict'
import type { Fact } from './world.ts'

export const APP: readonly Fact[] = [
  [
    'A',
    'errors are a list with the status as a string',
    (at) => {
      const { errors } = JSON.parse(at.app('/v1/customers/1/attributes').body)
      deepEqual([typeof errors[0].detail, errors[0].status], ['string', '404'])
    },
  ],
  [
    'A',
    'a page of activities has 10 and no more than 100, of people 50, of a segment 1000',
    (at) => {
      for (let n = 0; n < 120; n += 1) at.call('POST', '/api/v1/customers/1/events', { name: 'a' })
      const count = (path: string, name: string) => JSON.parse(at.app(path).body)[name].length
      deepEqual(
        [count('/v1/activities', 'activities'), count('/v1/activities?limit=500', 'activities')],
        [10, 100],
      )
      for (let n = 0; n < 60; n += 1) at.put(`p${n}`, { a: 1 })
      const filter = { attribute: { field: 'a', operator: 'exists' } }
      const found = at.call('POST', '/v1/customers', { filter }, { authorization: 'Bearer dev' })
      equal(JSON.parse(found.body).ids.length, 50)
    },
  ],
  [
    'A',
    'a hundred ids are looked up at once, and unknown ones left out',
    (at) => {
      at.put('1')
      const many = (n: number) =>
        at.call(
          'POST',
          '/v1/customers/attributes',
          { ids: Array.from({ length: n }, (_, i) => String(i + 1)) },
          {
            authorization: 'Bearer dev',
          },
        )
      equal(JSON.parse(many(100).body).customers.length, 1)
      equal(many(101).status, 400)
    },
  ],
  [
    'A',
    'somebody without an id is an empty text among the ids of a segment',
    (at) => {
      at.put('a@x.io')
      at.call('POST', '/api/v1/segments/7/add_customers?id_type=email', { ids: ['a@x.io'] })
      deepEqual(JSON.parse(at.app('/v1/segments/7/membership').body).ids, [''])
    },
  ],
  [
    'A',
    'the addresses that calls come from are told without credentials',
    (at) => equal(at.app('/v1/info/ip_addresses', {}).status, 200),
  ],
]
