/**
 * Drains a backlog in a process of its own, and says how many events a second: `gateway` is Sluice on the bus that the
 * environment names, `reference` the worker of the reference architecture (one kafkajs message, one SDK call, one after the
 * other). The emulated Customer.io is the same process for both.
 */
import { RegionUS, TrackClient } from 'customerio-node'
import { Kafka, logLevel } from 'kafkajs'
import { DEV_DEFAULTS, loadConfig } from '../src/config.ts'
import type { Notify } from '../src/core/notices.ts'
import { startEmulator } from '../src/emulator/emulator.ts'
import { startGateway } from '../src/gateway.ts'

const [kind = '', count = '0', topic = ''] = process.argv.slice(2)
const say = (word: string) => process.stdout.write(`${word}\n`)

/** From the first settlement to the last, that first one not counted. */
async function gateway(events: number): Promise<number> {
  const { config } = await loadConfig({ env: process.env, cwd: '/', defaults: DEV_DEFAULTS })
  const finished = Promise.withResolvers<number>()
  let first: { at: number; count: number } | undefined
  let done = 0
  const onNotice: Notify = (name, fields) => {
    if (name !== 'delivery.settled') return
    const now = performance.now()
    done += Number(fields?.count)
    first ??= { at: now, count: done }
    if (done >= events) finished.resolve((done - first.count) / ((now - first.at) / 1000))
  }
  await using _ = await startGateway(config, { onNotice })
  return await finished.promise
}

/** The envelope {type, userId, payload, timestamp, correlationId}, an event each. */
async function reference(events: number): Promise<number> {
  const { SLUICE_KAFKA_BROKERS: brokers = '', CUSTOMERIO_TRACK_URL: url = '' } = process.env
  const client = new TrackClient('dev', 'dev', { region: RegionUS, url: `${url}/api/v1` })
  const consumer = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).consumer({
    groupId: 'ref',
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const finished = Promise.withResolvers<number>()
  let started = 0
  let done = -1 // the first is the start of the clock
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { userId, payload } = JSON.parse(String(message.value))
      await client.track(userId, { name: payload.event, data: payload.properties })
      done += 1
      if (done === 0) started = performance.now()
      if (done === events - 1) finished.resolve(done / ((performance.now() - started) / 1000))
    },
  })
  const rate = await finished.promise
  await consumer.disconnect()
  return rate
}

if (kind === 'emulator') say((await startEmulator({ port: 0 })).url)
else {
  say(String(await (kind === 'gateway' ? gateway(Number(count)) : reference(Number(count)))))
  process.exit() // kafkajs keeps timers
}
