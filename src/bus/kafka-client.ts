/** How Sluice talks to a Kafka cluster: where it is, who one is there, and what its errors mean in words of the table. */
import { type BaseOptions, findErrorBy } from '@platformatic/kafka'
import { type ErrorCode, SluiceError } from '../core/errors.ts'

export interface KafkaCluster {
  /** `host:port`, one or more to begin with. */
  readonly brokers: readonly string[]
  readonly sasl?: KafkaLogin
  /** Undefined: plain TCP. An empty object: TLS with the authorities that Node knows. */
  readonly tls?: KafkaTls
  /** How long a connection may take until one is logged in, milliseconds. Default 5,000. */
  readonly connectMs?: number
}

export interface KafkaLogin {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

/** All as PEM. */
export interface KafkaTls {
  readonly ca?: string
  /** With `key`: what the client shows where the cluster asks for a certificate. */
  readonly cert?: string
  readonly key?: string
}

const CLIENT_ID = 'sluice'
/** Between two tries of the client, milliseconds. A broker that restarts is met again this soon. */
export const RETRY_MS = 250
const CONNECT_MS = 5_000

/** What every client of the cluster is made with. `retries` are tries after the first; the caller bounds the time. */
export function clientOptions(cluster: KafkaCluster, retries: number | boolean): BaseOptions {
  const { brokers, sasl, tls, connectMs = CONNECT_MS } = cluster
  return {
    clientId: CLIENT_ID,
    bootstrapBrokers: [...brokers],
    connectTimeout: connectMs,
    retries,
    retryDelay: RETRY_MS,
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  }
}

/** Answers of a group whose membership or generation is not, or not yet, the one that was named. */
const FENCES = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
] as const

export const isFenced = (thrown: unknown): boolean =>
  thrown instanceof Error && FENCES.some((id) => findErrorBy(thrown, 'apiId', id))

const DENIED =
  /AUTHORIZATION_FAILED|SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE|SECURITY_DISABLED/
const TLS = /CERT|TLS|SSL|EPROTO|UNABLE_TO_/i

/** Whatever the client threw, as a row of the table, with what it was about. */
export function toBusError(thrown: unknown, about: string): SluiceError {
  if (thrown instanceof SluiceError) return thrown
  const chain = [...chainOf(thrown)]
  const codes = chain.map(({ code, apiId }) => `${code ?? ''} ${apiId ?? ''}`).join(' ')
  const said = [...new Set(chain.map(({ message }) => message))].filter(Boolean).join(' ')
  return new SluiceError(codeOf(codes, said), `${about}: ${said.slice(0, 500)}`, { cause: thrown })
}

function codeOf(codes: string, said: string): ErrorCode {
  if (/PLT_KFK_AUTHENTICATION/.test(codes) || DENIED.test(codes)) return 'bus_unauthorized'
  if (TLS.test(codes.replaceAll('PLT_KFK', '')) || /TLS|certificate/.test(said)) return 'bus_unauthorized'
  if (/UNKNOWN_TOPIC_OR_PARTITION/.test(codes) || /^Unknown topic|Unknown topic /.test(said))
    return 'topic_missing'
  if (/MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/.test(codes)) return 'too_large'
  return 'bus_unavailable'
}

interface Link {
  readonly message: string
  readonly code?: unknown
  readonly apiId?: unknown
}

/** The error, what caused it and what it gathers, each once. */
function* chainOf(thrown: unknown, seen = new Set<unknown>()): Generator<Link> {
  if (!(thrown instanceof Error) || seen.has(thrown)) return
  seen.add(thrown)
  yield thrown
  yield* chainOf(thrown.cause, seen)
  if (thrown instanceof AggregateError) for (const error of thrown.errors) yield* chainOf(error, seen)
}
