/** Credentials: HTTP Basic for the Track and Pipelines APIs, a bearer token for the App API, and a refusal of anything that looks real. */
import { SluiceError } from '../core/errors.ts'

export interface Credentials {
  readonly siteId: string
  readonly apiKey: string
  readonly appApiKey: string
  readonly writeKey: string
}

/** Node reads both alphabets of base64; the Go client sends the URL-safe one. */
export function isBasic(header: string | undefined, { siteId, apiKey }: Credentials): boolean {
  const token = /^basic (.+)$/i.exec(header ?? '')?.[1]
  if (token === undefined) return false
  return Buffer.from(token, 'base64').toString('utf8') === `${siteId}:${apiKey}`
}

/** The write key of the Pipelines API is the user name, and the password is blank. */
export function isWriteKey(header: unknown, writeKey: string): boolean {
  const token = /^basic (.+)$/i.exec(String(header))?.[1] ?? ''
  return Buffer.from(token, 'base64').toString('utf8') === `${writeKey}:`
}

export const isBearer = (header: string | undefined, { appApiKey }: Credentials): boolean =>
  /^bearer (.+)$/i.exec(header ?? '')?.[1] === appApiKey

/** Customer.io's keys are 20 and 32 hexadecimal digits; a service account's begins with `sa_live_`. */
const LOOKS_REAL = /^([0-9a-f]{20,}|sa_live_.*)$/i

/** Throws `bad_config` for a key that might be one of a real workspace: an emulator has no business with it. */
export function refuseRealCredentials(credentials: Partial<Credentials>): void {
  for (const [name, value] of Object.entries(credentials)) {
    if (!LOOKS_REAL.test(value)) continue
    throw new SluiceError(
      'bad_config',
      `The ${name} given to the emulator looks like one of a real workspace.`,
      {
        hint: 'Give the emulator made-up credentials, such as "dev"; keep real ones to the real Customer.io.',
        details: { setting: name },
      },
    )
  }
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/

/** Throws `bad_config` for an address that other machines could reach: anybody there could read and change everything. */
export function refusePublicHost(host: string): void {
  if (LOOPBACK.test(host)) return
  throw new SluiceError('bad_config', `The emulator listens on loopback only, and ${host} is not.`, {
    hint: 'Use 127.0.0.1.',
    details: { host },
  })
}

/**
 * The control API has no credentials, so that curl is enough; a web page must not have it for that. A page of another site
 * brings its own Origin, and one whose name was pointed at this machine (DNS rebinding) brings that name as the Host. Throws
 * `forbidden`.
 */
export function refuseWebPage({ host, origin }: Headers): void {
  if (typeof host !== 'string') return // not over HTTP: a simulation asks without it
  if (!LOOPBACK.test(nameOf(host)))
    throw new SluiceError('forbidden', `The emulator is not called ${host}.`, { hint: ONLY_LOOPBACK })
  if (origin !== undefined && origin !== `http://${host}`)
    throw new SluiceError('forbidden', `A page of ${origin} may not control the emulator.`, {
      hint: ONLY_LOOPBACK,
    })
}

const ONLY_LOOPBACK =
  'Call it from this machine, by localhost or 127.0.0.1, and not from a web page: curl and "sluice emulator" may.'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A host without its port, and an IPv6 address without its brackets. */
const nameOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
