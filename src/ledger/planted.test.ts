/** The conformance suite is worth something only if it fails: each planted fault must be found by the scenario named. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Ends, eachOf } from '../core/ends.ts'
import { TOPICS } from '../core/record.ts'
import { scenarios, withStand } from './conformance.ts'
import type { Entry, Ledger } from './ledger.ts'
import { openSqliteLedger } from './sqlite.ts'

/** A ledger like the one given, but for what the fault says of it. */
type Fault = (good: Ledger) => Partial<Ledger>

function planted(good: Ledger, fault: Fault): Ledger {
  return {
    record: (entries, onCounted) => good.record(entries, onCounted),
    find: (id) => good.find(id),
    recorded: (of) => good.recorded(of),
    reached: (topic) => good.reached(topic),
    recent: (limit) => good.recent(limit),
    counts: () => good.counts(),
    seen: (source, ids) => good.seen(source, ids),
    remember: (source, accepted, at) => good.remember(source, accepted, at),
    trim: (at) => good.trim(at),
    dead: good.dead,
    ...fault(good),
    [Symbol.asyncDispose]: () => good[Symbol.asyncDispose](),
  }
}

const singly = (ended: readonly (Entry | Ends)[]): Entry[] =>
  ended.flatMap((one) => ('ids' in one ? eachOf(one) : [one]))

const deadLetters = ({ dead }: Ledger): Ledger['dead'] => ({
  list: (query) => dead.list(query),
  find: (id) => dead.find(id),
  groups: () => dead.groups(),
  waiting: () => dead.waiting(),
  startReplay: (ids) => dead.startReplay(ids),
  ids: (selection) => dead.ids(selection),
  drop: (ids) => dead.drop(ids),
})

const changingEntries =
  (change: (entry: Entry) => Entry): Fault =>
  (good) => ({ record: (entries) => good.record(singly(entries).map(change)) })

const tellingTwice: Fault = (good) => {
  let told = 0
  const again = (entry: Entry) => ({ ...entry, offset: 1_000_000 + told++ })
  return { record: (entries) => good.record(singly(entries).flatMap((entry) => [entry, again(entry)])) }
}

interface Planted {
  readonly what: string
  /** How the name of the scenario begins that must find it. */
  readonly foundBy: string
  readonly fault: Fault
}

const FAULTS: readonly Planted[] = [
  {
    what: 'counts what is told twice',
    foundBy: 'an operation recorded again at its offset',
    fault: tellingTwice,
  },
  {
    what: 'counts what is told twice',
    foundBy: 'in every order, with any repeats',
    fault: tellingTwice,
  },
  {
    what: 'counts a duplicate each time it comes',
    foundBy: 'at another offset, lane or topic',
    fault: (good) => {
      let told = 0
      const elsewhere = (entry: Entry) =>
        entry.outcome === 'dead' ? { ...entry, offset: 100 + told++ } : entry
      return { record: (entries) => good.record(singly(entries).map(elsewhere)) }
    },
  },
  {
    what: 'knows no more how far a lane had come when less is recorded of it',
    foundBy: 'how far into each lane',
    fault: (good) => {
      let last: readonly Entry[] = []
      return {
        record: (entries) => {
          last = singly(entries)
          return good.record(entries)
        },
        reached: async (topic) =>
          new Map(last.filter((one) => one.topic === topic).map(({ lane, offset }) => [lane, offset])),
      }
    },
  },
  {
    what: 'tells whoever records before its figures do',
    foundBy: 'whoever records is told of it',
    fault: (good) => ({
      record: (entries, onCounted) => {
        onCounted?.()
        return good.record(entries)
      },
    }),
  },
  {
    what: 'takes the last of two ends instead of the first',
    foundBy: 'of two recordings in one call',
    fault: (good) => ({ record: (entries) => good.record(entries.toReversed()) }),
  },
  {
    what: 'has figures that leave the rows',
    foundBy: 'after any history',
    fault: (good) => ({
      counts: async () => ({ ...(await good.counts()), delivered: (await good.recent(1_000)).length }),
    }),
  },
  {
    what: 'counts a replay published twice as a duplicate',
    foundBy: 'a replay that comes again after its end',
    fault: changingEntries((entry) =>
      entry.topic === TOPICS.replay && entry.offset === 99 ? { ...entry, topic: TOPICS.events } : entry,
    ),
  },
  {
    what: 'takes a record of the live topic for the end of a replay',
    foundBy: 'a letter on its way again',
    fault: changingEntries((entry) => (entry.offset === 50 ? { ...entry, topic: TOPICS.replay } : entry)),
  },
  {
    what: 'loses a letter on its way again',
    foundBy: 'a replay takes waiting letters only',
    fault: (good) => ({
      dead: { ...deadLetters(good), ids: async (of) => (await good.dead.ids(of)).slice(1) },
    }),
  },
  {
    what: 'loses a letter whose replay dies',
    foundBy: 'a letter whose replay dies',
    fault: changingEntries((entry) =>
      entry.topic === TOPICS.replay ? { ...entry, outcome: 'suppressed' } : entry,
    ),
  },
  {
    what: 'forgets the end of a replay',
    foundBy: 'a letter whose replay is delivered',
    fault: (good) => ({
      record: (entries) => good.record(singly(entries).filter(({ topic }) => topic !== TOPICS.replay)),
    }),
  },
  {
    what: 'counts among those that wait what was dropped',
    foundBy: 'waiting letters are grouped',
    fault: (good) => ({
      dead: { ...deadLetters(good), waiting: async () => (await good.counts()).dead },
    }),
  },
  {
    what: 'does not drop',
    foundBy: 'a dropped letter stays',
    fault: (good) => ({ dead: { ...deadLetters(good), drop: async () => 1 } }),
  },
  {
    what: 'gives replays in the wrong order',
    foundBy: 'a replay takes waiting letters only',
    fault: (good) => ({
      dead: {
        ...deadLetters(good),
        startReplay: async (ids) => (await good.dead.startReplay(ids)).toReversed(),
      },
    }),
  },
  {
    what: 'forgets attempts but the last',
    foundBy: 'every kind of end',
    fault: (good) => ({
      find: async (id) => {
        const entry = await good.find(id)
        return entry && { ...entry, attempts: entry.attempts.slice(-1) }
      },
    }),
  },
  {
    what: 'forgets attempts from before a replay',
    foundBy: 'a letter whose replay dies',
    fault: (good) => ({
      dead: {
        ...deadLetters(good),
        find: async (id) => {
          const letter = await good.dead.find(id)
          return letter && { ...letter, attempts: letter.attempts.slice(-1) }
        },
      },
    }),
  },
  {
    what: 'writes values anew instead of keeping their bytes',
    foundBy: 'a dead letter keeps its bytes',
    fault: changingEntries((entry) => {
      if (!entry.value?.startsWith('{')) return entry
      return { ...entry, value: JSON.stringify(JSON.parse(entry.value)) }
    }),
  },
  {
    what: 'answers before it is durable',
    foundBy: 'what has ended is there after a crash',
    fault: (good) => ({
      record: async (entries) => {
        void good.record(entries).catch(() => {})
      },
    }),
  },
  {
    what: 'pages by place in the list, so that letters that leave shift it',
    foundBy: 'paging meets every letter once',
    fault: (good) => {
      let seen = 0
      const list: Ledger['dead']['list'] = async ({ after: _, ...query }) => {
        const page = (await good.dead.list({ ...query, limit: seen + query.limit })).slice(seen)
        seen += page.length
        return page
      }
      return { dead: { ...deadLetters(good), list } }
    },
  },
  {
    what: 'knows the client ids of other sources',
    foundBy: 'a client id is known to its own source',
    fault: (good) => ({
      seen: (_, ids) => good.seen('all', ids),
      remember: (_, accepted, at) => good.remember('all', accepted, at),
    }),
  },
  {
    what: 'takes client ids for each other that differ in lone surrogates',
    foundBy: 'no two client ids',
    fault: (good) => ({
      seen: (source, ids) =>
        good.seen(
          source,
          ids.map((id) => id.toWellFormed()),
        ),
      remember: (source, accepted, at) =>
        good.remember(source, new Map([...accepted].map(([id, op]) => [id.toWellFormed(), op])), at),
    }),
  },
  {
    what: 'forgets one millisecond too much',
    foundBy: 'trim forgets what settled before',
    fault: (good) => ({ trim: (at) => good.trim(at + 1) }),
  },
  {
    what: 'forgets nothing',
    foundBy: 'trim forgets more than fits one step',
    fault: () => ({ trim: async () => 0 }),
  },
]

describe('the conformance suite finds a ledger that', () => {
  for (const { what, foundBy, fault } of FAULTS)
    test(`${what} (${foundBy} …)`, async () => {
      const scenario = scenarios.find(({ name }) => name.startsWith(foundBy))
      assert.ok(scenario, `no scenario begins with "${foundBy}"`)
      const open = async (directory: string) => planted(await openSqliteLedger({ directory }), fault)
      await assert.rejects(withStand(open, scenario.run), /AssertionError|Property failed/)
    })
})
