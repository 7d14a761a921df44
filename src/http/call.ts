/** What a handler knows of a call, and what it does to its answer: Fastify's own fit, and so do those of direct.ts. */
import type { IncomingHttpHeaders } from 'node:http'

export interface Call {
  /** The correlation id. */
  readonly id: string
  readonly headers: IncomingHttpHeaders
  /** What the path names. */
  readonly params: unknown
  readonly body: unknown
  readonly routeOptions: { readonly bodyLimit?: number | undefined }
}

export interface Reply {
  code(status: number): Reply
  header(name: string, value: string): Reply
  headers(headers: Readonly<Record<string, string>>): Reply
  send(body?: string): Reply
}
