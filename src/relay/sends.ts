/** Calls of the App API that reach people. They are not passed on: a send that is repeated is a second message. */
import { posix } from 'node:path'
import { SluiceError } from '../core/errors.ts'

export interface Wanted {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly body: Buffer | undefined
}

const SENDS = /^\/v1\/(api\/)?(send\/|(campaigns|broadcasts)\/[^/]+\/triggers$)/

/** Newsletters that go out at once or by a date, and live notifications. */
const MAILINGS = /^\/v1\/(api\/)?(newsletters\/[^/]+\/(send|schedule)$|live_notifications\/)/
const NEWSLETTERS = /^\/v1\/(api\/)?newsletters$/
const GOES_OUT = /"(send_now|scheduled_at)"/

/** Throws `sends_unsupported`, and `forbidden` for what would mail people from anywhere but production. */
export function refuseSends({ method, path, body }: Wanted, production: boolean): void {
  if (method === 'GET') return
  const place = placeOf(path)
  if (SENDS.test(place)) throw new SluiceError('sends_unsupported')
  if (production) return
  const isMailing = NEWSLETTERS.test(place) && GOES_OUT.test(body?.toString('latin1') ?? '')
  if (MAILINGS.test(place) || isMailing)
    throw new SluiceError('forbidden', 'This call would reach people, and this is not production.', {
      hint: 'Set SLUICE_ENV=production where people are to be reached.',
    })
}

/** Where the call goes, as whoever answers it may read that: without escapes, dots, doubled and last slashes, in small letters. */
function placeOf(path: string): string {
  const [place = ''] = path.split('?', 1)
  const plain = place.replace(/%[\da-f]{2}/gi, (code) => String.fromCharCode(Number(`0x${code.slice(1)}`)))
  return posix.normalize(plain).replace(/\/$/, '').toLowerCase()
}
