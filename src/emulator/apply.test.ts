import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isObject, type JsonObject } from '../core/json.ts'
import { makeUlids } from '../core/ulid.ts'
import { apply } from './apply.ts'
import { type Effect, isEventEffect } from './history.ts'
import { identifierOfKey } from './identifiers.ts'
import { readItem } from './item.ts'
import type { Person } from './person.ts'
import { findPerson, newState, type State } from './state.ts'
import { faultIn } from './validate.ts'

/** 14 November 2023, in milliseconds and in seconds. */
const NOW = 1_700_000_000_000
const SECOND = NOW / 1000
const DAY = 24 * 3600

interface Bench {
  readonly state: State
  /** Applies items in order, given as values or as JSON text. */
  given(...items: (JsonObject | string)[]): Bench
  person(key: string): Person | undefined
  attributes(key: string): Record<string, string>
  activities(type: string): Effect[]
  eventNames(): (string | undefined)[]
}

function bench(): Bench {
  const state = newState()
  const self: Bench = {
    state,
    given: (...items) => {
      for (const item of items) {
        const read = readItem(typeof item === 'string' ? item : JSON.stringify(item))
        if (read.value.type !== 'anonymous' && read.value.type !== 'segment')
          assert.equal(faultIn(read), undefined)
        apply(state, read, { accepted: NOW, now: NOW })
      }
      return self
    },
    person: (key) => findPerson(state, identifierOfKey(key)),
    attributes: (key) => {
      const found = self.person(key)?.attributes ?? new Map()
      return Object.fromEntries(
        [...found].filter(([, { text }]) => text !== null).map(([k, v]) => [k, v.text]),
      )
    },
    activities: (type) => state.history.effects.filter((effect) => effect.type === type),
    eventNames: () => state.history.effects.filter(isEventEffect).map(({ name }) => name),
  }
  return self
}

const identify = (identifiers: JsonObject, attributes: JsonObject = {}, timestamp?: number): JsonObject => ({
  type: 'person',
  identifiers,
  action: 'identify',
  attributes,
  ...(timestamp !== undefined && { timestamp }),
})

const event = (identifiers: JsonObject, name: string, more: JsonObject = {}): JsonObject => ({
  type: 'person',
  identifiers,
  action: 'event',
  name,
  ...more,
})

const act = (action: string, identifiers: JsonObject): JsonObject => ({ type: 'person', identifiers, action })

const merge = (primary: JsonObject, secondary: JsonObject): JsonObject => ({
  type: 'person',
  action: 'merge',
  primary,
  secondary,
})

describe('identifiers', () => {
  test('a call for a known identifier updates, and for an unknown one creates', () => {
    const { state, attributes } = bench().given(
      identify({ id: '1' }, { a: 1 }),
      identify({ id: '1' }, { b: 2 }),
    )
    assert.equal(state.people.size, 1)
    assert.deepEqual(attributes('id:1'), { a: '1', b: '2' })
  })

  test('an unknown identifier in the path goes to the person whom the body names', () => {
    const { state, person } = bench().given(
      identify({ email: 'ada@x.io' }, { plan: 'a' }),
      identify({ id: '7' }, { email: 'ADA@x.io', plan: 'b' }),
    )
    assert.equal(state.people.size, 1)
    assert.equal(person('id:7'), person('email:ada@x.io'))
  })

  test('it even replaces the id that the person had, and frees the old one', () => {
    const { person } = bench().given(
      identify({ id: 'old' }, { email: 'ada@x.io' }),
      identify({ id: 'new' }, { email: 'ada@x.io' }),
    )
    assert.equal(person('id:old'), undefined)
    assert.equal(person('id:new'), person('email:ada@x.io'))
  })

  test('path and body of two different people: the identifier fails, the other attributes apply', () => {
    const { person, attributes, activities } = bench().given(
      identify({ id: '1' }),
      identify({ email: 'b@x.io' }),
      identify({ id: '1' }, { email: 'b@x.io', plan: 'pro' }),
    )
    assert.notEqual(person('id:1'), person('email:b@x.io'))
    assert.deepEqual(attributes('id:1'), { plan: '"pro"' })
    assert.equal(activities('failed_attribute_change').length, 1)
  })

  test('an e-mail address that is set changes through the cio_id only', () => {
    const world = bench().given(
      identify({ id: '1' }, { email: 'a@x.io' }),
      identify({ id: '1' }, { email: 'b@x.io' }),
    )
    assert.equal(world.person('id:1')?.identifiers.get('email')?.value, 'a@x.io')
    assert.equal(world.activities('failed_attribute_change').length, 1)
    const cioId = world.person('id:1')?.cioId
    world.given(identify({ cio_id: cioId }, { email: 'b@x.io' }))
    assert.equal(world.person('id:1')?.identifiers.get('email')?.value, 'b@x.io')
    assert.equal(world.person('email:a@x.io'), undefined)
  })

  test('an unknown cio_id is dropped, and so is an unknown person under _update', () => {
    const { state } = bench().given(
      identify({ cio_id: 'a3999999' }, { a: 1 }),
      identify({ id: '1' }, { a: 1, _update: true }),
      event({ cio_id: 'a3999999' }, 'x'),
    )
    assert.equal(state.people.size, 0)
    assert.equal(state.counts.dropped, 3)
  })

  test('e-mail addresses are one in any case; ids are not', () => {
    const { state } = bench().given(
      identify({ email: 'A@x.io' }),
      identify({ email: 'a@X.io' }),
      identify({ id: 'A' }),
      identify({ id: 'a' }),
    )
    assert.equal(state.people.size, 3)
  })

  test('an id of 19 digits that comes as a number stays exact', () => {
    const { person } = bench().given(
      '{"type":"person","action":"identify","identifiers":{"id":1234567890123456789},"attributes":{}}',
    )
    assert.ok(person('id:1234567890123456789'))
  })

  test('phone numbers identify', () => {
    const { state, person } = bench().given(
      identify({ phone: '+14155552671' }),
      event({ phone: '+14155552671' }, 'x'),
    )
    assert.equal(state.people.size, 1)
    assert.equal(person('phone:+14155552671')?.history.length, 2)
  })
})

describe('attributes', () => {
  test('an older timestamp is dropped for each attribute by itself; an equal one applies', () => {
    const { attributes } = bench().given(
      identify({ id: '1' }, { plan: 'new', seats: 5 }, 200),
      identify({ id: '1' }, { plan: 'old', city: 'Oslo' }, 100),
      identify({ id: '1' }, { seats: 6 }, 200),
    )
    assert.deepEqual(attributes('id:1'), { plan: '"new"', seats: '6', city: '"Oslo"' })
  })

  test('null and "" remove, and an older value does not come back', () => {
    const { attributes } = bench().given(
      identify({ id: '1' }, { a: 1, b: 2 }, 100),
      identify({ id: '1' }, { a: null, b: '' }, 200),
      identify({ id: '1' }, { a: 3, b: 4 }, 150),
    )
    assert.deepEqual(attributes('id:1'), {})
  })

  test('numbers, nesting and key order stay as they came', () => {
    const text = '{"big": 1234567890123456789012, "tiny": 1.10, "deep": {"b": 1, "a": [1.0]}}'
    const { attributes } = bench().given(
      `{"type":"person","action":"identify","identifiers":{"id":"1"},"attributes":${text}}`,
    )
    assert.deepEqual(attributes('id:1'), {
      big: '1234567890123456789012',
      tiny: '1.10',
      deep: '{"b": 1, "a": [1.0]}',
    })
  })

  test('ids that are numbers are told apart to the last digit', () => {
    const [one, two] = ['9007199254740992', '9007199254740993'] // one number to JSON.parse
    const relate = (person: string, object: string) =>
      `{"type":"person","action":"add_relationships","identifiers":{"id":${person}},"cio_relationships":[{"identifiers":{"object_type_id":1,"object_id":${object}}}]}`
    const { state, person } = bench().given(
      ...[one, two].flatMap((id) => [
        `{"type":"object","action":"identify","identifiers":{"object_type_id":1,"object_id":${id}}}`,
        relate(id, id),
        `{"type":"anonymous","action":"event","identifiers":{"anonymous_id":${id}},"name":"seen"}`,
      ]),
      `{"type":"segment","action":"add_customers","segment_id":"3","id_type":"id","ids":[${two}]}`,
      `{"type":"object","action":"identify_anonymous","identifiers":{"object_type_id":1,"object_id":${one}},"cio_relationships":[{"identifiers":{"anonymous_id":${two}}}]}`,
      `{"type":"object","action":"delete","identifiers":{"object_type_id":1,"object_id":${one}}}`,
    )
    assert.deepEqual([...state.objects.keys()], [`1:${two}`])
    assert.deepEqual([...(person(`id:${one}`)?.relationships.keys() ?? [])], [])
    assert.deepEqual([...(person(`id:${two}`)?.relationships.keys() ?? [])], [`1:${two}`])
    assert.deepEqual([...state.unclaimed.keys()], [one, two])
    assert.deepEqual([...state.unclaimedRelationships.keys()], [two])
    assert.deepEqual([...(state.segments.get('3')?.members ?? [])], [person(`id:${two}`)?.cioId])
  })

  test('a dotted preference sets one topic and keeps the others', () => {
    const { attributes } = bench().given(
      identify({ id: '1' }, { cio_subscription_preferences: { topics: { topic_1: true, topic_2: true } } }),
      identify({ id: '1' }, { 'cio_subscription_preferences.topics.topic_2': false }),
    )
    assert.deepEqual(JSON.parse(attributes('id:1').cio_subscription_preferences ?? ''), {
      topics: { topic_1: true, topic_2: false },
    })
  })

  test('the 301st attribute of a person fails; the 300 stay', () => {
    const many = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${from + i}`, i]))
    const { attributes, activities } = bench().given(
      identify({ id: '1' }, many(0, 300)),
      identify({ id: '1' }, { ...many(300, 1), a0: 'changed' }),
    )
    assert.equal(Object.keys(attributes('id:1')).length, 300)
    assert.equal(attributes('id:1').a0, '"changed"')
    assert.equal(activities('failed_attribute_change').length, 1)
  })
})

describe('events', () => {
  const ulid = makeUlids()

  test('a repeated ULID has no second effect, whatever its case and whoever it is for', () => {
    const id = ulid(NOW)
    const { state, eventNames } = bench().given(
      event({ id: '1' }, 'a', { id }),
      event({ id: '1' }, 'a', { id }),
      event({ id: '2' }, 'a', { id: id.toLowerCase() }),
    )
    assert.deepEqual(eventNames(), ['a'])
    assert.equal(state.counts.duplicates, 2)
  })

  test('an id that is no ULID is kept and not compared', () => {
    const { eventNames } = bench().given(
      event({ id: '1' }, 'a', { id: 'x' }),
      event({ id: '1' }, 'a', { id: 'x' }),
    )
    assert.deepEqual(eventNames(), ['a', 'a'])
  })

  test('names are trimmed, and the second of arrival stands in for a timestamp', () => {
    const { state } = bench().given(event({ id: '1' }, '  bought  '))
    const last = state.history.effects.at(-1)
    assert.equal(last?.name, 'bought')
    assert.equal(last?.timestamp, SECOND)
  })

  const anonymous = (id: string, name: string, timestamp = SECOND): JsonObject => ({
    type: 'anonymous',
    action: 'event',
    identifiers: { anonymous_id: id },
    name,
    timestamp,
  })

  test('anonymous events go to whoever takes the anonymous_id, before and after, unless older than 30 days', () => {
    const { person, activities } = bench().given(
      anonymous('x', 'early'),
      anonymous('x', 'ancient', SECOND - 31 * DAY),
      identify({ id: '1' }, { anonymous_id: 'x' }),
      anonymous('x', 'late'),
    )
    const owned = activities('event').filter(({ owner }) => owner === person('id:1')?.cioId)
    assert.deepEqual(
      owned.map(({ name }) => name),
      ['early', 'late'],
    )
    assert.equal(activities('anon_merge').length, 1)
  })

  test('an anonymous_id belongs to the first who takes it', () => {
    const { state, person, activities } = bench().given(
      identify({ id: '1' }, { anonymous_id: 'x' }),
      identify({ id: '2' }, { anonymous_id: 'x' }),
      anonymous('x', 'seen'),
    )
    assert.equal(state.history.effects.at(-1)?.owner, person('id:1')?.cioId)
    assert.equal(activities('failed_attribute_change').length, 1)
  })
})

describe('profiles', () => {
  test('a deleted person is gone and may come back as somebody new', () => {
    const { person, attributes } = bench().given(
      identify({ id: '1' }, { a: 1 }),
      act('delete', { id: '1' }),
      identify({ id: '1' }, { b: 2 }),
    )
    assert.deepEqual(attributes('id:1'), { b: '2' })
    assert.equal(person('id:1')?.cioId, 'a3000002')
  })

  test('suppress blocks every identifier of the person, and unsuppress by one of them frees all', () => {
    const world = bench().given(identify({ id: '1' }, { email: 'a@x.io' }), act('suppress', { id: '1' }))
    world.given(
      identify({ email: 'A@x.io' }),
      event({ id: '1' }, 'x'),
      identify({ id: '9' }, { email: 'a@x.io' }),
    )
    assert.equal(world.state.people.size, 0)
    assert.equal(world.state.counts.ignored, 3)
    assert.equal(world.activities('skipped_update').length, 3)
    world.given(act('unsuppress', { email: 'a@x.io' }), identify({ id: '1' }))
    assert.equal(world.state.people.size, 1)
  })

  test('an event that was ignored does not count as seen', () => {
    const id = makeUlids()(NOW)
    const { eventNames } = bench().given(
      act('suppress', { id: '1' }),
      event({ id: '1' }, 'a', { id }),
      act('unsuppress', { id: '1' }),
      event({ id: '1' }, 'a', { id }),
    )
    assert.deepEqual(eventNames(), ['a'])
  })

  test('merge fills what the primary lacks, moves events, devices and relationships, and frees the rest', () => {
    const device = { token: 't', platform: 'ios' }
    const { state, person, attributes } = bench().given(
      identify({ id: '1' }, { plan: 'pro', city: '' }),
      identify({ id: '2' }, { email: 'two@x.io', plan: 'free', city: 'Oslo' }),
      { ...act('add_device', { id: '2' }), device },
      {
        ...act('add_relationships', { id: '2' }),
        cio_relationships: [{ identifiers: { object_type_id: '1', object_id: 'acme' } }],
      },
      event({ id: '2' }, 'recent'),
      event({ id: '2' }, 'ancient', { timestamp: SECOND - 40 * DAY }),
      merge({ id: '1' }, { id: '2' }),
    )
    const one = person('id:1')
    assert.deepEqual(attributes('id:1'), { plan: '"pro"', city: '"Oslo"' })
    assert.equal(person('email:two@x.io'), one)
    assert.equal(person('id:2'), undefined)
    assert.deepEqual([...(one?.devices.keys() ?? [])], ['t'])
    assert.deepEqual([...(one?.relationships.keys() ?? [])], ['1:acme'])
    assert.deepEqual([...(state.objects.get('1:acme')?.people ?? [])], [one?.cioId])
    const owned = state.history.effects.filter(({ owner }) => owner === one?.cioId).filter(isEventEffect)
    assert.deepEqual(
      owned.map(({ name }) => name),
      ['recent'],
    )
  })

  test('a merge without its primary does nothing', () => {
    const { state } = bench().given(identify({ id: '2' }), merge({ id: '1' }, { id: '2' }))
    assert.equal(state.people.size, 1)
    assert.equal(state.counts.dropped, 1)
  })
})

describe('objects', () => {
  const acme = { object_type_id: '1', object_id: 'acme' }
  const relation = (role: string | null) => [{ identifiers: { id: '1' }, relationship_attributes: { role } }]

  test('objects relate to people from either side, and lose them when deleted', () => {
    const world = bench().given({
      type: 'object',
      action: 'identify',
      identifiers: acme,
      attributes: { name: 'Acme' },
      cio_relationships: relation('admin'),
    })
    assert.deepEqual([...(world.person('id:1')?.relationships.get('1:acme') ?? [])], [['role', '"admin"']])
    world.given({
      type: 'object',
      action: 'add_relationships',
      identifiers: acme,
      cio_relationships: relation(null),
    })
    assert.equal(world.person('id:1')?.relationships.get('1:acme')?.size, 0)
    world.given({ type: 'object', action: 'delete', identifiers: acme })
    assert.equal(world.person('id:1')?.relationships.size, 0)
    assert.equal(world.state.objects.size, 0)
  })

  test('a relationship by anonymous_id is the person’s once it is taken', () => {
    const { person } = bench().given(
      {
        type: 'object',
        action: 'identify_anonymous',
        identifiers: acme,
        cio_relationships: [{ identifiers: { anonymous_id: 'x' } }],
      },
      identify({ id: '1' }, { anonymous_id: 'x' }),
    )
    assert.deepEqual([...(person('id:1')?.relationships.keys() ?? [])], ['1:acme'])
  })

  test('an object is updated by its cio_object_id, and never created by one', () => {
    const world = bench().given({ type: 'object', action: 'identify', identifiers: acme })
    const cioObjectId = world.state.objects.get('1:acme')?.cioObjectId
    world.given(
      {
        type: 'object',
        action: 'identify',
        identifiers: { cio_object_id: cioObjectId },
        attributes: { a: 1 },
      },
      { type: 'object', action: 'identify', identifiers: { cio_object_id: 'unknown' }, attributes: { a: 1 } },
    )
    assert.equal(world.state.objects.get('1:acme')?.attributes.get('a'), '1')
    assert.equal(world.state.objects.size, 1)
  })
})

describe('invariants', () => {
  test('however identifies are interleaved, each attribute ends with its newest value', () => {
    const updates = fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b', 'c'), stamp: fc.integer({ min: 1, max: 1000 }) }),
      { minLength: 1, maxLength: 30, selector: ({ name, stamp }) => `${name}${stamp}` },
    )
    fc.assert(
      fc.property(updates, (list) => {
        const world = bench().given(
          ...list.map(({ name, stamp }) => identify({ id: '1' }, { [name]: stamp }, stamp)),
        )
        for (const name of ['a', 'b', 'c']) {
          const stamps = list.filter((each) => each.name === name).map(({ stamp }) => stamp)
          const newest = stamps.length === 0 ? undefined : String(Math.max(...stamps))
          assert.equal(world.attributes('id:1')[name], newest)
        }
      }),
    )
  })

  test('each ULID has one effect, in the order of its first arrival', () => {
    const ulid = makeUlids()
    const ids = Array.from({ length: 8 }, () => ulid(NOW))
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ids), { maxLength: 40 }), (list) => {
        const world = bench().given(...list.map((id) => event({ id: '1' }, 'x', { id })))
        const effects = world.state.history.effects.filter(isEventEffect)
        assert.deepEqual(
          effects.map(({ id }) => id),
          [...new Set(list)],
        )
      }),
    )
  })

  /** Values for the members of an item, right and wrong. */
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, '', 1, true, 'a@b', '+123', 'ios', [], {}, { id: '1' }, { id: 1 }),
    fc.constantFrom<unknown>(
      { token: 't', platform: 'ios', attributes: null },
      { token: 5, platform: 'android' },
    ),
    fc.constantFrom<unknown>([{ identifiers: { id: '1' } }], { object_type_id: '1', object_id: 'a' }),
    fc.constantFrom<unknown>([
      { identifiers: { object_type_id: 1, object_id: 'a' }, relationship_attributes: {} },
    ]),
    fc.json().map((text) => JSON.parse(text)),
  )
  const names = ['identifiers', 'name', 'id', 'timestamp', 'attributes', 'device', 'primary', 'secondary']
  const anything = fc.record(
    {
      type: fc.constantFrom('person', 'object', 'delivery', 'segment'),
      action: fc.constantFrom(
        'identify',
        'event',
        'merge',
        'add_device',
        'suppress',
        'add_relationships',
        'delete',
      ),
      cio_relationships: value,
      ...Object.fromEntries(names.map((name) => [name, value])),
    },
    { requiredKeys: ['type', 'action'] },
  )

  test('no item that is let in can break the workspace', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 10 }), (items) => {
        const state = newState()
        for (const each of items) {
          const item = readItem(JSON.stringify(each))
          if (faultIn(item) === undefined) apply(state, item, { accepted: NOW, now: NOW })
        }
        for (const [key, cioId] of state.directory) assert.ok(state.people.has(cioId), key)
        assert.ok(isObject(state.counts))
      }),
      { numRuns: 500 },
    )
  })
})
