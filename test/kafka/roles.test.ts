/** Several processes over one real broker: intakes and workers that share the load. Each is a whole gateway with its roles. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { USER } from '../../scripts/kafka/broker.ts'
import type { Done, LetterPage, Trace } from '../../src/admin/wire.ts'
import { SluiceError } from '../../src/core/errors.ts'
import { TOPICS } from '../../src/core/record.ts'
import { stand, temporary } from '../flow/stand.ts'
import { shared, standCluster, until } from './gateways.ts'
import { reasonToLeaveOut, shareBroker } from './stand.ts'

const skip = reasonToLeaveOut()
const broker = shareBroker(skip)

test('two intakes and two workers: everything once, in order per person, whichever intake it came through', {
  skip,
}, async () => {
  const { emulator, start } = await standCluster(broker().address())
  const intakes = [await start('ingest'), await start('ingest')]
  const workers = [await start('delivery'), await start('delivery')]
  await shared(workers)
  // One person after the other tells the truth only if they are told in turns: each call waits for the one before it.
  const people = Array.from({ length: 6 }, (_, n) => n)
  await Promise.all(
    people.map(async (n) => {
      await intakes[n % 2]?.call('PUT', `/api/v1/customers/u${n}`, { email: `u${n}@example.com` })
      for (let i = 0; i < 8; i += 1) {
        const name = i % 3 === 0 ? encodeURIComponent(`u${n}@example.com`) : `u${n}`
        await intakes[i % 2]?.call('POST', `/api/v1/customers/${name}/events`, { name: 'e', data: { i } })
      }
    }),
  )
  // The first is told when all have ended, and what the others ended is settled; the next, that its own is.
  for (const { gateway } of workers) await until(async () => (await gateway.conservation()).pending === 0)
  emulator.settle()
  for (const n of people)
    assert.deepEqual(
      emulator.events({ person: `id:u${n}` }).map(({ data }) => data.i),
      Array.from({ length: 8 }, (_, i) => i),
    )
  const figures = await Promise.all(workers.map(({ gateway }) => gateway.conservation()))
  const ended = figures.map(({ delivered, coalesced }) => delivered + coalesced)
  assert.equal((ended[0] ?? 0) + (ended[1] ?? 0), 6 * 9, 'the ledgers of both together')
  assert.ok(
    ended.every((count) => count > 0),
    'both worked',
  )
  for (const [n, { accepted, elsewhere, missing }] of figures.entries())
    assert.deepEqual([accepted, elsewhere, missing], [6 * 9, ended[1 - n], null])
})

test('a dead letter is replayed by the process that holds it, whoever owns the lane', { skip }, async () => {
  const { emulator, start } = await standCluster(broker().address())
  const intake = await start('ingest')
  const workers = [await start('delivery'), await start('delivery')]
  await shared(workers)
  emulator.faults.add({ kind: 'status', status: 400 })
  for (let n = 0; n < 12; n += 1) await intake.call('POST', `/api/v1/customers/u${n}/events`, { name: 'e' })
  await until(async () => (await workers[0]?.gateway.conservation())?.pending === 0)
  emulator.faults.clear()
  for (const { admin, gateway } of workers) {
    const { data } = await admin<LetterPage>('/dead-letters')
    assert.ok(data.length > 0, 'each holds some')
    const done = await admin<Done>('/dead-letters/replay', { ids: data.map(({ id }) => id) })
    assert.equal(done.count, data.length)
    await until(async () => {
      const { delivered, dead, pending } = await gateway.conservation()
      return delivered === data.length && dead === 0 && pending === 0
    })
  }
  emulator.settle()
  assert.equal(emulator.events().length, 12)
})

test('what a stopped worker had left, another delivers', { skip }, async () => {
  const { emulator, start } = await standCluster(broker().address())
  emulator.faults.add({ kind: 'outage', status: 503 })
  const first = await start('ingest,delivery')
  await first.gateway.publish(TOPICS.track, [
    { key: 'a', value: '{"type":"track","userId":"a","payload":{"event":"e"}}' },
    { key: 'a', value: Uint8Array.of(0xff) },
  ])
  const waiting = await first.call('POST', '/api/v1/customers/b/events', { name: 'e' })
  await until(async () => (await first.gateway.conservation()).accepted === 3)
  const trace = await first.admin<Trace>(`/operations/${waiting.headers.get('x-sluice-id')}`)
  assert.deepEqual([trace.state, trace.key], ['pending', 'id:b'])
  await first.gateway.close()
  emulator.faults.clear()
  const second = await start('delivery')
  await until(async () => (await second.gateway.conservation()).pending === 0)
  emulator.settle()
  assert.equal(emulator.events().length, 2)
})

test('a topic that is missing is named at the start, with what to do', { skip }, async () => {
  const env = {
    SLUICE_BUS: 'kafka',
    SLUICE_KAFKA_BROKERS: broker().address(),
    SLUICE_KAFKA_PREFIX: 'nowhere.',
  }
  await assert.rejects(stand({ env }), (thrown) => {
    assert.ok(thrown instanceof SluiceError)
    assert.equal(thrown.code, 'topic_missing')
    assert.match(thrown.hint, /sluice bus init/)
    return true
  })
})

test('a gateway comes in by the door that its settings name: SCRAM over TLS, secrets from files', {
  skip,
}, async () => {
  const { emulator, start } = await standCluster(broker().address())
  const directory = temporary()
  const [ca, password] = [join(directory, 'ca.pem'), join(directory, 'password')]
  writeFileSync(ca, broker().certificates.ca)
  writeFileSync(password, USER.password)
  const door = {
    SLUICE_KAFKA_BROKERS: broker().address('sasltls'),
    SLUICE_KAFKA_SASL_USERNAME: USER.username,
    SLUICE_KAFKA_SASL_PASSWORD_FILE: password,
    SLUICE_KAFKA_CA_FILE: ca,
  }
  const { call, gateway } = await start('ingest,delivery', door)
  await call('POST', '/api/v1/customers/42/events', { name: 'e' })
  await until(async () => (await gateway.conservation()).pending === 0)
  emulator.settle()
  assert.equal(emulator.events().length, 1)
  writeFileSync(password, 'another')
  await assert.rejects(start('ingest', door), { code: 'bus_unauthorized' })
})
