/** The HTTP client of the commands: of a running Sluice, as an application or as an operator, and of the emulator. */
import type { Config } from '../config.ts'
import { type ErrorCode, isErrorCode, SluiceError } from '../core/errors.ts'
import { isObject, parseJson } from '../core/json.ts'
import type { Job } from './job.ts'

export interface ApiOptions {
  /** What is called, for messages: `Sluice`, `emulator`. */
  readonly name: string
  readonly url: string
  /** What to do where nobody answers, in place of the table's own words. */
  readonly hint?: string
  readonly authorization?: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export class Api {
  readonly #options: ApiOptions

  constructor(options: ApiOptions) {
    this.#options = options
  }

  get url(): string {
    return this.#options.url
  }

  /**
   * The answer's document. Its type is taken on trust: both ends are of one version. Throws what the server says, or
   * `unreachable`, or `timed_out`.
   */
  async json<Document>(method: Method, path: string, body?: unknown): Promise<Document> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await this.call(method, path, text)
    return (parseJson(answer.text) ?? {}) as Document
  }

  /** The answer, if it is a success; body and answer as text. Throws as `json` does. */
  async call(method: Method, path: string, body?: string): Promise<Answer> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs)
    const response = await this.#fetch(path, { method, body, timeout })
    const text = await response.text().catch((cause: unknown) => this.#lost(cause, timeout))
    const answer = { status: response.status, headers: response.headers, text }
    if (response.ok) return answer
    throw toFailure(answer, `${method} ${path}`)
  }

  /** The lines of an answer that has no end, but for empty ones, until the signal aborts. */
  async *lines(path: string, onConnected: () => void): AsyncGenerator<string> {
    const response = await this.#fetch(path, { method: 'GET' })
    if (!response.ok || !response.body) {
      const { status, headers } = response
      throw toFailure({ status, headers, text: await response.text() }, `GET ${path}`)
    }
    onConnected()
    let rest = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') yield line
    }
  }

  async #fetch(path: string, { method, body, timeout }: Request): Promise<Response> {
    const { url, authorization, signal } = this.#options
    const headers: Record<string, string> = {}
    if (authorization) headers.authorization = authorization
    if (body !== undefined) headers['content-type'] = 'application/json'
    try {
      return await fetch(`${url}${path}`, {
        method,
        headers,
        signal: timeout ? AbortSignal.any([signal, timeout]) : signal,
        ...(body !== undefined && { body }),
      })
    } catch (cause) {
      return this.#lost(cause, timeout)
    }
  }

  #lost(cause: unknown, timeout: AbortSignal | undefined): never {
    const { name, url, signal, timeoutMs, hint } = this.#options
    if (signal.aborted) throw cause
    if (timeout?.aborted)
      throw new SluiceError('timed_out', `No answer came from ${url} within ${timeoutMs / 1000} s.`, {
        cause,
      })
    throw new SluiceError('unreachable', `No ${name} answers at ${url}.`, { cause, ...(hint && { hint }) })
  }
}

interface Request {
  readonly method: Method
  readonly body?: string | undefined
  readonly timeout?: AbortSignal
}

/** The codes of answers that bring none: of the emulator, or of something else that listens at the address. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  431: 'headers_too_large',
  503: 'shutting_down',
}

/** An answer that is no success, in whichever of the three shapes: a problem, Track v1's `meta`, Track v2's `errors`. */
function toFailure({ status, headers, text }: Answer, call: string): SluiceError {
  const body = parseJson(text)
  const problem = isObject(body) ? body : {}
  const named = String(problem.code ?? headers.get('x-sluice-code'))
  const code = isErrorCode(named) ? named : (BY_STATUS[status] ?? 'internal')
  const message = String(problem.detail ?? reasonsOf(problem) ?? `${call} was answered ${status}.`)
  const details = { status, call }
  return new SluiceError(code, message, {
    details,
    ...(typeof problem.hint === 'string' && { hint: problem.hint }),
  })
}

function reasonsOf({ meta, errors }: Readonly<Record<string, unknown>>): string | undefined {
  if (isObject(meta)) return String(meta.error ?? meta.errors)
  if (!Array.isArray(errors)) return undefined
  return errors.map((error) => (isObject(error) ? String(error.message ?? error.reason) : '')).join('; ')
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** The admin API of a running Sluice. */
export function adminApi(job: Job, { url, adminToken }: Config): Api {
  const authorization = `Bearer ${adminToken ?? ''}`
  return new Api({ name: 'Sluice', url, authorization, timeoutMs: job.timeoutMs, signal: job.signal })
}

/** The Track API of a running Sluice, as an application calls it: with the credentials of the first source. */
export function trackApi(job: Job, { url, sources: [source] }: Config): Api {
  const authorization = basic(source?.siteId ?? '', source?.apiKey ?? '')
  return new Api({ name: 'Sluice', url, authorization, timeoutMs: job.timeoutMs, signal: job.signal })
}

/** The control API of a running emulator, which needs no credentials. */
export function emulatorApi(job: Job, { emulatorUrl }: Config, signal = job.signal): Api {
  const hint = 'Start one with "sluice dev" or "sluice emulator start", or name another with --emulator-url.'
  return new Api({ name: 'emulator', url: emulatorUrl, hint, timeoutMs: job.timeoutMs, signal })
}

/** A path's query from what is set. */
export function query(parts: Readonly<Record<string, string | number | undefined>>): string {
  const set = Object.entries(parts).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return set.length === 0 ? '' : `?${new URLSearchParams(set)}`
}
