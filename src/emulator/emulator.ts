/**
 * A local Customer.io: the Track and Pipelines APIs and the reads of the App API over a workspace of its own, with faults on request.
 * COVERAGE says what it does and what it does not.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { toListenError } from '../core/address.ts'
import { type Clock, type Random, systemClock } from '../core/clock.ts'
import { type Credentials, refusePublicHost, refuseRealCredentials } from './auth.ts'
import { eventsAfter, reset, type Stats, statsOf } from './control.ts'
import type { FaultRule, Faults } from './faults.ts'
import { dataOf } from './history.ts'
import { identifierOfKey } from './identifiers.ts'
import type { LoggedRequest } from './requests.ts'
import { buildServer } from './server.ts'
import { Service } from './service.ts'
import { findPerson } from './state.ts'
import { eventView, personView } from './views.ts'

export interface EmulatorOptions {
  /** Loopback only. */
  readonly host?: string
  /** 0 takes any free one. */
  readonly port?: number
  /** Where the journal lies; without it the workspace lives in memory only. */
  readonly directory?: string
  readonly clock?: Clock
  /** For faults by percent. */
  readonly random?: Random
  readonly credentials?: Partial<Credentials>
  /** From acceptance to effect, in milliseconds. */
  readonly settleMs?: number
  /** Calls of the App API a second; Customer.io takes 10. Without it there is no limit. */
  readonly appPerSecond?: number
  readonly faults?: readonly FaultRule[]
}

/** A person as read back. Numbers beyond 2^53 are exact only over HTTP. */
export interface PersonView {
  readonly key: string
  readonly cio_id: string
  readonly id: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly unsubscribed: boolean
  readonly attributes: Readonly<Record<string, unknown>>
  readonly timestamps: Readonly<Record<string, number>>
  readonly anonymous_ids: readonly string[]
  readonly devices: readonly Readonly<Record<string, unknown>>[]
  readonly relationships: readonly Readonly<Record<string, unknown>>[]
  readonly segments: readonly string[]
}

/** An event that took effect. */
export interface EventView {
  /** Ascending in the order of application, with gaps where other effects lie. */
  readonly seq: number
  readonly id: string | null
  readonly type: string
  readonly person: string | null
  readonly cio_id: string | null
  readonly name: string
  /** Unix seconds. */
  readonly timestamp: number
  readonly data: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970. */
  readonly applied_at: number
}

export interface Emulator extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** By `id:42`, `email:…`, `phone:…` or `cio_id:…`. */
  person(key: string): PersonView | undefined
  people(): PersonView[]
  events(of?: { person?: string; after?: number }): EventView[]
  /** The data of an event as it came, for numbers that JSON.parse would bend. */
  eventData(seq: number): string | undefined
  requests(of?: { path?: string; since?: number }): LoggedRequest[]
  stats(): Stats
  readonly faults: Faults
  /** Applies what is pending at once. */
  settle(): void
  /** Moves its clock forward, by milliseconds; what is due by then happens. */
  advance(ms: number): void
  /** Empties the workspace, the faults and the request log. */
  reset(): void
}

/**
 * Starts the emulator. Throws `bad_config` for a host that is not loopback and for credentials that look real,
 * `port_in_use`, and what opening the directory throws.
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = '127.0.0.1', port = 8247, clock = systemClock, random = Math.random, settleMs = 0 } = options
  const { credentials = {}, directory, appPerSecond } = options
  refusePublicHost(host)
  refuseRealCredentials(credentials)
  const service = new Service({ clock, random, credentials, settleMs, directory, appPerSecond })
  for (const rule of options.faults ?? []) service.faults.add(rule)
  const server = buildServer(service)
  await listen(server, { host, port }).catch((thrown: unknown) => {
    service.workspace.close()
    throw thrown
  })
  return emulatorOf(server, service)
}

async function listen(server: FastifyInstance, at: { host: string; port: number }): Promise<void> {
  try {
    await server.listen(at)
  } catch (thrown) {
    throw toListenError(thrown, { ...at, flag: '--emulator-port' })
  }
}

function emulatorOf(server: FastifyInstance, service: Service): Emulator {
  const { clock, workspace, faults, requests } = service
  const { port, address, family } = server.server.address() as AddressInfo // it listens on TCP
  const host = family === 'IPv6' ? `[${address}]` : address
  return {
    url: `http://${host}:${port}`,
    port,
    faults,
    person: (key) => {
      const person = findPerson(workspace.state, identifierOfKey(key))
      return person && JSON.parse(personView(workspace.state, person))
    },
    people: () =>
      [...workspace.state.people.values()].map((person) => JSON.parse(personView(workspace.state, person))),
    events: ({ person, after = 0 } = {}) =>
      [...eventsAfter(workspace.state, { after, person })].map((effect) =>
        JSON.parse(eventView(workspace.state, effect)),
      ),
    eventData: (seq) => {
      const [effect] = eventsAfter(workspace.state, { after: seq - 1 })
      return effect?.seq === seq ? dataOf(effect) : undefined
    },
    requests: ({ path, since } = {}) => requests.list({ limit: Number.MAX_SAFE_INTEGER, path, since }),
    stats: () => statsOf(service),
    settle: () => workspace.settle(),
    advance: (ms) => clock.advance(ms),
    reset: () => void reset(service),
    [Symbol.asyncDispose]: async () => {
      await server.close()
      workspace.close()
    },
  }
}
