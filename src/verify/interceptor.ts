/**
 * An HTTP server between the gateway and the emulator that may answer in its place, or change what it answers: whatever a
 * Customer.io of bad manners could say, while what really took effect is known.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ask } from './ask.ts'
import type { Between } from './stand.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string
  readonly body: string
}

export interface Answered {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** Decides about one request. `pass` hands it on to the real one, once, and gives its answer. */
export type Script = (asked: Asked, pass: () => Promise<Answered>) => Answered | Promise<Answered>

/** Stands before the emulator at `target`. */
export async function intercept(script: Script, target: string): Promise<Between> {
  const server = createServer((request, response) => void answer({ request, response }, script, target))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

async function answer({ request, response }: Exchange, script: Script, target: string): Promise<void> {
  try {
    const { method = 'GET', url: path = '/' } = request
    const body = Buffer.concat(await request.toArray()).toString('utf8')
    const asked = { method, path, authorization: request.headers.authorization ?? '', body }
    const given = await script(asked, () => pass(asked, target))
    response.writeHead(given.status, { 'content-type': 'application/json', ...given.headers })
    response.end(given.body)
  } catch {
    response.destroy() // the caller went away, or nobody is there to hand it on to: no answer
  }
}

async function pass({ method, path, authorization, body }: Asked, target: string): Promise<Answered> {
  const answer = await ask(`${target}${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === '' ? {} : { body }),
  })
  return { status: answer.status, body: await answer.text() }
}
