import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import type { Host } from './host.ts'
import { Output } from './output.ts'
import { Progress } from './progress.ts'

function stage(tty: boolean, env: Record<string, string> = {}) {
  let now = 0
  let said = ''
  const clock: Clock = { now: () => now, mono: () => now, sleep: async () => {} }
  const stderr = {
    isTTY: tty,
    columns: 80,
    write: (text: string) => {
      said += text
    },
  }
  const host = { stdout: stderr, stderr, env, clock } as unknown as Host // All that Output looks at.
  const output = new Output(host, { json: false, quiet: false, colour: 'never', time: undefined })
  const wait = (ms: number) => {
    now += ms
  }
  return { output, clock, wait, said: () => said }
}

test('a log gets a line at every quarter and one at the end, without anything redrawn', () => {
  const { output, clock, wait, said } = stage(false)
  const progress = new Progress({ output, clock, label: 'sending', total: 100 })
  for (let done = 1; done <= 100; done += 1) {
    wait(10)
    progress.update(done)
  }
  progress.end(100, '0 refused')
  assert.deepEqual(said().split('\n'), [
    'sending  25/100  100/s  750 ms left',
    'sending  50/100  100/s  500 ms left',
    'sending  75/100  100/s  250 ms left',
    'sending  100/100  100/s  0 refused',
    '',
  ])
})

test('a log gets a line every ten seconds when the end is not known', () => {
  const { output, clock, wait, said } = stage(false)
  const progress = new Progress({ output, clock, label: 'sending' })
  for (let done = 1; done <= 25; done += 1) {
    wait(1000)
    progress.update(done)
  }
  assert.deepEqual(said().trim().split('\n'), ['sending  10  1/s', 'sending  20  1/s'])
})

test('a terminal gets one line that is redrawn, at most ten times a second', () => {
  const { output, clock, wait, said } = stage(true)
  const progress = new Progress({ output, clock, label: 'sending', total: 1000 })
  for (let done = 1; done < 1000; done += 1) {
    wait(1)
    progress.update(done)
  }
  const drawn = said().split('\r').slice(1)
  assert.equal(drawn.length, 9)
  assert.match(drawn[4] ?? '', /sending {2}█{10}░{10} {2}500\/1000 {2}1000\/s {2}500 ms left$/)
  assert.ok(!said().includes('\n'))
})

test('nothing is redrawn under CI', () => {
  const { output, clock, wait, said } = stage(true, { CI: 'true' })
  const progress = new Progress({ output, clock, label: 'sending', total: 4 })
  wait(1000)
  progress.update(1)
  assert.ok(!said().includes('\r'))
})
