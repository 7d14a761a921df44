/** Scenarios: how operations end, and what recording one twice does. */
import assert from 'node:assert/strict'
import { EndsWriter } from '../core/ends.ts'
import { TOPICS } from '../core/record.ts'
import { deadEntry, entry, NOON, OK, REFUSED } from './conformance-sample.ts'
import { assertCounts, type Scenario } from './conformance-stand.ts'
import type { Counts, Entry } from './ledger.ts'

const ENDS: readonly Entry[] = [
  entry('A1'),
  entry('A2', { attempts: [{ at: NOON, ms: 5000, status: null, code: 'unreachable' }, REFUSED, OK] }),
  entry('A3', { attempts: [{ ...OK, detail: 'late, but there' }], headers: {} }),
  entry('A4', { outcome: 'coalesced', into: 'A1', kind: 'person.identify' }),
  entry('A5', {
    outcome: 'suppressed',
    attempts: [],
    refusal: { code: 'bad_request', reason: 'stale', message: 'older than 72 h' },
  }),
  deadEntry('A6', { key: 'email:ünï@例え.jp', lane: 15, offset: 2 ** 52 }),
]

export const entryScenarios: readonly Scenario[] = [
  {
    name: 'an empty ledger knows nothing and counts nothing',
    run: async ({ open }) => {
      const ledger = await open()
      assert.equal(await ledger.find('A1'), undefined)
      assert.deepEqual(await ledger.recent(10), [])
      assert.deepEqual(await ledger.dead.list({ limit: 10 }), [])
      assert.deepEqual(await ledger.dead.groups(), [])
      await ledger.record([])
      await assertCounts(ledger, {})
    },
  },
  {
    name: 'every kind of end is found again as it was recorded',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record(ENDS)
      for (const end of ENDS) assert.deepEqual(await ledger.find(end.id), end)
      await assertCounts(ledger, { delivered: 3, coalesced: 1, suppressed: 1, dead: 1 })
    },
  },
  {
    name: 'what ended together is found as what ended alone, and recording it again in either way changes nothing',
    run: async ({ open }) => {
      const ledger = await open()
      const many = new EndsWriter(NOON + 51)
      const together = ENDS.filter(({ outcome }) => outcome !== 'dead')
      for (const end of together) many.add({ ...end, at: end.receivedAt }, end)
      await ledger.record([deadEntry('A6'), many.ends])
      for (const end of together) assert.deepEqual(await ledger.find(end.id), end)
      await ledger.record([many.ends, ...together])
      await assertCounts(ledger, { delivered: 3, coalesced: 1, suppressed: 1, dead: 1 })
    },
  },
  {
    name: 'what has ended is there after a crash',
    run: async ({ open }) => {
      await (await open()).record(ENDS)
      const again = await open()
      for (const end of ENDS) assert.deepEqual(await again.find(end.id), end)
      await assertCounts(again, { delivered: 3, coalesced: 1, suppressed: 1, dead: 1 })
      await again.record(ENDS)
      await assertCounts(again, { delivered: 3, coalesced: 1, suppressed: 1, dead: 1 })
    },
  },
  {
    name: 'the operations that ended last come first, and no more than asked for',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record([entry('B9'), entry('B1')])
      await ledger.record([entry('B5')])
      const ids = async (limit: number) => (await ledger.recent(limit)).map(({ id }) => id)
      assert.deepEqual(await ids(10), ['B5', 'B1', 'B9'])
      assert.deepEqual(await ids(2), ['B5', 'B1'])
      assert.deepEqual(await ids(0), [])
    },
  },
  {
    name: 'an operation recorded again at its offset is counted once, whatever is said of it',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record([entry('C1'), entry('C1')])
      await ledger.record([entry('C1')])
      await ledger.record([deadEntry('C1')])
      await Promise.all([ledger.record([entry('C1')]), ledger.record([entry('C1')])])
      assert.deepEqual(await ledger.find('C1'), entry('C1'))
      assert.equal(await ledger.dead.find('C1'), undefined)
      await assertCounts(ledger, { delivered: 1 })
    },
  },
  {
    name: 'at another offset, lane or topic it is a duplicate, counted once for its place, and changes nothing else',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record([entry('C1')])
      const elsewhere = [
        deadEntry('C1', { offset: 2 }),
        deadEntry('C1', { lane: 1 }),
        deadEntry('C1', { topic: 'customerio.track' }),
        deadEntry('C1', { topic: TOPICS.replay }),
      ]
      await ledger.record([...elsewhere, ...elsewhere])
      await ledger.record(elsewhere)
      assert.deepEqual(await ledger.find('C1'), entry('C1'))
      assert.deepEqual(await ledger.dead.list({ limit: 10 }), [])
      await assertCounts(ledger, { delivered: 1, duplicate: 4 })
    },
  },
  {
    name: 'whoever records is told of it in the moment in which the figures tell of it',
    run: async ({ open }) => {
      const ledger = await open()
      let told: Promise<Counts> | undefined
      await ledger.record([entry('C1'), deadEntry('D1')], () => {
        told = ledger.counts()
      })
      const { delivered, dead } = (await told) ?? {}
      assert.deepEqual([delivered, dead], [1, 1])
    },
  },
  {
    name: 'what was recorded is known by its place, duplicates too, and nothing else is',
    run: async ({ open }) => {
      const ledger = await open()
      const batch = Array.from({ length: 5 }, (_, offset) => entry(`C${offset}`, { offset }))
      await ledger.record([...batch, deadEntry('D1', { offset: 5 })])
      await ledger.record([entry('C1', { offset: 6 }), entry('D1', { offset: 7 })])
      const recorded = [...batch.slice(0, 2), entry('D1', { offset: 5 }), entry('C1', { offset: 6 })]
      const others = [
        entry('C1', { offset: 5 }),
        entry('D1', { offset: 5, lane: 1 }),
        entry('X1'), // after all that have ended
        entry('C9'), // between them
        entry('C3'),
      ]
      assert.deepEqual([...(await ledger.recorded([...recorded, ...others]))], recorded)
      assert.deepEqual((await ledger.recorded([])).size, 0)
    },
  },
  {
    name: 'how far into each lane anything was recorded is known, whatever is forgotten',
    run: async ({ open }) => {
      const ledger = await open()
      const at = (offset: number, lane = 0) => entry(`R${lane}-${offset}`, { offset, lane })
      assert.deepEqual(await ledger.reached(TOPICS.events), new Map())
      await ledger.record([at(7), at(3), at(2, 5), at(9, 5), deadEntry('D1', { offset: 8, lane: 1 })])
      await ledger.record([
        at(4),
        at(1, 5),
        entry('R0-7', { offset: 11 }),
        entry('X', { topic: TOPICS.replay }),
      ])
      await ledger.trim(NOON + 1_000)
      const again = await open()
      assert.deepEqual(
        [...(await again.reached(TOPICS.events))].sort(([a], [b]) => a - b),
        [
          [0, 11],
          [1, 8],
          [5, 9],
        ],
      )
      assert.deepEqual(await again.reached(TOPICS.replay), new Map([[0, 1]]))
    },
  },
  {
    name: 'what was recorded is known whatever its id is, the newest too',
    run: async ({ open }) => {
      const ledger = await open()
      const ulids = [5, 7, 9].map((n) => `01KDZZZZZZ${String(n).padStart(16, '0')}`)
      // Of these two the first is the greater in UTF-16, and the second in UTF-8.
      const recorded = [...ulids, '\uff01order', '\u{1f600}order'].map((id, offset) => entry(id, { offset }))
      const others = [6, 8, 10].map((n) => entry(`01KDZZZZZZ${String(n).padStart(16, '0')}`))
      await ledger.record(recorded.slice(0, 3))
      assert.deepEqual([...(await ledger.recorded([...recorded, ...others]))], recorded.slice(0, 3))
      await ledger.record(recorded.slice(3))
      assert.deepEqual([...(await ledger.recorded([...recorded, ...others]))], recorded)
    },
  },
  {
    name: 'of two recordings in one call the first is the end and the second a duplicate',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record([deadEntry('C1'), entry('C1', { offset: 2 })])
      assert.equal((await ledger.find('C1'))?.outcome, 'dead')
      assert.equal((await ledger.dead.list({ limit: 10 })).length, 1)
      await assertCounts(ledger, { dead: 1, duplicate: 1 })
    },
  },
  {
    name: 'calls made at once are all durable when they resolve',
    run: async ({ open }) => {
      const ledger = await open()
      const batches = Array.from({ length: 40 }, (_, call) =>
        Array.from({ length: 100 }, (_, i) => entry(`D${call}-${i}`, { offset: call * 100 + i })),
      )
      await Promise.all(batches.map((batch) => ledger.record(batch)))
      await assertCounts(await open(), { delivered: 4000 })
    },
  },
  {
    name: 'a dead operation without its value is refused, and takes no other call along',
    run: async ({ open }) => {
      const ledger = await open()
      const { value: _, ...incomplete } = deadEntry('E2')
      const calls = [[entry('E1')], [incomplete, entry('E3')], [entry('E4')]]
      const results = await Promise.allSettled(calls.map((call) => ledger.record(call)))
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      await assertCounts(ledger, { delivered: 2 })
    },
  },
  {
    name: 'closing finishes what was asked for; later calls are refused as shutting down',
    run: async ({ open }) => {
      const ledger = await open()
      const asked = ledger.record([entry('F1')])
      await ledger[Symbol.asyncDispose]()
      await asked
      await assert.rejects(ledger.record([entry('F2')]), { code: 'shutting_down' })
      await assertCounts(await open(), { delivered: 1 })
    },
  },
]
