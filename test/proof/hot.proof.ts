/** One person with 20,000 events queued must not slow down the others. Measured side by side, three times each. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventBatch, stand } from '../flow/stand.ts'

const PEOPLE = 300
const HOT_EVENTS = 20_000

/** The 99th percentile of the time from acceptance to effect, of one event of each of the others. */
async function latencyOfOthers(hotEvents: number): Promise<number> {
  const { call, drained, emulator } = await stand()
  emulator.faults.add({ kind: 'latency', ms: 20 })
  for (let sent = 0; sent < hotEvents; sent += 1000)
    await call('POST', '/api/v2/batch', eventBatch(new Array(1000).fill('hot')))
  const sentAt = new Map<string, number>()
  for (let n = 0; n < PEOPLE; n += 1) {
    sentAt.set(`id:p${n}`, Date.now())
    await call('POST', `/api/v1/customers/p${n}/events`, { name: 'tick' })
  }
  await drained()
  const waits = emulator
    .events()
    .filter(({ person }) => person !== 'id:hot')
    .map(({ person, applied_at }) => applied_at - (sentAt.get(person ?? '') ?? 0))
    .sort((a, b) => a - b)
  assert.equal(waits.length, PEOPLE)
  assert.equal(emulator.events({ person: 'id:hot' }).length, hotEvents)
  return waits[Math.floor(PEOPLE * 0.99)] ?? 0
}

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

test('a hot person does not slow the others’ p99 by more than half', async (t) => {
  await latencyOfOthers(0) // warm-up: the first calls of a process compile what all later ones use
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round < 3; round += 1) {
    alone.push(await latencyOfOthers(0))
    beside.push(await latencyOfOthers(HOT_EVENTS))
  }
  t.diagnostic(`p99 in ms: alone ${alone.join(', ')}; beside the hot person ${beside.join(', ')}`)
  assert.ok(middle(beside) <= middle(alone) * 1.5, `${middle(beside)} ms beside, ${middle(alone)} ms alone`)
})
