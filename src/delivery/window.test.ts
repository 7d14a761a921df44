import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/cases.ts'
import { type Received, TOPICS } from '../core/record.ts'
import type { Batch } from './batch.ts'
import { Dispatcher } from './dispatcher.ts'
import { keysOf, makeOp, type Op } from './op.ts'
import { Window } from './window.ts'

const LANES = 4

/** A log, a window of so many operations that is filled from it, and a dispatcher that is emptied. */
function stand(records: readonly Received[], windowOps: number) {
  const dispatcher = new Dispatcher(100)
  const window = new Window(dispatcher, windowOps)
  /** Under which the lanes are handed out now, and under which each record was. */
  const epochs = new Array<number>(LANES).fill(1)
  const handed = new Map<number, number>()
  const ended = new Set<number>()
  const intake = () => {
    const isNew = ({ offset, lane }: Received) => !ended.has(offset) && handed.get(offset) !== epochs[lane]
    if (!window.hasRoom(TOPICS.events)) return
    for (const record of records.filter(isNew).slice(0, window.batch)) {
      const epoch = epochs[record.lane] ?? 0
      handed.set(record.offset, epoch)
      window.admit(TOPICS.events, [makeOp({ ...record, epoch })])
    }
  }
  /** As `Bus.read`: everything of the lane, whoever has settled it. */
  const reread = () => {
    const wanted = window.wanted()
    if (wanted === undefined) return
    const { lane, from, limit } = wanted
    const found = records.filter((record) => record.lane === lane && record.offset >= from)
    assert.deepEqual(window.take(wanted, found.slice(0, limit)).gone, [])
  }
  const release = (ops: readonly Op[]) => {
    for (const { offset } of ops) ended.add(offset)
    dispatcher.release(ops)
    window.release(ops)
  }
  /** The lane goes and comes back: what is not settled of it comes again, in another epoch. */
  const revoke = (lane: number) => {
    const over = epochs[lane] ?? 0
    window.forget((place) => place.lane === lane && place.epoch <= over)
    epochs[lane] = over + 1
  }
  const isCurrent = ({ epoch, lane }: Op) => epoch === epochs[lane]
  return { dispatcher, window, intake, reread, release, revoke, isCurrent, ended }
}

function recordAt(
  offset: number,
  { key, also, lane }: { key: string; also?: string; lane: number },
): Received {
  const headers = also === undefined || also === key ? {} : { 'also-keys': JSON.stringify([also]) }
  const kind = also === undefined ? 'person.event' : 'person.merge'
  const place = { topic: TOPICS.events, lane, offset, epoch: 0 }
  return { id: `op-${offset}`, key, kind, at: 0, headers, value: '{"timestamp":1}', ...place }
}

const opsOf = (batch: Batch | undefined): Op[] => batch?.runs.flatMap((run) => [...run.ops]) ?? []

const person = fc.record({
  /** One of them has most of it. */
  who: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.nat(5) }),
  also: fc.option(fc.nat(5), { freq: 12, nil: undefined }),
})

test('whoever has how much, whatever goes again: all end once, in order for each, within the window', () => {
  fc.assert(
    fc.property(
      fc.array(person, { minLength: 30, maxLength: 200, size: 'max' }),
      fc.constantFrom(1, 4, 20, 40, 200, 400),
      fc.infiniteStream(fc.constantFrom('ok', 'ok', 'ok', 'again')),
      (people, windowOps, answers) => {
        const records = people.map(({ who, also }, offset) =>
          recordAt(offset, {
            key: `p${who}`,
            lane: who % LANES,
            ...(also === undefined ? {} : { also: `p${also}` }),
          }),
        )
        const { dispatcher, window, intake, reread, release } = stand(records, windowOps)
        const ended: Op[] = []
        for (let turn = 0; ended.length < records.length; turn += 1) {
          assert.ok(turn < 5_000, 'it comes to an end')
          intake()
          reread()
          assert.ok(
            dispatcher.held <= windowOps + window.batch + Math.max(1, windowOps / 4),
            `${dispatcher.held} held`,
          )
          dispatcher.unparkAll()
          dispatcher.letThrough(dispatcher.takeHeldBack())
          const ops = opsOf(dispatcher.take(true))
          if (turn < 2_000 && answers.next().value === 'again')
            for (const run of Object.values(Object.groupBy(ops, ({ key }) => key)))
              dispatcher.giveBack(run ?? [], 0)
          else {
            ended.push(...ops)
            release(ops)
          }
        }
        assert.equal(new Set(ended.map(({ offset }) => offset)).size, records.length, 'each once')
        assertOrder(ended)
        assert.deepEqual([window.aside, dispatcher.held, dispatcher.bytes], [0, 0, 0])
      },
    ),
    { numRuns: cases(60, 300), seed: 11 },
  )
})

test('lanes that go and come back leave nothing behind, and what was set aside of them comes under the new epoch', () => {
  fc.assert(
    fc.property(
      fc.array(person, { minLength: 30, maxLength: 120, size: 'max' }),
      fc.infiniteStream(fc.nat(40)),
      (people, chances) => {
        const records = people.map(({ who }, offset) =>
          recordAt(offset, { key: `p${who}`, lane: who % LANES }),
        )
        const { dispatcher, window, intake, reread, release, revoke, isCurrent, ended } = stand(records, 20)
        const effects: Op[] = []
        for (let turn = 0; ended.size < records.length; turn += 1) {
          assert.ok(turn < 5_000, 'it comes to an end')
          intake()
          reread()
          const lane = chances.next().value ?? 0
          if (lane < LANES && turn < 1_000) revoke(lane)
          const ops = opsOf(dispatcher.take(true))
          assert.ok(ops.every(isCurrent), 'nothing of a lane that went')
          effects.push(...ops)
          release(ops)
        }
        assertOrder(effects)
        assert.equal(window.aside, 0)
      },
    ),
    { numRuns: cases(40, 200), seed: 12 },
  )
})

test('one person has a twentieth of the window, and of what is read again as much; the others have the rest', () => {
  const hot = Array.from({ length: 500 }, (_, n) => recordAt(n, { key: 'hot', lane: 0 }))
  const { dispatcher, window, intake, reread } = stand([...hot, recordAt(500, { key: 'cold', lane: 0 })], 200)
  for (let turn = 0; turn < 20; turn += 1) {
    intake()
    reread()
  }
  assert.deepEqual([dispatcher.held, window.aside], [2 * 10 + 1, 500 - 2 * 10])
  assert.equal(opsOf(dispatcher.take(true)).filter(({ key }) => key === 'cold').length, 1)
})

test('what is set aside has a bound, beyond which nothing more is taken from the log', () => {
  const dispatcher = new Dispatcher()
  const window = new Window(dispatcher)
  const op = (offset: number) => makeOp(recordAt(offset, { key: 'hot', lane: 0 }))
  let taken = 0
  for (; window.hasRoom(TOPICS.events); taken += 1000)
    window.admit(
      TOPICS.events,
      Array.from({ length: 1000 }, (_, n) => op(taken + n)),
    )
  assert.deepEqual([taken, dispatcher.held], [1_001_000, 1_000])
})

test('what the log has no more, of what was set aside, is named and no longer waited for', () => {
  const records = Array.from({ length: 6 }, (_, n) => recordAt(n, { key: 'hot', lane: 0 }))
  const { window, intake } = stand(records, 20)
  intake()
  const wanted = window.wanted()
  assert.ok(wanted)
  const { gone, ops } = window.take(
    wanted,
    records.filter(({ offset }) => offset > 2),
  )
  assert.deepEqual(
    [gone.map(({ offset }) => offset), ops.map(({ offset }) => offset)],
    [
      [1, 2],
      [3, 4, 5],
    ],
  )
})

function assertOrder(ops: readonly Op[]): void {
  const last = new Map<string, number>()
  for (const op of ops)
    for (const key of keysOf(op)) {
      assert.ok(op.offset > (last.get(key) ?? -1), `order of ${key}`)
      last.set(key, op.offset)
    }
}

/** Until nothing is left: what a window hands out, by offset. */
function sentOf({ dispatcher, intake, reread, release }: ReturnType<typeof stand>): number[] {
  const sent: number[] = []
  for (let turn = 0; turn < 100; turn += 1) {
    intake()
    reread()
    dispatcher.letThrough(dispatcher.takeHeldBack())
    const ops = opsOf(dispatcher.take(true))
    sent.push(...ops.map(({ offset }) => offset))
    release(ops)
  }
  return sent
}

test('two people of one lane who become one lose nothing of what was set aside of either', () => {
  const people = [...'AAAAAAAAAABBBBBBBBBBAAABABABAB']
  const records = people.map((key, offset) => recordAt(offset, { key, lane: 0 }))
  records.push(recordAt(people.length, { key: 'A', also: 'B', lane: 0 }))
  const sent = sentOf(stand(records, 200))
  assert.equal(new Set(sent).size, records.length)
  assert.equal(sent.at(-1), people.length)
})

test('a line that is read while its lane goes and comes back takes nothing from its successor', () => {
  const at = (offset: number) => recordAt(offset, { key: 'A', lane: 0 })
  const records = [0, 1, 2, 3].map(at)
  const standing = stand(records, 20)
  const { dispatcher, window, intake, release, revoke } = standing
  intake()
  const wanted = window.wanted()
  assert.ok(wanted)
  revoke(0)
  intake()
  window.take(wanted, records.slice(wanted.from, wanted.from + wanted.limit))
  const first = opsOf(dispatcher.take(true))
  release(first)
  records.push(at(4))
  assert.deepEqual([...first.map(({ offset }) => offset), ...sentOf(standing)], [0, 1, 2, 3, 4])
})
