/** A whole gateway and an emulated Customer.io in this process, on free ports, in a directory of their own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Bus } from '../../src/bus/bus.ts'
import { type ConfigInput, DEV_DEFAULTS, loadConfig } from '../../src/config.ts'
import type { NoticeFields, NoticeName } from '../../src/core/notices.ts'
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { untilDrained } from '../../src/verify/drained.ts'
import { realWorld, type World } from '../../src/world.ts'
import { seeded } from './seeded.ts'

export interface Stand {
  readonly gateway: Gateway
  readonly emulator: Emulator
  readonly told: readonly (readonly [NoticeName, NoticeFields])[]
  /** Calls the gateway as an application does. */
  call(method: string, path: string, body?: unknown): Promise<Response>
  /** An answer of the admin API; with a body it is a POST. The shape is the caller's claim, and the test its proof. */
  admin<T>(path: string, body?: object): Promise<T>
  /** Resolves when nothing is pending but so many sends, and the emulator has applied it all. */
  drained(sends?: number): Promise<void>
}

export interface StandOptions {
  readonly seed?: number
  readonly directory?: string
  readonly env?: Readonly<Record<string, string>>
  /** One that several gateways deliver to. Default: one of its own. */
  readonly emulator?: Emulator
  /**
   * Another clock, or chance, or disk. Default: the real ones, but one thread for all. Two threads cost as much to start as all
   * the rest, twice 50 ms of a core; tests about what is durable give `realWorld()`, which has them.
   */
  readonly world?: World
  /** Puts something between the stages and the bus. */
  readonly aroundBus?: (real: Bus) => Bus
  /** Default: those of `sluice dev`. */
  readonly defaults?: NonNullable<ConfigInput['defaults']>
}

/** By data directory: they close before it goes, in whatever order the hooks run. */
const gateways = new Map<string, Gateway[]>()

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-flow-'))
  after(async () => {
    for (const gateway of gateways.get(directory) ?? []) await gateway.close() // else it writes while it is removed
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

export async function openEmulator(seed = 1): Promise<Emulator> {
  const emulator = await startEmulator({ port: 0, random: seeded(seed) })
  after(() => emulator[Symbol.asyncDispose]())
  return emulator
}

export async function stand(options: StandOptions = {}): Promise<Stand> {
  const emulator = options.emulator ?? (await openEmulator(options.seed))
  const told: [NoticeName, NoticeFields][] = []
  const bell = new EventTarget()
  const config = await configFor(emulator.url, options)
  const gateway = await startGateway(config, {
    onNotice: (name, fields = {}) => {
      told.push([name, fields])
      bell.dispatchEvent(new Event('told'))
    },
    world: options.world ?? { ...realWorld(), ownsProcess: false },
    ...(options.aroundBus && { aroundBus: options.aroundBus }),
  })
  gateways.set(config.dataDir, [...(gateways.get(config.dataDir) ?? []), gateway])
  after(() => gateway.close())
  const drained = async (sends = 0) => {
    await untilDrained({
      pending: async () => (await gateway.conservation()).pending - sends,
      news: () => new Promise((resolve) => bell.addEventListener('told', resolve, { once: true })),
    })
    emulator.settle()
  }
  const call = (method: string, path: string, body?: unknown) =>
    fetch(`${gateway.url}${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('dev:dev')}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const admin = async <T>(path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${gateway.url}/admin/v1${path}`, {
      headers: { authorization: 'Bearer dev', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return (await answer.json()) as T
  }
  return { gateway, emulator, told, call, admin, drained }
}

async function configFor(
  trackUrl: string,
  { directory = temporary(), env = {}, defaults = DEV_DEFAULTS }: StandOptions,
) {
  const settings = {
    SLUICE_DATA_DIR: directory,
    SLUICE_PORT: '0',
    SLUICE_LOG_LEVEL: 'silent',
    CUSTOMERIO_TRACK_URL: trackUrl,
    CUSTOMERIO_APP_URL: trackUrl,
  }
  const { config } = await loadConfig({
    env: { ...settings, ...env },
    cwd: directory,
    defaults,
  })
  return config
}

/** A batch of Track v2 with one event for each person named. */
export const eventBatch = (people: readonly string[], name = 'tick') => ({
  batch: people.map((id, n) => ({
    type: 'person',
    identifiers: { id },
    action: 'event',
    name,
    attributes: { n },
  })),
})
