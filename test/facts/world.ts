/**
 * An emulated Customer.io in a time that stands still, and what a fact about the real one is: where it is from, the fact in one
 * sentence, and how the emulator is asked for it. The sources: T, P and A are its OpenAPI descriptions of the Track, Pipelines
 * and App APIs (August and September 2026), NF answers recorded of the live service (May 2026), and GO, PY, RB, N5, SEG and RS
 * what its clients send.
 */
import type { Clock } from '../../src/core/clock.ts'
import type { PersonView } from '../../src/emulator/emulator.ts'
import { Service } from '../../src/emulator/service.ts'

const NOON = Date.parse('2026-11-24T12:00:00Z')
/** Noon, in unix seconds. */
export const SECONDS = NOON / 1000
export const DAY = 24 * 3600

/** Time stands still; what moves it is the emulator's own clock. */
export const frozen: Clock = {
  now: () => NOON,
  mono: () => 0,
  sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
}

export const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` })
export const JSON_TYPE = { 'content-type': 'application/json' }

export class World {
  readonly service = new Service({ clock: frozen, random: () => 0.5 })

  call(method: string, path: string, body?: unknown, headers: Record<string, string> = basic('dev:dev')) {
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
    const answer = this.service.answer({ method, path, headers, body: text })
    this.service.workspace.settle()
    return answer
  }

  status(method: string, path: string, body?: unknown, headers?: Record<string, string>): number {
    return this.call(method, path, body, headers).status
  }

  put = (id: string, body: object = {}) => this.call('PUT', `/api/v1/customers/${id}`, body)
  entity = (body: object) => this.call('POST', '/api/v2/entity', body)
  app = (path: string, headers: Record<string, string> = { authorization: 'Bearer dev' }) =>
    this.call('GET', path, undefined, headers)
  pipelines = (path: string, body: unknown, more: Record<string, string> = {}) =>
    this.call('POST', `/v1/${path}`, body, { ...basic('dev:'), ...more })

  person(key: string): PersonView | undefined {
    const answer = this.call('GET', `/_emulator/people/${encodeURIComponent(key)}`)
    return answer.status === 200 ? JSON.parse(answer.body) : undefined
  }

  names(person?: string): string[] {
    const query = person === undefined ? '' : `?person=${encodeURIComponent(person)}`
    const { data } = JSON.parse(this.call('GET', `/_emulator/events${query}`).body)
    return data.map(({ name }: { name: string }) => name)
  }

  get stats() {
    return JSON.parse(this.call('GET', '/_emulator/stats').body)
  }
}

export type Fact = readonly [source: string, fact: string, check: (at: World) => void]

export const ULID = '01HB4HBDKTFWYZCK01DMRSWRFD'
export const STRICT = { 'x-strict-mode': '1' }
export const meta = (body: string) => JSON.parse(body).meta
export const words = (count: number) => 'x'.repeat(count)
