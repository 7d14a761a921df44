import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics, reasonToLeaveOut, shareBroker } from '../../test/kafka/stand.ts'
import { systemClock } from '../core/clock.ts'
import type { Bus } from './bus.ts'
import { type Harness, SCENARIOS } from './conformance.ts'
import { KAFKA_FEATURES, openKafkaBus } from './kafka.ts'
import { KafkaReader } from './kafka-reader.ts'

const TOPIC = 'customerio.events'
const LANES = 4
const skip = reasonToLeaveOut()
const broker = shareBroker(skip)
const cluster = () => ({ brokers: [broker().address()] })

const prefixes = new Map<Bus, string>()
let opened = 0

function openWith(prefix: string): Bus {
  const bus = openKafkaBus({
    cluster: cluster(),
    prefix,
    clock: systemClock,
    sessionMs: 6_000,
    heartbeatMs: 100,
  })
  prefixes.set(bus, prefix)
  return bus
}

/** Topics of its own for every bus, so that there is nothing in it. */
async function open(): Promise<Bus> {
  opened += 1
  const prefix = `t${opened}.`
  await createTopics(cluster(), [`${prefix}${TOPIC}`, `${prefix}customerio.dlq`], LANES)
  return openWith(prefix)
}

/** What the group has committed is all that a dead process leaves behind: closing it must add nothing to that. */
async function reopen(bus: Bus): Promise<Bus> {
  const prefix = prefixes.get(bus) ?? assert.fail()
  await using reader = new KafkaReader(cluster(), prefix)
  const left = await reader.committed(TOPIC, 'g')
  await bus[Symbol.asyncDispose]()
  assert.deepEqual(await reader.committed(TOPIC, 'g'), left)
  return openWith(prefix)
}

const harness: Harness = { features: KAFKA_FEATURES, lanes: LANES, open, reopen }

for (const [title, scenario] of Object.entries(SCENARIOS))
  test(`kafka: ${title}`, { skip }, () => scenario(harness))
