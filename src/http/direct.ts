/**
 * The busiest calls, answered without the framework: its router, hooks and promises take as much again as node:http itself
 * (bench/README.md). Only what is ordinary goes this way: a path without escapes or a query, a body whose length is known,
 * within the limit and not packed. Everything else goes the general way, to a route of the same handler, so that how a call
 * is answered does not depend on the way it took.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BODY_LIMIT, faultOf } from './body.ts'
import type { Call, Reply } from './call.ts'

export interface DirectRoute {
  readonly method: 'POST' | 'PUT'
  /** A path, in which a part that begins with a colon is a parameter. */
  readonly url: string
  readonly handle: (call: Call, reply: Reply) => Promise<Reply>
  /** Answers what was thrown. */
  readonly refuse: (thrown: unknown, call: Call, reply: Reply) => Reply
  /** Told of it: what the hook `onError` is in the general way. */
  readonly onError: (thrown: unknown, call: Call) => void
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds a route that is answered in both ways. */
    readonly direct: (route: DirectRoute) => void
  }
}

/** What both ways have in common. */
export interface Common {
  readonly idOf: (request: IncomingMessage) => string
  readonly stopping: () => boolean
}

export const CORRELATION_ID = 'x-correlation-id'

interface Known extends DirectRoute {
  readonly pattern: RegExp
}

/** No escapes, and nothing that some router might take for a delimiter; an id of a person has at most 150 bytes. */
const PARAMETER = '[\\w.@~+-]{1,150}'

const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replace(/:(\w+)/g, (_, name: string) => `(?<${name}>${PARAMETER})`)}$`)

export class Direct {
  readonly #common: Common
  readonly #routes: Known[] = []

  constructor(common: Common) {
    this.#common = common
  }

  add(route: DirectRoute): void {
    this.#routes.push({ ...route, pattern: patternOf(route.url) })
  }

  /** Whether it has taken the call, and answers it. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#common.stopping() || !isOrdinary(request)) return false
    const { method, url = '' } = request
    for (const route of this.#routes) {
      const found = route.method === method ? route.pattern.exec(url) : null
      if (found === null) continue
      const id = this.#common.idOf(request)
      const reply = new DirectReply(response, id, this.#common)
      readBody(request, (body) => {
        const call = { id, headers: request.headers, params: found.groups, body, routeOptions: ROUTE_OPTIONS }
        answer(route, call, reply)
      })
      return true
    }
    return false
  }
}

const ROUTE_OPTIONS = { bodyLimit: BODY_LIMIT }

function isOrdinary({ headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length'])
  return length <= BODY_LIMIT && headers['content-encoding'] === undefined
}

/** A caller that goes away before the end of its body is owed no answer. */
function readBody(request: IncomingMessage, then: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => then(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
  request.on('error', () => {})
}

function answer({ handle, refuse, onError }: DirectRoute, call: Call & { body: Buffer }, reply: Reply): void {
  const refused = (thrown: unknown) => {
    onError(thrown, call)
    refuse(thrown, call, reply)
  }
  const fault = faultOf(call.body)
  if (fault === null) handle(call, reply).catch(refused)
  else refused(fault)
}

class DirectReply implements Reply {
  readonly #response: ServerResponse
  readonly #common: Common
  /** Names and values in turn, as node:http takes them the fastest. None is given twice. */
  readonly #headers: string[]
  #status = 200

  constructor(response: ServerResponse, id: string, common: Common) {
    this.#response = response
    this.#common = common
    this.#headers = [CORRELATION_ID, id]
  }

  code(status: number): this {
    this.#status = status
    return this
  }

  header(name: string, value: string): this {
    this.#headers.push(name, value)
    return this
  }

  headers(headers: Readonly<Record<string, string>>): this {
    for (const name in headers) this.header(name, headers[name] ?? '')
    return this
  }

  send(body = ''): this {
    this.header('content-length', String(Buffer.byteLength(body)))
    if (this.#common.stopping()) this.header('connection', 'close')
    this.#response.writeHead(this.#status, this.#headers).end(body)
    return this
  }
}
