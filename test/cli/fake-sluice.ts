/** A server that answers like a gateway and an emulator, from a table: for commands, which see no more than answers. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}

/** A status with a document, or a function that answers by itself. */
export type Reply =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | ((response: ServerResponse, asked: Asked) => void)

export interface FakeSluice extends AsyncDisposable {
  readonly url: string
  readonly asked: Asked[]
}

/** `replies` by method and path without the query, such as `GET /admin/v1/status`; the rest is 404. */
export async function fakeSluice(replies: Readonly<Record<string, Reply>>): Promise<FakeSluice> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { method = '', url = '' } = request
    const call = { method, path: url, authorization: request.headers.authorization, body }
    asked.push(call)
    const reply = replies[`${method} ${url.split('?')[0]}`] ?? { status: 404 }
    if (typeof reply === 'function') return reply(response, call)
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers })
    response.end(JSON.stringify(reply.body ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // It listens on TCP, so its address is no path.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** An address at which nobody listens: a port below 1024, which no other test is given in passing, and none that `fetch` avoids. */
export const DEAD_URL = 'http://127.0.0.1:2'
