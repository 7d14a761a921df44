/** Bytes that went bad on a broker's disk: the lane of that batch waits and says so, and the others go on. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Broker } from '../../scripts/kafka/broker.ts'
import { fetchKafka } from '../../scripts/kafka.ts'
import { makeRecord } from '../../src/bus/conformance-stand.ts'
import { openKafkaBus } from '../../src/bus/kafka.ts'
import { laneOf } from '../../src/bus/lane.ts'
import { systemClock as clock } from '../../src/core/clock.ts'
import type { Received } from '../../src/core/record.ts'
import { createTopics, reasonToLeaveOut } from './stand.ts'

const LANES = 2
const KEYS = Array.from({ length: 20 }, (_, n) => `k${n}`)

test('a batch that is damaged on the disk of the broker holds up no lane but its own', {
  skip: reasonToLeaveOut(),
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-damage-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await using broker = await Broker.start({ jars: fetchKafka(), directory })
  const cluster = { brokers: [broker.address()] }
  await createTopics(cluster, ['t'], LANES)
  const told = Promise.withResolvers<string>()
  const notices: string[] = []
  await using bus = openKafkaBus({
    cluster,
    clock,
    notify: (name, facts) => {
      notices.push(name)
      if (name === 'bus.lane_failed') told.resolve(JSON.stringify(facts))
    },
  })
  const published = KEYS.map((key, n) => makeRecord(key, n))
  await bus.publish('t', published)
  damage(join(directory, 'data', 't-0', '00000000000000000000.log'))

  await using subscription = await bus.subscribe('t', 'g')
  const others = published.filter(({ key }) => laneOf(key, LANES) === 1)
  const found: Received[] = []
  const reading = subscription[Symbol.asyncIterator]()
  const readOn = async (until: number) => {
    while (found.length < until) found.push(...((await reading.next()).value ?? []))
  }
  await readOn(others.length)
  assert.deepEqual(
    found.map(({ id }) => id),
    others.map(({ id }) => id),
  )
  assert.match(await told.promise, /"lane":0.*at offset 0 does not have its checksum/)

  const key = others[0]?.key ?? assert.fail()
  for (let n = 1; n <= 50; n += 1) {
    await bus.publish('t', [makeRecord(key, n)])
    await readOn(others.length + n)
  }
  assert.deepEqual(
    notices.filter((name) => name === 'bus.lane_failed' || name === 'bus.unreachable'),
    ['bus.lane_failed'],
  )
})

/** The last byte of a batch is of a record's headers. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  const last = bytes.findLastIndex((byte) => byte !== 0)
  writeFileSync(path, bytes.with(last, (bytes[last] ?? 0) ^ 1))
}
