/** The requests that came in, as they came: the last ones in full, and counts of all. */

export interface LoggedRequest {
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly method: string
  /** As in the request line, with the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** Null when no answer was given. */
  status: number | null
  /** The kind of the fault that it met. */
  fault: string | null
  /** From the whole body to the answer; null while it is not answered. */
  ms: number | null
}

const MOST_REQUESTS = 10_000
const MOST_CHARACTERS = 64 * 1024 * 1024

export class RequestLog {
  #kept: LoggedRequest[] = []
  #characters = 0
  #seq = 0
  readonly #statuses = new Map<number, number>()
  readonly #faults = new Map<string, number>()

  begin(request: Pick<LoggedRequest, 'at' | 'method' | 'path' | 'headers' | 'body'>): LoggedRequest {
    this.#seq += 1
    const logged = {
      ...request,
      headers: withoutSecret(request.headers),
      seq: this.#seq,
      status: null,
      fault: null,
      ms: null,
    }
    this.#kept.push(logged)
    this.#characters += logged.body.length
    if (this.#kept.length > MOST_REQUESTS || this.#characters > MOST_CHARACTERS) this.#forget()
    return logged
  }

  end(logged: LoggedRequest, { status, ms, fault }: Pick<LoggedRequest, 'status' | 'ms' | 'fault'>): void {
    Object.assign(logged, { status, ms, fault })
    if (status !== null) this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    if (fault !== null) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
  }

  /** Ascending. With `since`, those after that number; without, the last ones. */
  list({ limit, path, since }: { limit: number; path?: string | undefined; since?: number | undefined }) {
    const matching = this.#kept.filter(
      (each) => each.seq > (since ?? 0) && (path === undefined || each.path.startsWith(path)),
    )
    return since === undefined ? matching.slice(-limit) : matching.slice(0, limit)
  }

  counts(): { requests: number; statuses: Record<string, number>; faults: Record<string, number> } {
    return {
      requests: this.#seq,
      statuses: Object.fromEntries(this.#statuses),
      faults: Object.fromEntries(this.#faults),
    }
  }

  clear(): void {
    this.#kept = []
    this.#characters = 0
    this.#seq = 0
    this.#statuses.clear()
    this.#faults.clear()
  }

  /** A tenth at a time, so that forgetting costs next to nothing per request. */
  #forget(): void {
    const forgotten = this.#kept.splice(0, Math.ceil(this.#kept.length / 10))
    for (const { body } of forgotten) this.#characters -= body.length
  }
}

/** A caller with real credentials may have gone astray; what it sent is not kept. */
function withoutSecret(headers: LoggedRequest['headers']): LoggedRequest['headers'] {
  const { authorization } = headers
  if (authorization === undefined) return headers
  return { ...headers, authorization: String(authorization).replace(/ .*/, ' (not kept)') }
}
