import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import { Turns } from './turns.ts'

/** Sleeping takes no time but its own. */
function clockAt(now: number): Clock & { now: () => number; set: (to: number) => void } {
  let mono = now
  return {
    now: () => mono,
    mono: () => mono,
    sleep: async () => {},
    set: (to) => {
      mono = to
    },
  }
}

test('turns come at an even distance, whoever asks', async () => {
  const clock = clockAt(0)
  const waits: number[] = []
  const turns = new Turns({ ...clock, sleep: async (ms) => void waits.push(ms) }, 10)
  for (let n = 0; n < 4; n += 1) assert.equal(await turns.take(10_000), 0)
  assert.deepEqual(waits, [100, 200, 300])
  clock.set(10_000)
  assert.equal(await turns.take(0), 0, 'time that nobody used is not saved up')
  assert.equal(await turns.take(0), 100)
})

test('who would wait too long takes no turn', async () => {
  const turns = new Turns(clockAt(0), 10)
  await turns.take(0)
  assert.equal(await turns.take(50), 100)
  assert.equal(await turns.take(50), 100, 'asking costs nothing')
  assert.equal(await turns.take(100), 0)
})

test('a pause holds the next turn off', async () => {
  const turns = new Turns(clockAt(0), 10)
  turns.pause(3_000)
  turns.pause(1_000)
  assert.equal(await turns.take(0), 3_000)
})
