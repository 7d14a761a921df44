/** What `sluice dev` says once it runs: where everything is, and what to try. */
import type { Paint } from './paint.ts'
import { spanText } from './time.ts'
import { version } from './version.ts'

export interface BannerFacts {
  readonly url: string
  readonly emulatorUrl: string
  readonly dataDir: string
  readonly ephemeral: boolean
  readonly tookMs: number
  /** How a shell finds this program: `sluice`, or `npx sluice` where npm started it. */
  readonly command: string
}

const USUAL = { url: 'http://127.0.0.1:8246', emulatorUrl: 'http://127.0.0.1:8247' } as const

export function bannerLines(
  { url, emulatorUrl, dataDir, ephemeral, tookMs, command }: BannerFacts,
  paint: Paint,
): string[] {
  const place = (name: string, at: string, about: string) =>
    `  ${paint('green', '➜')}  ${name.padEnd(10)} ${at.padEnd(42)} ${paint('dim', about)}`
  const elsewhere = [
    url === USUAL.url ? '' : ` --url ${url}`,
    emulatorUrl === USUAL.emulatorUrl ? '' : ` --emulator-url ${emulatorUrl}`,
  ].join('')
  return [
    '',
    `  ${paint('bold', `SLUICE ${version()}`)}  ready in ${spanText(tookMs)}`,
    '',
    place('Track API', `${url}/api/v1 and /api/v2`, 'instead of https://track.customer.io'),
    place('Admin API', `${url}/admin/v1`, 'what the commands ask'),
    place('Health', `${url}/livez /readyz /metrics`, 'for monitors, and Prometheus'),
    place('Emulator', emulatorUrl, 'Customer.io, emulated: nothing leaves this machine'),
    '',
    `  Keys      CUSTOMERIO_SITE_ID=dev  CUSTOMERIO_API_KEY=dev  CUSTOMERIO_TRACK_URL=${url}`,
    `  Storage   ${ephemeral ? 'nothing is kept' : `${dataDir}  (kept between runs; --ephemeral to forget)`}`,
    '',
    `  Try, in another terminal:  ${paint('bold', `${command} trigger welcome${elsewhere}`)}   then the same with outage`,
    '  Stop with ^C.',
    '',
  ]
}
