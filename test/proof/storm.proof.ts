/**
 * The fault storm: 30 % 429, 30 % 5xx, 15 % accepted and then cut, 10 % reset; 20,000 events of 500 people, 1 % of them
 * bad. Nothing may be lost, take effect twice, or overtake; the dead letters are exactly the bad ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LetterPage } from '../../src/admin/wire.ts'
import { seeded, seedFor } from '../flow/seeded.ts'
import { stand } from '../flow/stand.ts'

const EVENTS = Number(process.env.STORM_EVENTS ?? 20_000)
const PEOPLE = 500
const BATCH = 100

interface Sent {
  readonly person: string
  readonly n: number
  readonly bad: boolean
}

test('through the storm: 0 lost, 0 twice, 0 out of order, and only the bad ones dead', async (t) => {
  const seed = seedFor('storm')
  const random = seeded(seed)
  const { call, admin, drained, emulator, gateway } = await stand({ seed })
  emulator.faults.add({ kind: 'rate_limit', percent: 30, retryAfter: null })
  emulator.faults.add({ kind: 'status', status: 503, percent: 30 })
  emulator.faults.add({ kind: 'cut', percent: 15 })
  emulator.faults.add({ kind: 'reset', percent: 10 })
  const sent: Sent[] = Array.from({ length: EVENTS }, (_, n) => ({
    person: `p${Math.floor(random() * PEOPLE)}`,
    n,
    bad: random() < 0.01,
  }))
  const started = performance.now()
  for (let at = 0; at < EVENTS; at += BATCH) {
    const batch = sent.slice(at, at + BATCH).map(operationOf)
    assert.equal((await call('POST', '/api/v2/batch', { batch })).status, 200)
  }
  const figures = setInterval(async () => assertBalanced(await gateway.conservation()), 250)
  await drained()
  clearInterval(figures)
  t.diagnostic(
    `${EVENTS} events in ${((performance.now() - started) / 1000).toFixed(1)} s, ${emulator.stats().requests} calls`,
  )

  const arrived = emulator.events()
  for (const [person, mine] of Map.groupBy(
    sent.filter(({ bad }) => !bad),
    (event) => event.person,
  ))
    assert.deepEqual(
      arrived.filter((event) => event.person === `id:${person}`).map(({ data }) => data.n),
      mine.map(({ n }) => n),
      `${person}: each once, in order`,
    )
  assert.equal(arrived.length, sent.filter(({ bad }) => !bad).length)

  const dead = await allLetters(admin)
  assert.deepEqual(
    dead.map(({ n }) => n).sort((a, b) => a - b),
    sent.filter(({ bad }) => bad).map(({ n }) => n),
  )
  assert.ok(
    dead.every(({ message }) => /100 bytes/.test(message)),
    'in the words of Customer.io',
  )
  const balance = await gateway.conservation()
  assertBalanced(balance)
  assert.deepEqual([balance.accepted, balance.pending], [EVENTS, 0])
})

const operationOf = ({ person, n, bad }: Sent) => ({
  type: 'person',
  identifiers: { id: person },
  action: 'event',
  name: bad ? 'x'.repeat(101) : 'tick',
  attributes: { n },
})

function assertBalanced({ missing }: { missing: number | null }): void {
  assert.equal(missing, 0, 'the ledger balances at every moment')
}

type Admin = Awaited<ReturnType<typeof stand>>['admin']

async function allLetters(admin: Admin): Promise<{ n: number; message: string }[]> {
  const found: { n: number; message: string }[] = []
  for (let after = ''; ; ) {
    const page = await admin<LetterPage>(`/dead-letters?limit=500${after && `&after=${after}`}`)
    for (const { value, refusal } of page.data)
      found.push({ n: JSON.parse(value).attributes.n, message: refusal.message ?? '' })
    if (page.next_cursor === null) return found
    after = page.next_cursor
  }
}
