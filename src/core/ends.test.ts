import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type End, EndsWriter, eachOf } from './ends.ts'

const OK = [{ at: 5, ms: 1, status: 200, code: 'ok' }]
const LATE = [{ at: 2, ms: 9, status: null, code: 'upstream_unreachable', detail: 'reset' }, ...OK]

const end: fc.Arbitrary<End> = fc
  .record({
    id: fc.string({ maxLength: 4 }),
    key: fc.constantFrom('id:1', 'id:2'),
    kind: fc.constantFrom('person.event', 'person.identify'),
    headers: fc.constantFrom<End['headers']>({}, { source: 'a' }, { source: 'b' }),
    receivedAt: fc.nat(3),
    topic: fc.constantFrom('customerio.events', 'customerio.replay'),
    lane: fc.nat(15),
    offset: fc.nat(),
    attempts: fc.constantFrom(OK, LATE, []),
    rare: fc.constantFrom<Pick<End, 'outcome' | 'into' | 'refusal'>>(
      { outcome: 'delivered' },
      { outcome: 'coalesced', into: 'x' },
      { outcome: 'suppressed', refusal: { code: 'c', reason: 'r' } },
    ),
  })
  .map(({ rare, ...rest }) => ({ ...rest, ...rare, endedAt: 7 }))

test('whatever ended comes out of the columns as it went in, in its order', () => {
  fc.assert(
    fc.property(fc.array(end), (all) => {
      const writer = new EndsWriter(7)
      for (const one of all) writer.add({ ...one, at: one.receivedAt }, one)
      assert.deepEqual(eachOf(writer.ends), all)
    }),
  )
})
