import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterOf, planOf } from './cluster.ts'
import { loadConfig } from './config.ts'
import { TOPICS } from './core/record.ts'

const load = async (env: Readonly<Record<string, string>>) => {
  const { config } = await loadConfig({ env, cwd: '/', read: (path) => FILES[path] })
  return config
}

const PEM = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----'
const FILES: Readonly<Record<string, string>> = { '/run/ca.pem': PEM, '/run/password': 'secret\n' }
const BROKERS = { SLUICE_BUS: 'kafka', SLUICE_KAFKA_BROKERS: 'a:9092, [::1]:9093' }

test('the settings say where the cluster is, who one is there, and over what', async () => {
  assert.deepEqual(clusterOf(await load(BROKERS)), { brokers: ['a:9092', '[::1]:9093'] })
  const secured = {
    ...BROKERS,
    SLUICE_KAFKA_SASL_USERNAME: 'sluice',
    SLUICE_KAFKA_SASL_PASSWORD_FILE: '/run/password',
    SLUICE_KAFKA_SASL_MECHANISM: 'PLAIN',
    SLUICE_KAFKA_CA_FILE: '/run/ca.pem',
  }
  assert.deepEqual(clusterOf(await load(secured)), {
    brokers: ['a:9092', '[::1]:9093'],
    sasl: { mechanism: 'PLAIN', username: 'sluice', password: 'secret' },
    tls: { ca: PEM },
  })
  assert.deepEqual(clusterOf(await load({ ...BROKERS, SLUICE_KAFKA_TLS: 'true' })).tls, {})
})

test('what is missing or no PEM is named', async () => {
  const refused = async (env: Readonly<Record<string, string>>, said: RegExp) => {
    const config = await load(env)
    assert.throws(() => clusterOf(config), { code: 'bad_config', message: said })
  }
  await refused({ SLUICE_BUS: 'kafka' }, /SLUICE_KAFKA_BROKERS is not set/)
  await refused({ ...BROKERS, SLUICE_KAFKA_SASL_USERNAME: 'sluice' }, /go together/)
  await refused({ ...BROKERS, SLUICE_KAFKA_CERT: PEM }, /go together/)
  await refused({ ...BROKERS, SLUICE_KAFKA_CA: '/run/ca.pem' }, /set SLUICE_KAFKA_CA_FILE/)
  await assert.rejects(load({ SLUICE_KAFKA_BROKERS: 'nowhere' }), { code: 'bad_config' })
  await assert.rejects(load({ SLUICE_BUS: 'pubsub' }), /must be sqlite or kafka/)
})

test('every topic is planned, with the prefix, and what must stay is kept for ever', async () => {
  const plans = planOf(await load({ ...BROKERS, SLUICE_KAFKA_PREFIX: 'staging.', SLUICE_LANES: '8' }))
  const byName = new Map(plans.map((plan) => [plan.name, plan]))
  assert.deepEqual(
    [...byName.keys()].sort(),
    Object.values(TOPICS)
      .map((topic) => `staging.${topic}`)
      .sort(),
  )
  const of = (topic: string) => {
    const { partitions, retentionMs, replicas } = byName.get(`staging.${topic}`) ?? assert.fail(topic)
    return [partitions, retentionMs, replicas]
  }
  assert.deepEqual(of(TOPICS.events), [8, 30 * 86_400_000, -1])
  assert.deepEqual(of(TOPICS.people), [1, -1, -1])
  assert.deepEqual(of(TOPICS.transactional), [8, -1, -1])
  assert.deepEqual(of(TOPICS.dlq), [8, -1, -1])
})
