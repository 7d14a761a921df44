/** The options of `CustomerIOService`, and what they amount to. */
import { type Clock, type Random, systemClock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { RetryPolicy } from './retry.ts'

const REGIONS = { us: 'https://track.customer.io', eu: 'https://track-eu.customer.io' } as const
export type Region = keyof typeof REGIONS

export interface ServiceOptions {
  readonly siteId: string
  readonly apiKey: string
  /** Where the workspace is kept; `us` unless told. At most one of `region`, `gateway` and `url` may be given. */
  readonly region?: Region
  /** The origin of a Sluice gateway, such as `http://127.0.0.1:8246`: calls are then durable once they are answered. */
  readonly gateway?: string
  /** The origin of anything else that speaks the Track API, such as an emulator. */
  readonly url?: string
  /** Sent as `_env` with identifies and events, such as `production`; without it none is sent. */
  readonly environment?: string
  /** Whether an identify carries `_updated_at`, in unix seconds; it does unless told otherwise. */
  readonly updatedAt?: boolean
  /** The most attempts for a call; 5 unless told. */
  readonly attempts?: number
  /** For a call in all, waits included; 30,000 ms unless told. */
  readonly deadlineMs?: number
  /** For the answer to one attempt; 10,000 ms unless told. */
  readonly timeoutMs?: number
  /** The most calls over the wire at once; 10 unless told. Others wait in memory, until their deadline. */
  readonly connections?: number
  readonly clock?: Clock
  readonly random?: Random
}

/** The options as they are used. */
export interface Settings {
  readonly origin: string
  readonly isGateway: boolean
  readonly authorization: string
  readonly environment: string | undefined
  readonly updatedAt: boolean
  readonly policy: RetryPolicy
  readonly connections: number
  readonly clock: Clock
  readonly random: Random
}

/** Throws `bad_config` for an option that is missing or out of range. */
export function readOptions(options: ServiceOptions): Settings {
  const { siteId, apiKey, environment, clock = systemClock, random = Math.random } = options
  requireText('siteId', siteId)
  requireText('apiKey', apiKey)
  if (environment !== undefined) requireText('environment', environment)
  return {
    origin: originOf(options),
    isGateway: options.gateway !== undefined,
    authorization: `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`,
    environment,
    updatedAt: options.updatedAt ?? true,
    policy: {
      attempts: wholeNumber('attempts', options.attempts ?? 5),
      deadlineMs: wholeNumber('deadlineMs', options.deadlineMs ?? 30_000),
      timeoutMs: wholeNumber('timeoutMs', options.timeoutMs ?? 10_000),
    },
    connections: wholeNumber('connections', options.connections ?? 10),
    clock,
    random,
  }
}

function originOf({ region, gateway, url }: ServiceOptions): string {
  const given = Object.entries({ region, gateway, url }).filter(([, value]) => value !== undefined)
  if (given.length > 1)
    throw badOption(given.map(([name]) => name).join(' and '), 'exclude each other: give one')
  const address = gateway ?? url
  if (address !== undefined) return readOrigin(gateway === undefined ? 'url' : 'gateway', address)
  if (region === undefined || Object.hasOwn(REGIONS, region)) return REGIONS[region ?? 'us']
  throw badOption('region', 'must be us or eu')
}

/** A path would be ignored and a password in the address would be sent nowhere: better to say so. */
function readOrigin(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOrigin = url !== undefined && url.href === `${url.origin}/` && /^https?:$/.test(url.protocol)
  if (isOrigin) return url.origin
  throw badOption(name, 'must be an http or https origin without a path, such as http://127.0.0.1:8246')
}

function requireText(name: string, value: string): void {
  if (typeof value !== 'string' || value.trim() === '') throw badOption(name, 'must be a string, not empty')
}

/** Node's timers hold at most 2^31 - 1 ms. */
function wholeNumber(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value
  throw badOption(name, 'must be a whole number of at least 1')
}

const badOption = (field: string, must: string): SluiceError =>
  new SluiceError('bad_config', `${field} ${must}.`, {
    details: { field },
    hint: 'Correct the options of CustomerIOService.',
  })
