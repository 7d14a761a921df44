import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Place, Received } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { Recovery } from './recovery.ts'

const record = (offset: number): Received => ({
  id: String(offset),
  key: 'id:1',
  kind: 'person.event',
  at: 0,
  headers: {},
  value: '{}',
  topic: 'customerio.events',
  lane: 0,
  offset,
  epoch: 1,
})

/** A ledger that holds these of lane 0, and tells how often it is asked. */
function holding(...offsets: readonly number[]) {
  const asked: number[] = []
  const ledger: Pick<Ledger, 'recorded' | 'reached'> = {
    recorded: async (of) => {
      asked.push(...of.map(({ offset }) => offset))
      return new Set(of.filter(({ offset }) => offsets.includes(offset)))
    },
    reached: async () => new Map(offsets.length === 0 ? [] : [[0, Math.max(...offsets)]]),
  }
  return { ledger, asked }
}

const below = (end: number) => Array.from({ length: end }, (_, offset) => offset)

function recoveryFrom(...offsets: readonly number[]) {
  const { ledger, asked } = holding(...offsets)
  const settled: number[] = []
  const settle = async (places: readonly Place[]) => settled.push(...places.map(({ offset }) => offset))
  const recovery = new Recovery(ledger, settle)
  const sift = (from: number, to: number, epoch = 1) =>
    recovery.sift(Array.from({ length: to - from }, (_, n) => ({ ...record(from + n), epoch })))
  return { recovery, sift, settled, asked }
}

/** Of lane 0, from this offset on. */
const unsettledFrom = (position: number, unsettled: number) => ({
  unsettled,
  positions: new Map([[0, position]]),
})

test('nothing is looked up of a lane in which nothing has ended, nor beyond what has', async () => {
  const fresh = recoveryFrom()
  await fresh.recovery.begin(unsettledFrom(0, 1_000))
  await fresh.recovery.over
  assert.equal((await fresh.sift(0, 1_000)).length, 1_000)
  const { recovery, sift, asked } = recoveryFrom(12)
  await recovery.begin(unsettledFrom(10, 1_000))
  await sift(10, 20)
  await sift(20, 30)
  assert.deepEqual([fresh.asked, asked], [[], [10, 11, 12]])
})

test('a lane that comes back under another epoch is looked up again', async () => {
  const { recovery, sift, settled } = recoveryFrom(...below(95))
  recovery.giveUp()
  assert.equal((await sift(100, 130)).length, 30)
  assert.equal((await sift(130, 160)).length, 30)
  assert.equal((await sift(70, 100, 2)).length, 5, 'it had ended 25 of them before it lost the lane')
  assert.equal(settled.length, 25)
})

test('a group that begins far behind is led to where it was, however far that is, and nothing is sent again', async () => {
  const { recovery, sift, settled } = recoveryFrom(...below(95))
  await recovery.begin(unsettledFrom(0, 130))
  const left: Received[] = []
  for (let at = 0; at < 130; at += 10) left.push(...(await sift(at, at + 10)))
  await recovery.over
  assert.deepEqual([settled.length, left[0]?.offset, left.length], [95, 95, 35])
})

test('it is over when the last that had ended has come, and not before, whoever died in between', async () => {
  const { recovery, sift, settled } = recoveryFrom(3, 47_000)
  await recovery.begin(unsettledFrom(0, 60_000))
  for (let at = 0; at < 46_000; at += 2_000) await sift(at, at + 2_000)
  assert.deepEqual([recovery.isOver, settled], [false, [3]])
  await sift(46_000, 48_000)
  assert.deepEqual([recovery.isOver, settled], [true, [3, 47_000]])
})

test('it is over when all that is not new has come, whichever of it had ended', async () => {
  const { recovery, sift } = recoveryFrom(15, 35)
  await recovery.begin(unsettledFrom(0, 30))
  const left = [...(await sift(0, 10)), ...(await sift(10, 30))] // 35 is settled
  await recovery.over
  assert.equal(left.length, 29)
})

test('it is over at once when what had ended is settled', async () => {
  const { recovery } = recoveryFrom(15)
  await recovery.begin(unsettledFrom(16, 1_000))
  await recovery.over
})

test('what waits behind what is set aside is not looked up', async () => {
  const { recovery, asked } = recoveryFrom(15)
  await recovery.begin(unsettledFrom(0, 16))
  await recovery.sift(below(16).map(record), ({ offset }) => offset < 10)
  assert.deepEqual(asked, [10, 11, 12, 13, 14, 15])
})
