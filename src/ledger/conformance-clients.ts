/** Scenarios: what clients said before, and forgetting. */
import assert from 'node:assert/strict'
import { deadEntry, entry, NOON } from './conformance-sample.ts'
import { assertCounts, type Scenario } from './conformance-stand.ts'

/** Ids that a careless store takes for each other: SQLite's UTF-8 has no lone surrogates, and C strings end at NUL. */
const AWKWARD = [
  '\ud800',
  '\ud801',
  '\ufffd',
  '"\\ud800"',
  'a',
  'a\u0000',
  'a\u0000b',
  'A',
  'a ',
  'é',
  'e\u0301',
  '',
]

export const clientScenarios: readonly Scenario[] = [
  {
    name: 'a client id is known to its own source, with the operation it was given first',
    run: async ({ open }) => {
      const ledger = await open()
      const first = new Map([
        ['m-1', 'A1'],
        ['m-2', 'A2'],
      ])
      await ledger.remember('web', first, NOON)
      await ledger.remember('app', new Map([['m-1', 'B1']]), NOON)
      await ledger.remember('web', new Map([['m-1', 'C1']]), NOON + 1)
      const known = await (await open()).seen('web', ['m-1', 'm-3', 'm-2', 'm-1'])
      assert.deepEqual(new Map(known), first)
      assert.equal((await ledger.seen('app', ['m-1'])).get('m-1'), 'B1')
      assert.equal((await ledger.seen('web', [])).size, 0)
    },
  },
  {
    name: 'no two client ids are taken for each other',
    run: async ({ open }) => {
      const ledger = await open()
      for (const [n, id] of AWKWARD.entries()) {
        assert.equal((await ledger.seen('web', [id])).size, 0, JSON.stringify(id))
        await ledger.remember('web', new Map([[id, `A${n}`]]), NOON)
      }
      const known = await ledger.seen('web', AWKWARD)
      assert.deepEqual(
        AWKWARD.map((id) => known.get(id)),
        AWKWARD.map((_, n) => `A${n}`),
      )
    },
  },
  {
    name: 'trim forgets what settled before, in any order of recording, and leaves figures and dead letters',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record([
        entry('T1', { endedAt: NOON + 5 }),
        entry('T2', { endedAt: NOON - 1 }),
        entry('T3', { endedAt: NOON }),
        entry('T4', { endedAt: NOON - 9, outcome: 'coalesced', into: 'T1' }),
        entry('T2', { endedAt: NOON - 1, offset: 5 }),
        ...['T5', 'T6', 'T7'].map((id) => deadEntry(id, { endedAt: NOON - 1 })),
      ])
      await ledger.dead.drop(['T6'])
      await ledger.dead.startReplay(['T7'])
      assert.equal(await ledger.trim(NOON), 2)
      assert.equal(await ledger.trim(NOON), 0)
      const left = (await (await open()).recent(10)).map(({ id }) => id)
      assert.deepEqual(left.sort(), ['T1', 'T3', 'T5', 'T6', 'T7'])
      assert.equal((await ledger.dead.list({ limit: 10 })).length, 3)
      await assertCounts(ledger, { delivered: 3, coalesced: 1, dead: 2, replaying: 1, duplicate: 1 })
    },
  },
  {
    name: 'trim forgets client ids that were last heard before, and counts them',
    run: async ({ open }) => {
      const ledger = await open()
      const remember = (id: string, at: number) => ledger.remember('web', new Map([[id, `O-${id}`]]), at)
      await remember('old', NOON - 2)
      await remember('renewed', NOON - 2)
      await remember('renewed', NOON)
      await remember('new', NOON)
      assert.equal(await ledger.trim(NOON), 1)
      assert.deepEqual([...(await ledger.seen('web', ['old', 'renewed', 'new'])).keys()], ['renewed', 'new'])
    },
  },
  {
    name: 'trim forgets more than fits one step, while records go on being written',
    run: async ({ open }) => {
      const ledger = await open()
      await ledger.record(Array.from({ length: 1700 }, (_, i) => entry(`T${i}`, { offset: i })))
      const ids = Array.from({ length: 1200 }, (_, i): [string, string] => [`m-${i}`, `T${i}`])
      await ledger.remember('web', new Map(ids), NOON)
      const trimmed = ledger.trim(NOON + 1000)
      await ledger.record([entry('new', { endedAt: NOON + 2000 })])
      assert.equal(await trimmed, 2900)
      assert.deepEqual(await ledger.recent(10), [entry('new', { endedAt: NOON + 2000 })])
      await assertCounts(ledger, { delivered: 1701 })
    },
  },
]
