/** What `sluice doctor` asks Customer.io: does it answer, take the credentials, and know the region as configured? */
import type { Config } from '../config.ts'
import { isObject, parseJson } from '../core/json.ts'
import type { Check } from './checks.ts'

/** GET, Basic credentials; answers with the region of the workspace on the hosts of both regions (Track API). */
const REGION_PATH = '/api/v1/accounts/region'
const REGION_HOSTS = { us: 'https://track.customer.io', eu: 'https://track-eu.customer.io' } as const
const TIMEOUT_MS = 10_000
/** Beyond this, timestamps are visibly wrong and signatures of webhooks may be refused. */
const SKEW_MS = 30_000

interface Reached {
  readonly status: number
  readonly region: string | undefined
  readonly skewMs: number | undefined
}

/** Throws nothing: not being reachable is a finding. `now` is the wall clock, milliseconds. */
export async function checkUpstream(config: Config, now: () => number): Promise<Check[]> {
  const { trackUrl } = config
  try {
    const reached = await askRegion(trackUrl, config, now)
    return [
      { name: 'upstream', state: 'ok', found: `${trackUrl} answers (${reached.status})` },
      await judge(reached, config, now),
      clockCheck(reached.skewMs),
    ]
  } catch (thrown) {
    const found = `${trackUrl} does not answer: ${reasonOf(thrown)}`
    const fix = 'Check CUSTOMERIO_TRACK_URL, the network, and proxies in between.'
    return [{ name: 'upstream', state: 'fail', found, fix, code: 'upstream_unreachable' }]
  }
}

async function askRegion(url: string, { siteId, apiKey }: Config, now: () => number): Promise<Reached> {
  const authorization = `Basic ${Buffer.from(`${siteId ?? ''}:${apiKey ?? ''}`).toString('base64')}`
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  // A redirect is not followed: credentials go to no host that an answer names.
  const answer = await fetch(`${url}${REGION_PATH}`, {
    headers: { authorization },
    redirect: 'manual',
    signal,
  })
  const body = parseJson(await answer.text())
  const date = Date.parse(answer.headers.get('date') ?? '')
  return {
    status: answer.status,
    region: isObject(body) && typeof body.region === 'string' ? body.region : undefined,
    skewMs: Number.isNaN(date) ? undefined : now() - date,
  }
}

async function judge({ status, region }: Reached, config: Config, now: () => number): Promise<Check> {
  const name = 'region and key'
  if (status === 200 && (region === undefined || region === config.region))
    return { name, state: 'ok', found: `the credentials are taken, region ${region ?? config.region}` }
  if (status === 200) return wrongRegion(String(region), config)
  if (status === 401 && (await isTakenElsewhere(config, now))) return wrongRegion(otherRegion(config), config)
  if (status === 401)
    return {
      name,
      state: 'fail',
      found: 'Customer.io refuses the credentials (401)',
      fix: 'Check CUSTOMERIO_SITE_ID and CUSTOMERIO_API_KEY: the Track API key, not the App API key.',
      code: 'upstream_unauthorized',
    }
  const fix = 'Check for a proxy that answers in its place, and CUSTOMERIO_TRACK_URL.'
  return {
    name,
    state: 'fail',
    found: `an unexpected answer: ${status}`,
    fix,
    code: 'upstream_unintelligible',
  }
}

const wrongRegion = (region: string, config: Config): Check => ({
  name: 'region and key',
  state: 'fail',
  found: `this workspace is in the region ${region}, and ${config.region} is configured`,
  fix: `Set CUSTOMERIO_REGION=${region}.`,
  code: 'upstream_redirected',
})

const otherRegion = ({ region }: Config) => (region === 'us' ? 'eu' : 'us')

/** The same credentials at the other region; asked only where the configured host is Customer.io's own. */
async function isTakenElsewhere(config: Config, now: () => number): Promise<boolean> {
  if (config.trackUrl !== REGION_HOSTS[config.region]) return false
  const elsewhere = await askRegion(REGION_HOSTS[otherRegion(config)], config, now).catch(() => undefined)
  return elsewhere?.status === 200
}

function clockCheck(skewMs: number | undefined): Check {
  const name = 'clock'
  if (skewMs === undefined) return { name, state: 'skipped', found: 'the answer has no date to compare with' }
  const off = `${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} Customer.io`
  if (Math.abs(skewMs) < SKEW_MS) return { name, state: 'ok', found: off }
  return { name, state: 'fail', found: off, fix: 'Set the clock, best by NTP.', code: 'bad_config' }
}

/** The innermost cause: fetch itself says no more than that it failed. */
function reasonOf(thrown: unknown): string {
  let cause = thrown
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  if (!(cause instanceof Error)) return String(cause)
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}
