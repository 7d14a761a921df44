/** The wire to Customer.io: one pool of connections, one `send`, no retry (that is delivery's to decide). */
import type { Dispatcher, Pool } from 'undici'
import type { Clock } from '../core/clock.ts'
import { SluiceError } from '../core/errors.ts'
import { lazyPool } from './pool.ts'

export interface Call {
  /** A short name for metrics: `batch`, `anonymous_events`, … */
  readonly endpoint: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Beside those that every call carries. */
  readonly headers?: Readonly<Record<string, string>>
  /** For the whole answer, in milliseconds; 15 s unless told. */
  readonly timeoutMs?: number
}

/** What came back: an answer, or none (refused, reset, cut or too slow; whether the call had an effect is unknown). */
export type Reply =
  | {
      readonly status: number
      readonly body: string
      readonly retryAfter: string | undefined
      readonly location: string | undefined
      /** The ids of the operations, where a gateway answered. */
      readonly sluiceId?: string | undefined
      readonly ms: number
    }
  | { readonly status: null; readonly detail: string; readonly ms: number }

export interface Remote extends AsyncDisposable {
  send(call: Call): Promise<Reply>
}

export interface RemoteOptions {
  /** The origin, such as `https://track.customer.io`. */
  readonly url: string
  /** The value of the Authorization header. */
  readonly authorization: string
  readonly userAgent: string
  /** The most connections, and so the most calls at once. */
  readonly connections: number
  readonly clock: Clock
}

/** Connect within 2 s; the whole answer, however it drips, within 15 s (Customer.io's own SDKs wait 10 s). */
const CONNECT_MS = 2_000
const ANSWER_MS = 15_000
/** An answer holds at most one error for each of 1000 items; more than this is no answer of Customer.io. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/**
 * Redirects are not followed: credentials never go to a host that an answer names. The `Location` is reported, since the
 * US host redirects the calls of a workspace in the EU.
 */
export function connectRemote(options: RemoteOptions): Remote {
  const pool = lazyPool(options.url, {
    connections: options.connections,
    pipelining: 1,
    connect: { timeout: CONNECT_MS },
    keepAliveTimeout: 30_000,
  })
  const headers = {
    authorization: options.authorization,
    'content-type': 'application/json',
    'user-agent': options.userAgent,
  }
  return {
    send: async (call) => send({ pool: await pool.get(), headers, clock: options.clock }, call),
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

interface Wire {
  readonly pool: Pool
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
}

/** Not async: the call, whose text is bytes from here on, would be kept until it is answered. */
function send({ pool, headers, clock }: Wire, call: Call): Promise<Reply> {
  const started = clock.mono()
  const { method, path, body, timeoutMs = ANSWER_MS } = call
  const signal = AbortSignal.timeout(timeoutMs)
  const given = body === undefined ? {} : { body: Buffer.from(body) }
  const all = call.headers === undefined ? headers : { ...headers, ...call.headers }
  return replyOf(() => pool.request({ method, path, headers: all, signal, ...given }), started, clock)
}

async function replyOf(
  request: () => Promise<Dispatcher.ResponseData>,
  started: number,
  clock: Clock,
): Promise<Reply> {
  try {
    const answer = await request()
    const text = await readText(answer.body)
    return {
      status: answer.statusCode,
      body: text,
      retryAfter: first(answer.headers['retry-after']),
      location: first(answer.headers.location),
      sluiceId: first(answer.headers['x-sluice-id']),
      ms: clock.mono() - started,
    }
  } catch (thrown) {
    return { status: null, detail: networkDetail(thrown), ms: clock.mono() - started }
  }
}

async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    const buffer = Buffer.from(chunk)
    bytes += buffer.length
    if (bytes > MAX_ANSWER_BYTES)
      throw new SluiceError('upstream_unintelligible', `The answer is larger than ${MAX_ANSWER_BYTES} bytes.`)
    chunks.push(buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const first = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header

function networkDetail(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  // A time-out is a DOMException, whose code is a number that says nothing.
  const code = 'code' in thrown && typeof thrown.code === 'string' ? `${thrown.code}: ` : ''
  return `${code}${thrown.message}`
}
