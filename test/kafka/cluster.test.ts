/**
 * The bus against a cluster that is not as one would wish: away, closed to us, and shared with strangers. What becomes of one that
 * is killed is in test/proof/kafka-away.proof.ts. Most of it is waiting for refusals, so all of it goes on at once.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Producer } from '@platformatic/kafka'
import type { Door } from '../../scripts/kafka/broker.ts'
import { USER } from '../../scripts/kafka/broker.ts'
import type { Bus } from '../../src/bus/bus.ts'
import { makeRecord } from '../../src/bus/conformance-stand.ts'
import { openKafkaBus } from '../../src/bus/kafka.ts'
import type { KafkaCluster } from '../../src/bus/kafka-client.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Received } from '../../src/core/record.ts'
import { createTopics, reasonToLeaveOut, shareBroker } from './stand.ts'

const skip = reasonToLeaveOut()
const broker = shareBroker(skip)
/** Guards against hanging, never a measure of speed: a login takes seconds on a busy machine. */
const PATIENCE_MS = 60_000
const at = (door: Door, more: Omit<KafkaCluster, 'brokers'> = {}): KafkaCluster => ({
  brokers: [broker().address(door)],
  connectMs: PATIENCE_MS,
  ...more,
})
const plain = () => at('plain')

let topics = 0
async function newTopic(lanes = 2): Promise<string> {
  topics += 1
  const topic = `cluster-${topics}`
  await createTopics(plain(), [topic], lanes)
  return topic
}

const open = (cluster: KafkaCluster): Bus =>
  openKafkaBus({ cluster, clock: systemClock, publishTimeoutMs: PATIENCE_MS })

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  const thrown = await work().then(
    () => assert.fail('it went well'),
    (error: unknown) => error as { code?: string; message: string },
  )
  return thrown.code ?? thrown.message
}

/** Everything that comes until `count` have come. */
async function take(bus: Bus, topic: string, count: number): Promise<Received[]> {
  await using subscription = await bus.subscribe(topic, 'g')
  const found: Received[] = []
  for await (const batch of subscription) {
    found.push(...batch)
    await subscription.settle(batch)
    if (found.length >= count) return found
  }
  return found
}

suite('a cluster', { concurrency: true }, () => {
  test('a cluster that is not there is said so', { skip }, async () => {
    await using bus = open({ brokers: ['127.0.0.1:1'] })
    const verbs: readonly (() => Promise<unknown>)[] = [
      () => bus.publish('t', [makeRecord('a', 1)]),
      () => bus.subscribe('t', 'g'),
      () => bus.lag('t', 'g'),
      () => bus.read('t', { from: 0, limit: 1 }),
    ]
    assert.deepEqual(await Promise.all(verbs.map(codeOf)), Array(4).fill('bus_unavailable'))
  })

  test('a topic that is missing is said so, by every verb', { skip }, async () => {
    await using bus = open(plain())
    assert.equal(await codeOf(() => bus.publish('none', [makeRecord('a', 1)])), 'topic_missing')
    assert.equal(await codeOf(() => bus.subscribe('none', 'g')), 'topic_missing')
    assert.equal(await codeOf(() => bus.lag('none', 'g')), 'topic_missing')
  })

  const login = (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512', password = USER.password) => ({
    sasl: { mechanism, username: USER.username, password },
  })
  const trusted = () => ({ ca: broker().certificates.ca })

  const WAYS_IN: Readonly<Record<string, () => KafkaCluster>> = {
    'SASL PLAIN': () => at('sasl', login('PLAIN')),
    'SASL SCRAM-SHA-256': () => at('sasl', login('SCRAM-SHA-256')),
    'SASL SCRAM-SHA-512': () => at('sasl', login('SCRAM-SHA-512')),
    'TLS with an authority of its own': () => at('tls', { tls: trusted() }),
    'TLS with a client certificate': () => at('mtls', { tls: broker().certificates }),
    'SASL over TLS': () => at('sasltls', { tls: trusted(), ...login('SCRAM-SHA-512') }),
  }

  for (const [name, cluster] of Object.entries(WAYS_IN))
    test(`${name}: publish, subscribe, settle`, { skip }, async () => {
      const topic = await newTopic()
      await using bus = open(cluster())
      await bus.publish(topic, [makeRecord('a', 1)])
      assert.equal((await take(bus, topic, 1)).length, 1)
      assert.equal((await bus.lag(topic, 'g')).unsettled, 0)
    })

  const REFUSALS: Readonly<Record<string, () => KafkaCluster>> = {
    'a wrong password with PLAIN': () => at('sasl', login('PLAIN', 'wrong')),
    'a wrong password with SCRAM': () => at('sasl', login('SCRAM-SHA-512', 'wrong')),
    'an authority that is not known': () => at('tls', { tls: {} }),
    'TLS at a door without': () => at('plain', { tls: trusted() }),
  }

  for (const [name, cluster] of Object.entries(REFUSALS))
    test(`${name} is said so`, { skip }, async () => {
      await using bus = open(cluster())
      assert.equal(await codeOf(() => bus.publish('t1', [makeRecord('a', 1)])), 'bus_unauthorized')
      assert.equal(await codeOf(() => bus.subscribe('t1', 'g')), 'bus_unauthorized')
    })

  test('no TLS at a door with, and no login where one is asked for, come to an end', {
    skip,
  }, async () => {
    for (const door of ['tls', 'sasl'] as const) {
      await using bus = open(at(door))
      assert.match(await codeOf(() => bus.publish('t1', [makeRecord('a', 1)])), /^bus_/)
    }
  })

  test('what strangers write comes as it is: text, bytes, headers, nothing', { skip }, async () => {
    const topic = await newTopic(1)
    const stranger = new Producer({ clientId: 'stranger', bootstrapBrokers: [broker().address()] })
    const bytes = Buffer.from([0xff, 0x00, 0xc3])
    await stranger.send({
      acks: -1,
      messages: [
        {
          topic,
          key: Buffer.from('u1'),
          value: Buffer.from('{"type":"identify"}'),
          timestamp: 1_700_000_000_000n,
        },
        { topic, value: bytes, headers: new Map([[Buffer.from('X-Trace'), Buffer.from('abc')]]) },
        { topic, key: Buffer.from('u2'), value: undefined as unknown as Buffer },
      ],
    })
    await stranger.close()
    await using bus = open(plain())
    const [text, binary, empty] = await take(bus, topic, 3)
    assert.ok(text && binary && empty)
    const { id, kind, key, value, at: time, headers } = text
    assert.deepEqual(
      { id, kind, key, value, time, headers },
      { id: '', kind: '', key: 'u1', value: '{"type":"identify"}', time: 1_700_000_000_000, headers: {} },
    )
    assert.deepEqual([binary.key, binary.value], ['', bytes.toString('base64')])
    assert.deepEqual(binary.headers, { 'x-trace': 'abc', encoding: 'base64' })
    assert.deepEqual([empty.key, empty.value], ['u2', ''])
  })

  test('of transactions only what was committed comes, and what is behind the others comes as well', {
    skip,
  }, async () => {
    const topic = await newTopic(1)
    const stranger = new Producer({
      clientId: 'stranger',
      bootstrapBrokers: [broker().address()],
      idempotent: true,
      transactionalId: 'stranger',
    })
    for (const [value, kept] of [
      ['1', false],
      ['2', true],
      ['3', false],
      ['4', true],
    ] as const) {
      const transaction = await stranger.beginTransaction()
      await transaction.send({ messages: [{ topic, value: Buffer.from(value) }] })
      await (kept ? transaction.commit() : transaction.abort())
    }
    await stranger.close()
    await using bus = open(plain())
    const found = await take(bus, topic, 2)
    assert.deepEqual(
      found.map(({ value }) => value),
      ['2', '4'],
    )
    assert.equal((await bus.read(topic, { from: 0, limit: 9 })).length, 2)
  })
})
