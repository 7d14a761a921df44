/**
 * Producers that know nothing of Sluice: kcat and confluent-kafka write the reference envelope to a real broker, 1 % garbage
 * between. `.ci/run` installs both; where one is missing its test says so, and with SLUICE_REQUIRE_ALL it fails.
 */
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { PYTHON } from '../../scripts/clients.ts'
import type { BusReport } from '../../src/admin/wire.ts'
import type { DeadLetter } from '../../src/ledger/ledger.ts'
import { sluiceWith } from '../cli/terminal.ts'
import { type Cluster, standCluster, until } from './gateways.ts'
import { reasonToLeaveOut, shareBroker } from './stand.ts'

const run = promisify(execFile)
const noBroker = reasonToLeaveOut()
const broker = shareBroker(noBroker)

/** Why a test of this client is left out, said loudly; false when it is not. */
function without(name: string, command: string, words: readonly string[], how: string): string | false {
  if (noBroker) return noBroker
  if (spawnSync(command, words, { stdio: 'ignore' }).status === 0) return false
  const reason = `${name} is not installed: ${how}`
  assert.ok(!process.env.SLUICE_REQUIRE_ALL, reason)
  process.stderr.write(`LEFT OUT: ${reason}\n`)
  return reason
}

const noKcat = without('kcat', 'kcat', ['-V'], 'apt-get install kcat')
const noPython = without('confluent-kafka', PYTHON, ['-c', 'import confluent_kafka'], 'npm run clients')

/** Resolves when everything was taken in and delivered, which is what `sluice bus lag` tells. */
async function caughtUp({ env }: Cluster, operations: number): Promise<void> {
  await until(async () => {
    const { exit, stdout, stderr } = await sluiceWith({ env }, 'bus', 'lag', '--json')
    assert.equal(exit, 0, stderr)
    const { data } = JSON.parse(stdout) as { data: BusReport['groups'] } // both ends are of this version
    const events = data.find(({ topic }) => topic === 'customerio.events')
    return data.every(({ unsettled }) => unsettled === 0) && events?.published === operations
  })
}

test('kcat writes the envelope: the person and the event stand at Customer.io', {
  skip: noKcat,
}, async () => {
  const cluster = await standCluster(broker().address())
  await cluster.start('ingest')
  const { gateway, admin } = await cluster.start('delivery')
  const produce = async (topic: string, lines: readonly string[]) => {
    const words = ['-b', broker().address(), '-P', '-t', `${cluster.env.SLUICE_KAFKA_PREFIX}${topic}`]
    const kcat = spawn('kcat', [...words, '-K', '|', '-X', 'topic.partitioner=murmur2_random'])
    kcat.stdin.end(`${lines.join('\n')}\n`)
    assert.deepEqual(await once(kcat, 'close'), [0, null])
  }
  const said = (type: string, payload: object) =>
    `42|${JSON.stringify({ type, userId: '42', payload, timestamp: '2026-11-25T18:00:00Z', correlationId: 'c-1' })}`
  await produce('customerio.identify', [said('identify', { email: 'ada@example.com', plan: 'pro' })])
  await caughtUp(cluster, 1)
  await produce('customerio.track', [
    said('track', { event: 'order', properties: { total: 19.9 } }),
    '42|garbage',
  ])
  await produce('customerio.transactional', [said('transactional', { transactional_message_id: 'receipt' })])
  await until(async () => (await gateway.conservation()).accepted === 4)
  await until(async () => (await gateway.conservation()).pending === 1) // the send stays
  cluster.emulator.settle()
  const person = cluster.emulator.person('id:42')
  assert.deepEqual([person?.email, person?.attributes.plan], ['ada@example.com', 'pro'])
  const [event] = cluster.emulator.events({ person: 'id:42' })
  assert.deepEqual([event?.name, event?.data.total], ['order', 19.9])
  const { data } = await admin<{ data: DeadLetter[] }>('/dead-letters')
  assert.deepEqual(
    data.map(({ value, refusal }) => [value, refusal.code, refusal.message]),
    [['garbage', 'unreadable_record', 'The value is not a JSON object.']],
  )
  assert.match(data[0]?.headers.origin ?? '', /^customerio\.track\/\d\/1$/)
})

test('confluent-kafka writes 2,000 events with 1 % garbage: all stand once and in order, the garbage is dead with its place', {
  skip: noPython,
}, async () => {
  const cluster = await standCluster(broker().address())
  await Promise.all([cluster.start('ingest'), cluster.start('ingest')])
  const { gateway, admin } = await cluster.start('delivery')
  const topic = `${cluster.env.SLUICE_KAFKA_PREFIX}customerio.track`
  const script = join(import.meta.dirname, 'producer.py')
  const { stdout } = await run(PYTHON, [script, broker().address(), topic, '2000', '40'])
  const garbage = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { partition: number; offset: number }) // as the script prints them
  assert.equal(garbage.length, 20)
  await caughtUp(cluster, 2_020)
  cluster.emulator.settle()
  for (let user = 0; user < 40; user += 1)
    assert.deepEqual(
      cluster.emulator.events({ person: `id:u${user}` }).map(({ data }) => data.n),
      Array.from({ length: 50 }, (_, i) => user + 40 * i),
    )
  const { data } = await admin<{ data: DeadLetter[] }>('/dead-letters?limit=100')
  assert.deepEqual(
    data.map(({ headers }) => headers.origin).sort(),
    garbage.map(({ partition, offset }) => `customerio.track/${partition}/${offset}`).sort(),
  )
  assert.ok(
    data.every(({ refusal }) => refusal.code === 'unreadable_record' && refusal.message !== undefined),
  )
  const bytes = data.filter(({ headers }) => headers.encoding === 'base64').map(({ value }) => value)
  assert.deepEqual(new Set(bytes), new Set(['//4AgA==']))
  const { delivered, dead } = await gateway.conservation()
  assert.deepEqual([delivered, dead], [2_000, 20])
})
