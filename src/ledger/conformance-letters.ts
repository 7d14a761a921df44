/** Scenarios: dead letters, their groups, replays and drops. */
import assert from 'node:assert/strict'
import { deadEntry, entry, NOON, OK, REFUSAL, REFUSED, replayed } from './conformance-sample.ts'
import { assertCounts, type Scenario } from './conformance-stand.ts'
import type { DeadQuery, Entry, Ledger } from './ledger.ts'

const idsOf = (letters: readonly Pick<Entry, 'id'>[]) => letters.map(({ id }) => id)
const REPLAYING = { state: 'replaying' } as const

const waiting = (dead: Entry) => ({ ...dead, state: 'waiting', replays: 0 })

/** Bytes that a round trip through JSON.parse, a trim or a normal form would change. */
const AWKWARD =
  '{"n":12345678901234567890,"b":1,"a":1.0, "e":"\\u00e9 é e\u0301","a":"\\ud83d",\t"z":"\u2028"}\n'

const THREE: readonly Entry[] = [
  deadEntry('L1', { key: 'id:1', offset: 1, endedAt: NOON + 1 }),
  deadEntry('L2', { key: 'id:2', offset: 2, endedAt: NOON + 2, kind: 'person.identify' }),
  deadEntry('L3', {
    key: 'id:1',
    offset: 3,
    endedAt: NOON + 3,
    refusal: { code: 'bad_request', reason: 'too large', field: 'attributes', message: '40,000 bytes' },
  }),
]

/** A ledger with the letters L1, L2 and L3. */
async function withThree(ledger: Ledger): Promise<Ledger> {
  await ledger.record(THREE)
  return ledger
}

export const letterScenarios: readonly Scenario[] = [
  {
    name: 'a dead letter keeps its bytes, headers, attempts and refusal',
    run: async ({ open }) => {
      const ledger = await open()
      const dead = deadEntry('L0', { value: AWKWARD, attempts: [REFUSED, { ...REFUSED, status: null }] })
      const poison = deadEntry('L9', { value: 'not JSON \u0000 at all' })
      await ledger.record([dead, poison])
      assert.deepEqual(await ledger.dead.find('L0'), waiting(dead))
      assert.deepEqual(await ledger.dead.list({ limit: 10 }), [waiting(poison), waiting(dead)])
      assert.equal(await ledger.dead.find('L1'), undefined)
    },
  },
  {
    name: 'every filter, alone and together, selects the letters it describes',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.drop(['L2'])
      const [group] = (await ledger.dead.groups()).filter(({ code }) => code === 'bad_request')
      const table: [Partial<DeadQuery>, string[]][] = [
        [{}, ['L3', 'L2', 'L1']],
        [{ state: 'waiting' }, ['L3', 'L1']],
        [{ state: 'dropped' }, ['L2']],
        [{ code: 'upstream_rejected' }, ['L2', 'L1']],
        [{ kind: 'person.identify' }, ['L2']],
        [{ keys: ['id:1'] }, ['L3', 'L1']],
        [{ keys: ['id:2', 'id:none', 'id:1'] }, ['L3', 'L2', 'L1']],
        [{ since: NOON + 2 }, ['L3', 'L2']],
        [{ group: group?.group ?? '' }, ['L3']],
        [{ group: 'none' }, []],
        [{ keys: ['id:1'], code: 'upstream_rejected', state: 'waiting' }, ['L1']],
        [{ limit: 2 }, ['L3', 'L2']],
        [{ after: 'L3', limit: 1 }, ['L2']],
      ]
      for (const [query, expected] of table)
        assert.deepEqual(idsOf(await ledger.dead.list({ limit: 10, ...query })), expected)
    },
  },
  {
    name: 'paging meets every letter once, even when those of the page before leave',
    run: async ({ open }) => {
      const ledger = await open()
      const ids = Array.from({ length: 25 }, (_, i) => `P${String(i).padStart(2, '0')}`)
      await ledger.record(ids.map((id, offset) => deadEntry(id, { offset })))
      const met: string[] = []
      for (;;) {
        const last = met.at(-1)
        const page = await ledger.dead.list({ state: 'waiting', limit: 4, ...(last && { after: last }) })
        if (page.length === 0) break
        met.push(...idsOf(page))
        await ledger.dead.drop(idsOf(page))
      }
      assert.deepEqual(met, ids.toReversed())
    },
  },
  {
    name: 'waiting letters are grouped by code, kind and reason, under an id that stays',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.record([
        deadEntry('L4', { key: 'id:9', offset: 4, endedAt: NOON + 9 }),
        deadEntry('L5', { key: 'id:9', offset: 5, endedAt: NOON + 5 }),
        deadEntry('L6', { offset: 6 }),
      ])
      await ledger.dead.drop(['L6'])
      assert.equal(await ledger.dead.waiting(), 5)
      const groups = await ledger.dead.groups()
      const [largest] = groups
      assert.equal(groups.length, 3)
      assert.ok(largest && largest.group.length <= 16)
      assert.deepEqual(largest, {
        group: largest.group,
        code: 'upstream_rejected',
        kind: 'person.event',
        reason: 'invalid',
        count: 3,
        people: 2,
        firstAt: NOON + 1,
        lastAt: NOON + 9,
      })
      assert.equal((await (await open()).dead.groups())[0]?.group, largest.group)
    },
  },
  {
    name: 'all that are selected, in whatever number, are named in the order of the log',
    run: async ({ open }) => {
      const ledger = await open()
      const newestFirst = Array.from({ length: 2_345 }, (_, i) => 2_345 - i)
      const letterOf = (n: number) =>
        deadEntry(`O${n}`, { receivedAt: NOON + Math.floor(n / 7), offset: n, key: `id:${n % 2}` })
      await ledger.record(newestFirst.map(letterOf))
      const inOrder = newestFirst.toReversed().map((n) => `O${n}`)
      assert.deepEqual(await ledger.dead.ids({}), inOrder)
      assert.deepEqual(
        await ledger.dead.ids({ keys: ['id:1'], state: 'waiting' }),
        inOrder.filter((_, i) => i % 2 === 0),
      )
      await ledger.dead.drop(['O20'])
      const ids = ['O3', 'O900', 'O20', 'unknown', 'O1', 'O3']
      assert.deepEqual(await ledger.dead.ids({ ids, state: 'waiting' }), ['O1', 'O3', 'O900'])
      assert.deepEqual(await ledger.dead.ids({ ids: [] }), [])
    },
  },
  {
    name: 'a replay takes waiting letters only, durably, and gives them in the order of the log',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.drop(['L2'])
      const taken = await ledger.dead.startReplay(['L3', 'L2', 'L1', 'L1', 'unknown'])
      assert.deepEqual(idsOf(taken), ['L1', 'L3'])
      assert.deepEqual(taken[0], { ...waiting(deadEntry('L1', THREE[0])), state: 'replaying' })
      assert.deepEqual(await ledger.dead.startReplay(['L1', 'L3']), [])
      assert.equal(await ledger.dead.waiting(), 0)
      const crashed = await open()
      assert.equal(await crashed.dead.waiting(), 0)
      assert.deepEqual(await crashed.dead.ids(REPLAYING), ['L1', 'L3'])
      await assertCounts(crashed, { dead: 1, replaying: 2 })
    },
  },
  {
    name: 'a letter whose replay is delivered is one no more, and counts as delivered',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.startReplay(['L1'])
      await ledger.record([replayed(entry('L1', { endedAt: NOON + 900 }))])
      assert.equal(await ledger.dead.find('L1'), undefined)
      assert.deepEqual(await ledger.dead.ids(REPLAYING), [])
      const found = await ledger.find('L1')
      assert.equal(found?.outcome, 'delivered')
      assert.equal(found?.endedAt, NOON + 900)
      assert.equal(found?.refusal, undefined)
      assert.deepEqual(found?.attempts, [REFUSED, OK])
      assert.equal((await ledger.recent(1))[0]?.id, 'L1')
      await assertCounts(await open(), { delivered: 1, dead: 2 })
    },
  },
  {
    name: 'a replay may also end as coalesced or suppressed',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.startReplay(['L1', 'L2'])
      await ledger.record([
        replayed(entry('L1', { outcome: 'coalesced', into: 'L2' })),
        replayed(entry('L2', { outcome: 'suppressed', refusal: REFUSAL })),
      ])
      assert.equal((await ledger.find('L1'))?.into, 'L2')
      assert.deepEqual(idsOf(await ledger.dead.list({ limit: 10 })), ['L3'])
      await assertCounts(ledger, { coalesced: 1, suppressed: 1, dead: 1 })
    },
  },
  {
    name: 'a letter whose replay dies waits again, with one replay more, all attempts and the new refusal',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.record([deadEntry('L4', { offset: 4 })])
      const refusal = { code: 'upstream_rejected', reason: 'person deleted' }
      const again = { ...REFUSED, at: NOON + 800 }
      for (const offset of [7, 7, 9]) {
        await ledger.dead.startReplay(['L1'])
        await ledger.record([
          replayed(deadEntry('L1', { refusal, attempts: [again], endedAt: NOON + 801 }), offset),
        ])
      }
      const letter = await (await open()).dead.find('L1')
      assert.equal(letter?.state, 'waiting')
      assert.equal(letter?.replays, 3)
      assert.deepEqual(await ledger.dead.ids({ replays: 3 }), ['L1'])
      assert.equal(letter?.endedAt, NOON + 801)
      assert.deepEqual(letter?.refusal, refusal)
      assert.deepEqual(letter?.attempts, [REFUSED, again, again, again])
      assert.deepEqual(idsOf(await ledger.dead.list({ since: NOON + 801, limit: 10 })), ['L1'])
      for (const { group, reason } of await ledger.dead.groups())
        if (reason === 'person deleted')
          assert.deepEqual(idsOf(await ledger.dead.list({ group, limit: 10 })), ['L1'])
      assert.equal((await ledger.dead.groups()).length, 4)
      await assertCounts(ledger, { dead: 4 })
    },
  },
  {
    name: 'a replay that comes again after its end, at its offset or published twice, changes nothing',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.startReplay(['L1', 'L2'])
      const ends = [replayed(entry('L1')), replayed(deadEntry('L2'))]
      await ledger.record([...ends, ...ends])
      const before = [await ledger.find('L1'), await ledger.dead.find('L2')]
      await ledger.record(ends)
      await ledger.record(ends.map((end) => ({ ...end, offset: 99 })))
      assert.deepEqual([await ledger.find('L1'), await ledger.dead.find('L2')], before)
      await assertCounts(ledger, { delivered: 1, dead: 2 })
    },
  },
  {
    name: 'a letter on its way again is not moved by records of the live topic',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.startReplay(['L1'])
      await ledger.record([entry('L1', { offset: 1 }), entry('L1', { offset: 50 })])
      assert.deepEqual(await ledger.dead.ids(REPLAYING), ['L1'])
      await ledger.record([replayed(entry('L1')), entry('L1', { offset: 1 }), entry('L1', { offset: 50 })])
      await assertCounts(ledger, { delivered: 1, dead: 2, duplicate: 1 })
    },
  },
  {
    name: 'a dropped letter stays, stays counted as dead, and is neither replayed nor dropped again',
    run: async ({ open }) => {
      const ledger = await withThree(await open())
      await ledger.dead.startReplay(['L3'])
      assert.equal(await ledger.dead.drop(['L1', 'L1', 'L3', 'unknown']), 1)
      assert.equal(await ledger.dead.drop(['L1']), 0)
      assert.deepEqual(await ledger.dead.startReplay(['L1']), [])
      const crashed = await open()
      assert.equal((await crashed.dead.find('L1'))?.state, 'dropped')
      await assertCounts(crashed, { dead: 2, replaying: 1 })
    },
  },
]
