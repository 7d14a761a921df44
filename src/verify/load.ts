/** Load: events under ids of the proof's own, from several connections, and which of them were acknowledged. */

/** ULIDs that ascend with every call, so that the order of sending can be read off them. */
export function serialUlids(): () => string {
  let serial = 0
  return () => {
    serial += 1
    return `01K${String(serial).padStart(23, '0')}`
  }
}

export interface LoadOptions {
  readonly url: string
  /** Requests in flight at any time. */
  readonly senders: number
  /** Events in one request. */
  readonly batch: number
  /** People of each sender; nobody is shared, so that each person's events are sent one after the other. */
  readonly people: number
  readonly ids: () => string
  /** Told of every request that was answered 200, with the ids in it. */
  onAcknowledged(ids: readonly string[]): void
}

/** Sends until nobody answers any more. Resolves with how many requests were answered by anything but 200. */
export async function sendUntilDead(options: LoadOptions): Promise<number> {
  const refused = await Promise.all(Array.from({ length: options.senders }, (_, n) => sender(n, options)))
  return refused.reduce((sum, count) => sum + count, 0)
}

async function sender(n: number, options: LoadOptions): Promise<number> {
  let refused = 0
  try {
    for (;;) {
      const batch = batchOf(n, options)
      const { status, body } = await post(options.url, batch)
      await body?.cancel()
      if (status === 200) options.onAcknowledged(batch.map(({ id }) => id))
      else refused += 1
    }
  } catch {
    return refused // the connection broke: the process is dead
  }
}

const batchOf = (sender: number, { batch, people, ids }: LoadOptions) =>
  Array.from({ length: batch }, (_, n) => ({
    type: 'person',
    identifiers: { id: `s${sender}p${n % people}` },
    action: 'event',
    name: 'tick',
    id: ids(),
  }))

const post = (url: string, batch: readonly object[]): Promise<Response> =>
  fetch(`${url}/api/v2/batch`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('dev:dev')}` },
    body: JSON.stringify({ batch }),
  })
