/** The wire to the App API: one call, its answer as a stream, no retry. Redirects are not followed. */
import type { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import { lazyPool } from './pool.ts'

export interface AppCall {
  readonly method: Dispatcher.HttpMethod
  /** With the query, as the caller wrote it. */
  readonly path: string
  /** Beside the credentials. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Ends the call when nobody waits for it any more. */
  readonly signal: AbortSignal
}

export type AppReply =
  | {
      readonly status: number
      readonly headers: Readonly<Record<string, string | string[] | undefined>>
      readonly body: Readable
    }
  /** No answer: whether the call had an effect is unknown. */
  | { readonly status: null; readonly timedOut: boolean; readonly detail: string }

export interface AppRemote extends AsyncDisposable {
  call(call: AppCall): Promise<AppReply>
}

export interface AppRemoteOptions {
  /** The origin, such as `https://api.customer.io`. */
  readonly url: string
  readonly key: string
}

/** Ten calls a second, each of which may take a few seconds: searches and exports are slow. */
const CONNECTIONS = 32
const CONNECT_MS = 2_000
/** Until the answer begins, and between any two parts of it. */
const ANSWER_MS = 15_000

export function connectApp({ url, key }: AppRemoteOptions): AppRemote {
  const pool = lazyPool(url, {
    connections: CONNECTIONS,
    connect: { timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  })
  return {
    call: async (call) =>
      send(await pool.get(), { ...call, headers: { ...call.headers, authorization: `Bearer ${key}` } }),
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

async function send(pool: Pool, { method, path, headers, body, signal }: AppCall): Promise<AppReply> {
  try {
    const answer = await pool.request({ method, path, headers, body: body ?? null, signal })
    return { status: answer.statusCode, headers: answer.headers, body: answer.body }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const code = 'code' in error ? String(error.code) : error.name
    return { status: null, timedOut: code.includes('TIMEOUT'), detail: `${code}: ${error.message}` }
  }
}
