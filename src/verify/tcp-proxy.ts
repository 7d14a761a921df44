/**
 * A TCP proxy that hurts: each connection may be cut at a byte, held for ever, or slowed to a drip. It knows nothing of what
 * passes through it.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What happens to one connection. Bytes are counted from its start. */
export interface Treatment {
  /** Where to stop: when so many bytes of the request, or of the response, have passed. */
  readonly at?: { readonly way: 'request' | 'response'; readonly bytes: number }
  /** What stopping is: a reset, a FIN to both sides, or silence with the connection left open. */
  readonly by?: 'reset' | 'fin' | 'silence'
  /** The response goes one byte at a time with so many milliseconds between. */
  readonly dripMs?: number
}

export interface TcpProxy extends AsyncDisposable {
  readonly url: string
  /** The treatment of the next connection; those beyond pass unharmed. Resolves when it was stopped by it. */
  treat(next: Treatment): Promise<void>
  /** Closes what is open, so that the next call needs a new connection. */
  disconnect(): void
  /** How many connections were stopped by their treatment. */
  readonly stopped: number
  /** Bytes of the last connection, each way. */
  readonly last: { readonly request: number; readonly response: number }
}

/** `target` is a URL; its host and port are connected to. */
export async function openTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const open = new Set<Connection>()
  const coming: { treatment: Treatment; onStop: () => void }[] = []
  let stopped = 0
  let last: Connection | undefined
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const connection = new Connection(
      client,
      connect({ host: hostname, port: Number(port), allowHalfOpen: true }),
    )
    last = connection
    open.add(connection)
    const { treatment = {}, onStop } = coming.shift() ?? {}
    const stop = () => {
      stopped += 1
      onStop?.()
    }
    void connection.run(treatment, stop).finally(() => open.delete(connection))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: own } = server.address() as AddressInfo // it listens on TCP
  const disconnect = () => {
    for (const connection of open) connection.destroy()
  }
  return {
    url: `http://127.0.0.1:${own}`,
    treat: (treatment) => new Promise((onStop) => coming.push({ treatment, onStop })),
    disconnect,
    get stopped() {
      return stopped
    },
    get last() {
      return last?.passed ?? { request: 0, response: 0 }
    },
    [Symbol.asyncDispose]: async () => {
      disconnect()
      server.close()
      await once(server, 'close')
    },
  }
}

type Way = 'request' | 'response'

class Connection {
  readonly passed = { request: 0, response: 0 }
  readonly #client: Socket
  readonly #server: Socket
  readonly #closed: Promise<unknown>
  #stopped = false

  constructor(client: Socket, server: Socket) {
    this.#client = client
    this.#server = server
    this.#closed = Promise.all([client, server].map(closing))
    for (const socket of [client, server]) socket.on('error', () => this.destroy())
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  /** Resolves when both sides are closed. */
  async run(treatment: Treatment, onStop: () => void): Promise<void> {
    if (treatment.at?.bytes === 0) this.#stop(treatment, onStop)
    void this.#pass('request', treatment, onStop)
    void this.#pass('response', treatment, onStop)
    await this.#closed
  }

  async #pass(way: Way, treatment: Treatment, onStop: () => void): Promise<unknown> {
    const [from, to] = way === 'request' ? [this.#client, this.#server] : [this.#server, this.#client]
    try {
      for await (const chunk of from) {
        const limit =
          treatment.at?.way === way ? treatment.at.bytes - this.passed[way] : Number.POSITIVE_INFINITY
        const through = (chunk as Buffer).subarray(0, limit) // no encoding is set
        await this.#write(to, through, way === 'response' ? treatment.dripMs : undefined)
        this.passed[way] += through.length
        if (through.length >= limit) this.#stop(treatment, onStop)
        if (this.#stopped) return await this.#closed // leaving the loop closes the socket, and silence leaves it open
      }
      to.end()
    } catch {
      this.destroy() // one side broke off: so does the other
    }
  }

  async #write(to: Socket, bytes: Buffer, dripMs: number | undefined): Promise<void> {
    if (dripMs === undefined) return written(to, bytes)
    for (const byte of bytes) {
      await written(to, Buffer.of(byte))
      await sleep(dripMs)
    }
  }

  #stop({ by = 'reset' }: Treatment, onStop: () => void): void {
    if (this.#stopped) return
    this.#stopped = true
    onStop()
    for (const socket of [this.#client, this.#server]) {
      if (by === 'reset') socket.resetAndDestroy()
      else if (by === 'fin') socket.destroySoon()
    }
  }
}

/** Unlike `once`, it does not mind an error on the way there. */
const closing = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve))

/** Resolves when the bytes have left, so that a cut right behind them does not take them along. */
const written = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())))
