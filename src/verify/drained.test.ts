import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { untilDrained } from './drained.ts'

/** No patience at all: whatever does not come at once never does. */
const clock = { ...systemClock, sleep: () => systemClock.sleep(0) }

test('the last news, told while the figure is asked for, is heard', async () => {
  const bell = new EventTarget()
  let left = 3
  const pending = async () => {
    const before = left
    left = 0
    bell.dispatchEvent(new Event('told')) // it is delivered, and the figure is from before
    return before
  }
  const news = () => new Promise((resolve) => bell.addEventListener('told', resolve, { once: true }))
  await untilDrained({ pending, news, clock })
})

test('a gateway at which nothing happens any more has a name', async () => {
  const hung = untilDrained({ pending: async () => 3, news: () => new Promise(() => {}), clock })
  await assert.rejects(hung, { code: 'timed_out', message: /with 3 pending/ })
})
