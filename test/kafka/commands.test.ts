/** `sluice bus` against a real broker: topics made and looked at, and a backlog moved there and back again. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { BusReport, GroupLag, TopicInfo, Trace } from '../../src/admin/wire.ts'
import { sluiceWith } from '../cli/terminal.ts'
import { openEmulator, type Stand, stand, temporary } from '../flow/stand.ts'
import { reasonToLeaveOut, shareBroker } from './stand.ts'

const skip = reasonToLeaveOut()
const broker = shareBroker(skip)

let made = 0
const envFor = (directory: string) => {
  made += 1
  return {
    SLUICE_KAFKA_BROKERS: broker().address(),
    SLUICE_KAFKA_PREFIX: `c${made}.`,
    SLUICE_KAFKA_SESSION: '6s',
    SLUICE_KAFKA_REPLICATION: '1',
    SLUICE_LANES: '4',
    SLUICE_DATA_DIR: directory,
  }
}

test('bus init makes the topics once, bus info and bus lag tell of them', { skip }, async () => {
  const env = { ...envFor(temporary()), SLUICE_BUS: 'kafka' }
  const run = async <T>(...words: string[]): Promise<T> => {
    const { exit, stdout, stderr } = await sluiceWith({ env }, 'bus', ...words, '--json')
    assert.equal(exit, 0, stderr)
    return JSON.parse(stdout) as T // the shape is this test's claim
  }
  const before = await sluiceWith({ env }, 'bus', 'lag')
  assert.deepEqual([before.exit, before.stdout], [6, ''], 'no topics yet')
  assert.match(before.stderr, /sluice bus init/)
  const plan = await run<{ would_create: string[] }>('init', '--dry-run')
  assert.equal(plan.would_create.length, 8)
  const first = await run<{ created: string[]; existed: string[] }>('init')
  assert.equal(first.created.length + first.existed.length, 8)
  const again = await run<{ created: string[]; existed: string[] }>('init')
  assert.deepEqual([again.created.length, again.existed.length], [0, 8])
  const { data: topics } = await run<{ data: TopicInfo[] }>('info')
  const byName = new Map(topics.map((topic) => [topic.topic.replace(/^c\d+\./, ''), topic]))
  assert.equal(byName.get('customerio.events')?.lanes, 4)
  assert.equal(byName.get('customerio.events')?.retention_s, 30 * 86_400)
  assert.deepEqual(
    [byName.get('customerio.people')?.lanes, byName.get('customerio.transactional')?.retention_s],
    [1, null],
  )
  const { data: groups } = await run<{ data: GroupLag[] }>('lag')
  assert.ok(groups.every(({ unsettled }) => unsettled === 0))
  const other = await sluiceWith({ env: { ...env, SLUICE_LANES: '8' } }, 'bus', 'init')
  assert.equal(other.exit, 9, 'other partitions are a conflict')
})

/** As if the process had ended after the log had this link, and before it was written. */
function unlink(directory: string, key: string): void {
  using people = new DatabaseSync(join(directory, 'people.db'))
  people.prepare('DELETE FROM moves WHERE key = ?').run(key)
  people.exec('DELETE FROM last')
}

const say = async ({ call }: Stand, from: number) => {
  for (let n = from; n < from + 4; n += 1) {
    await call('PUT', `/api/v1/customers/u${n % 4}`, { email: `u${n % 4}@example.com` })
    await call('POST', `/api/v1/customers/u${n % 4}%40example.com/events`, { name: 'e', data: { n } })
    await call('POST', `/api/v1/customers/u${n % 4}/events`, { name: 'e', data: { n } })
  }
}

test('a backlog is moved to Kafka and back, in order, with who is whom', { skip }, async () => {
  const [old, fresh] = [temporary(), temporary()]
  const env = envFor(old)
  const emulator = await openEmulator()
  const outage = () => emulator.faults.add({ kind: 'outage', status: 503 })
  outage()
  const bus = async (...words: string[]) => {
    const ran = await sluiceWith({ env: { ...env, SLUICE_BUS: 'kafka' } }, 'bus', ...words)
    assert.equal(ran.exit, 0, ran.stderr)
    return ran
  }
  await bus('init')

  const first = await stand({ emulator, directory: old })
  await say(first, 0)
  const running = await sluiceWith({ env }, 'bus', 'copy', '--from', 'sqlite', '--to', 'kafka', '-y')
  assert.equal(running.exit, 9, 'the source is in use')
  const local = await sluiceWith(
    { env: { ...env, SLUICE_URL: first.gateway.url, SLUICE_ADMIN_TOKEN: 'dev' } },
    ...['bus', 'lag', '--json'],
  )
  const { data } = JSON.parse(local.stdout) as { data: BusReport['groups'] }
  assert.equal(data.find(({ topic }) => topic === 'customerio.events')?.unsettled, 12)
  await first.call('PUT', '/api/v1/customers/u0', { email: 'w@example.com' })
  await first.gateway.close()
  unlink(old, 'email:w@example.com')
  const dry = await bus('copy', '--from', 'sqlite', '--to', 'kafka', '--dry-run', '--json')
  assert.deepEqual(JSON.parse(dry.stdout), { would_move: 13 })
  const there = await bus('copy', '--from', 'sqlite', '--to', 'kafka', '-y', '--json')
  assert.deepEqual(JSON.parse(there.stdout), { moved: 13 })
  await assert.rejects(stand({ emulator, directory: old }), { code: 'conflict' })

  const second = await stand({ emulator, directory: old, env: { ...env, SLUICE_BUS: 'kafka' } })
  const owed = await second.call('POST', '/api/v1/customers/w%40example.com/events', {
    name: 'by its other name',
  })
  await say(second, 4)
  await second.gateway.close()
  const back = await bus('copy', '--from', 'kafka', '--to', 'sqlite', '--data-dir', fresh, '-y', '--json')
  assert.deepEqual(JSON.parse(back.stdout), { moved: 26 })
  emulator.faults.clear()
  const third = await stand({ emulator, directory: fresh })
  await say(third, 8)
  await third.drained()
  for (let n = 0; n < 4; n += 1)
    assert.deepEqual(
      emulator.events({ person: `id:u${n}` }).flatMap(({ name, data }) => (name === 'e' ? [data.n] : [])),
      [n, n, n + 4, n + 4, n + 8, n + 8],
    )
  const { key } = await third.admin<Trace>(`/operations/${owed.headers.get('x-sluice-id')}`)
  assert.equal(key, 'id:u0')
  assert.equal((await third.gateway.conservation()).missing, 0)
})
