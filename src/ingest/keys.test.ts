import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openMemoryPeople } from '../people/memory.ts'
import { Keys } from './keys.ts'
import type { Operation } from './stamp.ts'

const operation = (kind: Operation['kind'], key: string, ...others: string[]): Operation => ({
  id: '01',
  seenAs: undefined,
  kind,
  key,
  others,
  stamped: false,
  own: undefined,
  value: '{}',
})

test('a key that nobody linked orders itself and holds nothing else', () => {
  assert.deepEqual(new Keys(new Map()).place(operation('person.event', 'email:a')), {
    key: 'email:a',
    alsoKeys: [],
    links: [],
  })
})

test('an identify is ordered by the id, holds what its other identifiers were ordered by, and links them', () => {
  const keys = new Keys(new Map())
  const placed = keys.place(operation('person.identify', 'id:1', 'email:a', 'anonymous_id:x'))
  const links = [
    { key: 'email:a', canonical: 'id:1' },
    { key: 'anonymous_id:x', canonical: 'id:1' },
  ]
  assert.deepEqual(placed, { key: 'id:1', alsoKeys: ['email:a', 'anonymous_id:x'], links })
  assert.deepEqual(keys.links, links)
  assert.deepEqual(keys.place(operation('person.event', 'email:a')), { key: 'id:1', alsoKeys: [], links: [] })
})

test('saying it again links nothing and holds nothing more', () => {
  const keys = new Keys(new Map([['email:a', 'id:1']]))
  const placed = { key: 'id:1', alsoKeys: [], links: [] }
  assert.deepEqual(keys.place(operation('person.identify', 'id:1', 'email:a')), placed)
  assert.deepEqual(keys.links, [])
})

test('a merge is ordered by the primary, holds both, and the secondary follows with all that resolved to it', () => {
  const keys = new Keys(new Map([['email:b', 'id:2']]))
  const { key, alsoKeys } = keys.place(operation('person.merge', 'id:1', 'id:2'))
  assert.deepEqual([key, alsoKeys], ['id:1', ['id:2']])
  assert.deepEqual(keys.place(operation('person.event', 'email:b')).key, 'id:1')
})

test('an address that moves to another person moves alone', () => {
  const keys = new Keys(new Map([['email:a', 'id:1']]))
  const { key, alsoKeys } = keys.place(operation('person.identify', 'id:2', 'email:a'))
  assert.deepEqual([key, alsoKeys], ['id:2', ['id:1']])
  assert.equal(keys.place(operation('person.event', 'id:1')).key, 'id:1')
  assert.equal(keys.place(operation('person.event', 'email:a')).key, 'id:2')
})

test('operations of one group are placed as if each had come alone, after the links of those before it', async () => {
  const key = fc.constantFrom('id:1', 'id:2', 'email:a', 'email:b', 'cio_id:c', 'anonymous_id:d')
  const act = fc.record({
    kind: fc.constantFrom('person.identify', 'person.merge', 'person.event'),
    key,
    others: fc.array(key, { maxLength: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 8 }),
      fc.array(act, { maxLength: 8 }),
      async (before, group) => {
        const names = ['id:1', 'id:2', 'email:a', 'email:b', 'cio_id:c', 'anonymous_id:d']
        const people = openMemoryPeople()
        const roots = async () => {
          const resolved = await people.resolve(names)
          return new Map(names.map((name, i) => [name, resolved[i] ?? name]))
        }
        const make = ({ kind, key, others }: typeof act extends fc.Arbitrary<infer Act> ? Act : never) =>
          operation(kind as Operation['kind'], key, ...(kind === 'person.event' ? [] : others))
        const alone = async (operations: readonly Operation[]) => {
          const placed = []
          for (const operation of operations) {
            const keys = new Keys(await roots())
            placed.push(keys.place(operation))
            for (const { key, canonical } of keys.links) await people.link(key, canonical)
          }
          return placed
        }
        await alone(before.map(make))
        const operations = group.map(make)
        const together = new Keys(await roots())
        const placed = operations.map((operation) => together.place(operation))
        assert.deepEqual(placed, await alone(operations))
      },
    ),
    { numRuns: 500 },
  )
})
