import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Place, Received } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { Dispatcher } from './dispatcher.ts'
import { Recovery } from './recovery.ts'
import { Window } from './window.ts'

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

/** A ledger that holds these. */
const holding = (holds: (offset: number) => boolean): Pick<Ledger, 'recorded'> => ({
  recorded: async (of) => new Set(of.filter(({ offset }) => holds(offset))),
})

function recoveryFrom(ended: number) {
  const settled: number[] = []
  const settle = async (places: readonly Place[]) => settled.push(...places.map(({ offset }) => offset))
  return {
    recovery: new Recovery(
      holding((offset) => offset < ended),
      settle,
    ),
    settled,
  }
}

test('a lane that comes back under another epoch is looked up again', async () => {
  const { recovery, settled } = recoveryFrom(95)
  recovery.beginShared(20)
  const sift = (from: number, epoch: number) =>
    recovery.sift(Array.from({ length: 30 }, (_, n) => ({ ...record(from + n), epoch })))
  assert.equal((await sift(100, 1)).length, 30)
  assert.equal((await sift(130, 1)).length, 30)
  assert.equal((await sift(70, 2)).length, 5, 'it had ended 25 of them before it lost the lane')
  assert.equal(settled.length, 25)
})

test('a group that begins far behind is led to where it was, however far that is, and nothing is sent again', async () => {
  const { recovery, settled } = recoveryFrom(95)
  recovery.begin(20, 130)
  const left: Received[] = []
  for (let at = 0; at < 130; at += 10)
    left.push(...(await recovery.sift(Array.from({ length: 10 }, (_, n) => record(at + n)))))
  await recovery.over
  assert.deepEqual([settled.length, left[0]?.offset, left.length], [95, 95, 35])
})

test('it is over when all that is not new has come, whichever of it had ended', async () => {
  const recovery = new Recovery(
    holding((offset) => offset === 15),
    async () => {},
  )
  recovery.begin(100, 30)
  const left: Received[] = []
  for (let at = 0; at < 30; at += 10)
    left.push(...(await recovery.sift(Array.from({ length: 10 }, (_, n) => record(at + n)))))
  await recovery.over
  assert.equal(left.length, 29)
})

test('what had ended behind all that may be held or set aside is found', async () => {
  const window = new Window(new Dispatcher())
  const recovery = new Recovery(
    holding((offset) => offset === 30_000),
    async () => {},
  )
  recovery.begin(window.reach, 30_001)
  const left: Received[] = []
  for (let at = 0; at <= 30_000; at += 10_000)
    left.push(
      ...(await recovery.sift(
        Array.from({ length: Math.min(10_000, 30_001 - at) }, (_, n) => record(at + n)),
      )),
    )
  assert.equal(left.length, 30_000)
})
