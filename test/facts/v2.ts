/** Track v2: items and batches. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Fact } from './world.ts'

export const V2: readonly Fact[] = [
  [
    'T',
    'a batch that is bad in part is a 207, with the index, the reason, the field and a message of each',
    (at) => {
      const good = { type: 'person', action: 'identify', identifiers: { id: '1' } }
      const { status, body } = at.call('POST', '/api/v2/batch', {
        batch: [good, { ...good, identifiers: {} }],
      })
      equal(status, 207)
      deepEqual(Object.keys(JSON.parse(body).errors[0]), ['batch_index', 'reason', 'field', 'message'])
      equal(JSON.parse(body).errors[0].batch_index, 1)
      ok(at.person('id:1'), 'the rest is taken')
    },
  ],
  [
    'T',
    'an entity that is bad is a 400 in the same form, without an index',
    (at) => {
      const { status, body } = at.entity({ type: 'person', action: 'event', identifiers: { id: '1' } })
      deepEqual([status, JSON.parse(body).errors[0].batch_index], [400, undefined])
    },
  ],
  [
    'T',
    'a person has exactly one identifier of four kinds',
    (at) => {
      const identify = (identifiers: object) =>
        at.entity({ type: 'person', action: 'identify', identifiers }).status
      deepEqual(
        [{ id: '1' }, { email: 'a@x.io' }, { phone: '+4912345' }, { cio_id: 'a3000001' }].map(identify),
        [200, 200, 200, 200],
      )
      deepEqual(
        [{}, { id: '1', email: 'a@x.io' }, { phone: '12' }, { name: 'x' }].map(identify),
        [400, 400, 400, 400],
      )
      ok(at.person('phone:+4912345'))
    },
  ],
  [
    'SEG RS',
    'events may name an anonymous_id',
    (at) =>
      equal(
        at.entity({ type: 'person', action: 'event', identifiers: { anonymous_id: 'x' }, name: 'a' }).status,
        200,
      ),
  ],
  [
    'T',
    'events have attributes where v1 has data, devices a token where v1 has an id',
    (at) => {
      at.entity({
        type: 'person',
        action: 'event',
        identifiers: { id: '1' },
        name: 'a',
        attributes: { n: 1 },
      })
      const { data } = JSON.parse(at.call('GET', '/_emulator/events').body)
      deepEqual(data[0].data, { n: 1 })
      const device = { token: 't', platform: 'ios' }
      equal(at.entity({ type: 'person', action: 'add_device', identifiers: { id: '1' }, device }).status, 200)
      equal(at.person('id:1')?.devices[0]?.id, 't')
    },
  ],
  [
    'T',
    'object types are whole numbers from 1 on; null and "" remove an attribute',
    (at) => {
      const identify = (type: unknown, attributes: object = {}) =>
        at.entity({
          type: 'object',
          action: 'identify',
          identifiers: { object_type_id: type, object_id: 'acme' },
          attributes,
        }).status
      deepEqual(
        ['1', 2, '0', 'x'].map((type) => identify(type)),
        [200, 200, 400, 400],
      )
      identify('1', { a: 1, b: 2, c: 3 })
      identify('1', { a: null, b: '' })
      const { data } = JSON.parse(at.call('GET', '/_emulator/objects').body)
      deepEqual(data[0].attributes, { c: 3 })
    },
  ],
  [
    'T',
    'a delivery has three events',
    (at) => {
      const event = (name: string) =>
        at.entity({
          type: 'delivery',
          action: 'event',
          identifiers: { id: 'd' },
          name,
          attributes: { device_token: 't' },
        }).status
      deepEqual(['opened', 'converted', 'delivered', 'clicked'].map(event), [200, 200, 200, 400])
    },
  ],
]
