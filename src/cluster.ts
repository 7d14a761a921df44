/** The Kafka cluster as the settings describe it: where it is, who one is there, and which topics Sluice needs on it. Pure. */
import type { TopicPlan } from './bus/kafka-admin.ts'
import type { KafkaCluster, KafkaLogin, KafkaTls } from './bus/kafka-client.ts'
import { planTopics } from './bus/kafka-plan.ts'
import type { Config } from './config.ts'
import { SluiceError } from './core/errors.ts'

const bad = (message: string): SluiceError => new SluiceError('bad_config', message)

/** Throws `bad_config`, naming what is missing. */
export function clusterOf(config: Config): KafkaCluster {
  const { kafkaBrokers: brokers } = config
  if (brokers === undefined) throw bad('SLUICE_KAFKA_BROKERS is not set.')
  return { brokers, ...loginOf(config), ...tlsOf(config) }
}

/** With the prefix. `bus init` makes them so. */
export function planOf(config: Config): TopicPlan[] {
  const { kafkaPrefix: prefix = '', lanes, kafkaReplication: replicas = -1, kafkaRetentionMs } = config
  return planTopics({ prefix, lanes, replicas, retentionMs: kafkaRetentionMs })
}

function loginOf(config: Config): { sasl?: KafkaLogin } {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPassword: password } = config
  if (username === undefined && password === undefined) return {}
  if (username === undefined || password === undefined)
    throw bad('SLUICE_KAFKA_SASL_USERNAME and SLUICE_KAFKA_SASL_PASSWORD go together.')
  return { sasl: { mechanism, username, password } }
}

function tlsOf({ kafkaTls, kafkaCa: ca, kafkaCert: cert, kafkaKey: key }: Config): { tls?: KafkaTls } {
  if (!kafkaTls) return {}
  if ((cert === undefined) !== (key === undefined))
    throw bad('SLUICE_KAFKA_CERT and SLUICE_KAFKA_KEY go together.')
  return { tls: { ...pem('ca', ca), ...pem('cert', cert), ...pem('key', key) } }
}

function pem(name: keyof KafkaTls, text: string | undefined): KafkaTls {
  if (text === undefined) return {}
  const twin = `SLUICE_KAFKA_${name.toUpperCase()}`
  if (!text.includes('-----BEGIN ')) throw bad(`${twin} is not PEM. To name a file, set ${twin}_FILE.`)
  return { [name]: text }
}
