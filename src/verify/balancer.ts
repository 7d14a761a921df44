/**
 * What a load balancer does before several gateways, no more: a request that a gateway refuses goes to the next one. A
 * refusal is a connection that is not accepted, or a 503. A connection that breaks before the answer is none: nobody can
 * know what became of the request, and what is no idempotent GET must not be repeated by a balancer.
 */
import { Agent, request } from 'node:http'

/** One place in the rotation; its url changes when the process behind it does. */
export interface Member {
  url: string | undefined
}

export interface Balanced {
  /** The answer that the application gets; undefined when there was none. */
  readonly status: number | undefined
  /** Refusals on the way to it. */
  readonly refusals: number
}

/** Refused twice by all: the application gets what the last one said. */
const ROUNDS = 2

export class Balancer implements Disposable {
  readonly #members: readonly Member[]
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  #turn = 0

  constructor(members: readonly Member[]) {
    this.#members = members
  }

  async post(path: string, body: string): Promise<Balanced> {
    this.#turn += 1
    const first = this.#turn
    for (let refusals = 0; ; refusals += 1) {
      const member = this.#members[(first + refusals) % this.#members.length]
      const url = member?.url
      const { status, refused } = await this.#try(url, path, body)
      if (!refused) return { status, refusals }
      // Out of rotation until the next process is up, unless that is up already.
      if (member && member.url === url) member.url = undefined
      if (refusals >= ROUNDS * this.#members.length) return { status, refusals }
    }
  }

  #try(
    url: string | undefined,
    path: string,
    body: string,
  ): Promise<{ status: number | undefined; refused: boolean }> {
    if (url === undefined) return Promise.resolve({ status: undefined, refused: true })
    const headers = {
      authorization: `Basic ${btoa('dev:dev')}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    return new Promise((resolve) => {
      const asked = request(`${url}${path}`, { method: 'POST', agent: this.#agent, headers }, (answer) => {
        const status = answer.statusCode
        answer.on('error', () => resolve({ status: undefined, refused: false }))
        answer.resume().on('end', () => resolve({ status, refused: status === 503 }))
      })
      asked.on('error', (error: NodeJS.ErrnoException) =>
        resolve({ status: undefined, refused: error.code === 'ECONNREFUSED' }),
      )
      asked.end(body)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
