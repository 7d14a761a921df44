/**
 * Drains a backlog in a process of its own, and tells the parent how far it is: `gateway` is Sluice on the bus that the
 * environment names, `reference` the worker of the reference architecture (one kafkajs message, one SDK call, one after the
 * other), `emulator` the Customer.io that both speak to.
 */
import { RegionUS, TrackClient } from 'customerio-node'
import { Kafka, logLevel } from 'kafkajs'
import { DEV_DEFAULTS, loadConfig } from '../src/config.ts'
import { startEmulator } from '../src/emulator/emulator.ts'
import { startGateway } from '../src/gateway.ts'

/** What a child tells: where it listens, and how many events are done by now, a fifth of them and all of them. */
export type Told = { readonly url: string } | { readonly done: number }

const [kind = '', count = '0', topic = ''] = process.argv.slice(2)
const tell = (what: Told) => process.send?.(what)

/** Tells of the first fifth and of the end: between them the rate is steady. */
function progress(events: number): (done: number) => void {
  let next = events / 5
  return (done) => {
    if (done < next) return
    next = next < events ? events : Number.POSITIVE_INFINITY
    tell({ done })
  }
}

async function gateway(events: number): Promise<void> {
  const { config } = await loadConfig({ env: process.env, cwd: '/', defaults: DEV_DEFAULTS })
  const isNow = progress(events)
  let done = 0
  await startGateway(config, {
    onNotice: (name, fields) => {
      if (name !== 'delivery.settled') return
      done += Number(fields?.count)
      isNow(done)
    },
  })
}

/** The envelope {type, userId, payload, timestamp, correlationId}, an event each. */
async function reference(events: number): Promise<void> {
  const { SLUICE_KAFKA_BROKERS: brokers = '', CUSTOMERIO_TRACK_URL: url = '' } = process.env
  const client = new TrackClient('dev', 'dev', { region: RegionUS, url: `${url}/api/v1` })
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'ref' })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const isNow = progress(events)
  let done = 0
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { userId, payload } = JSON.parse(String(message.value))
      await client.track(userId, { name: payload.event, data: payload.properties })
      done += 1
      isNow(done)
    },
  })
}

process.on('disconnect', () => process.exit())
if (kind === 'emulator') tell({ url: (await startEmulator({ port: 0 })).url })
else await (kind === 'gateway' ? gateway(Number(count)) : reference(Number(count)))
