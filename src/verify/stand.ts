/** A whole gateway and an emulated Customer.io in this process, on free ports, for the length of one proof. */
import { DEV_DEFAULTS, loadConfig } from '../config.ts'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import type { NoticeFields, NoticeName } from '../core/notices.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { seededRandom } from '../emulator/faults.ts'
import { type Gateway, startGateway } from '../gateway.ts'
import { realWorld } from '../world.ts'
import { ask } from './ask.ts'
import { untilDrained } from './drained.ts'
import { type FaultName, plant } from './faults.ts'

export interface Stand extends AsyncDisposable {
  readonly gateway: Gateway
  readonly emulator: Emulator
  readonly told: readonly (readonly [NoticeName, NoticeFields])[]
  /** Calls the gateway as an application does. */
  call(method: string, path: string, body?: unknown): Promise<Response>
  /** An answer of the admin API; with a body it is a POST. The shape is the caller's claim. */
  admin<T>(path: string, body?: object): Promise<T>
  /** Resolves when nothing is pending, and the emulator has applied it all. */
  drained(): Promise<void>
}

/** Something that the gateway takes for Customer.io. */
export interface Between extends AsyncDisposable {
  readonly url: string
}

export interface StandOptions {
  /** One that is there already, and outlives the stand; else the stand has its own. */
  readonly emulator?: Emulator
  /** Where the data of the gateway lies. */
  readonly directory: string
  readonly seed?: number
  /** Settings of the gateway, as environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** Opens what stands between the gateway and the emulator, given where the emulator listens. */
  readonly between?: (emulatorUrl: string) => Promise<Between>
  /** Instead of that of this machine, for the gateway. */
  readonly clock?: Clock
  /** Planted in the gateway. */
  readonly fault?: FaultName | undefined
}

export async function openStand(options: StandOptions): Promise<Stand> {
  await using opening = new AsyncDisposableStack()
  const emulator = options.emulator ?? opening.use(await ownEmulator(options))
  const told: [NoticeName, NoticeFields][] = []
  const bell = new EventTarget()
  const onNotice = (name: NoticeName, fields: NoticeFields = {}) => {
    told.push([name, fields])
    bell.dispatchEvent(new Event('told'))
  }
  let closed = false
  opening.defer(() => {
    closed = true
    bell.dispatchEvent(new Event('told')) // whoever waits for it to drain waits no longer
  })
  const between = options.between && opening.use(await options.between(emulator.url))
  const config = await configFor(between?.url ?? emulator.url, options)
  const gateway = opening.use(
    await startGateway(config, { onNotice, ...worldOf(options), ...plant(options.fault) }),
  )
  const drained = async () => {
    await untilDrained({
      pending: async () => {
        if (closed) throw new SluiceError('shutting_down', 'The stand is closed.')
        return (await gateway.conservation()).pending
      },
      news: () => new Promise((resolve) => bell.addEventListener('told', resolve, { once: true })),
    })
    emulator.settle()
  }
  const running = opening.move()
  const close = () => running.disposeAsync()
  return { gateway, emulator, told, drained, ...callsTo(gateway.url), [Symbol.asyncDispose]: close }
}

const worldOf = ({ clock }: StandOptions) => (clock === undefined ? {} : { world: { ...realWorld(), clock } })

const ownEmulator = ({ seed = 1 }: StandOptions): Promise<Emulator> =>
  startEmulator({ port: 0, random: seededRandom(seed) })

/** The calls of an application and of an operator, with the credentials of `sluice dev`. */
export function callsTo(url: string): Pick<Stand, 'call' | 'admin'> {
  const call = (method: string, path: string, body?: unknown) =>
    ask(`${url}${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('dev:dev')}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const admin = async <T>(path: string, body?: object): Promise<T> => {
    const answer = await ask(`${url}/admin/v1${path}`, {
      headers: { authorization: 'Bearer dev', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new SluiceError('bad_request', `${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as T
  }
  return { call, admin }
}

/** The configuration of `sluice dev`, quiet, on any free port. */
export async function configFor(
  trackUrl: string,
  { directory, env = {} }: Pick<StandOptions, 'directory' | 'env'>,
) {
  const settings = {
    SLUICE_DATA_DIR: directory,
    SLUICE_PORT: '0',
    SLUICE_LOG_LEVEL: 'silent',
    CUSTOMERIO_TRACK_URL: trackUrl,
  }
  const { config } = await loadConfig({
    env: { ...settings, ...env },
    cwd: directory,
    defaults: DEV_DEFAULTS,
  })
  return config
}
