/** Limits, each below, at and above. */
import { deepEqual } from 'node:assert/strict'
import { type Fact, meta, words } from './world.ts'

export const LIMITS: readonly Fact[] = [
  [
    'T',
    'an id has 150 bytes, whatever its characters',
    (at) => {
      deepEqual(
        [149, 150, 151].map((n) => at.put(words(n)).status),
        [200, 200, 400],
      )
      deepEqual([at.put('%C3%A9'.repeat(75)).status, at.put('%C3%A9'.repeat(76)).status], [200, 400])
    },
  ],
  [
    'T',
    'the name of an attribute has 150 bytes and its value 1000',
    (at) => {
      deepEqual(
        [149, 150, 151].map((n) => at.put('1', { [words(n)]: 1 }).status),
        [200, 200, 400],
      )
      deepEqual(
        [999, 1000, 1001].map((n) => at.put('1', { a: words(n) }).status),
        [200, 200, 400],
      )
    },
  ],
  [
    'T',
    'an identify has 300 attributes',
    (at) => {
      const many = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`a${i}`, 1]))
      deepEqual(
        [299, 300, 301].map((n) => at.put('1', many(n)).status),
        [200, 200, 400],
      )
    },
  ],
  [
    'T',
    'an event’s name has 100 bytes and its data 100,000',
    (at) => {
      const event = (name: string, data: object = {}) =>
        at.status('POST', '/api/v1/customers/1/events', { name, data })
      deepEqual(
        [99, 100, 101].map((n) => event(words(n))),
        [200, 200, 400],
      )
      const room = 100_000 - '{"a":""}'.length
      deepEqual(
        [room - 1, room, room + 1].map((n) => event('a', { a: words(n) })),
        [200, 200, 400],
      )
    },
  ],
  [
    'T',
    'a call about a segment names 1000 people',
    (at) => {
      const add = (n: number) =>
        at.status('POST', '/api/v1/segments/7/add_customers', { ids: Array.from({ length: n }, String) })
      deepEqual([0, 999, 1000, 1001].map(add), [400, 200, 200, 400])
    },
  ],
  [
    'T',
    'an item of v2 has 32 KB',
    (at) => {
      const item = (bytes: number) => {
        const empty = {
          type: 'person',
          action: 'event',
          identifiers: { id: '1' },
          name: 'a',
          attributes: { a: '' },
        }
        const room = bytes - JSON.stringify(empty).length
        return at.entity({ ...empty, attributes: { a: words(room) } }).status
      }
      deepEqual([32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1].map(item), [200, 200, 400])
    },
  ],
  [
    'RS',
    'two texts are known word by word',
    (at) => {
      deepEqual(meta(at.call('POST', '/api/v1/customers/1/events', { name: words(101) }).body).errors, [
        'event name cannot be longer than 100 bytes',
      ])
      const item = {
        type: 'person',
        action: 'identify',
        identifiers: { id: '1' },
        attributes: { plan: words(1001) },
      }
      deepEqual(JSON.parse(at.entity(item).body).errors[0], {
        reason: 'invalid',
        field: 'attributes.plan',
        message: 'property value cannot be longer than 1000 bytes',
      })
    },
  ],
]
