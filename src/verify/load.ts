/** Load: numbered events from several connections. The number is in the event and in its id, and ascends for each person. */
import { ask } from './ask.ts'

export interface Tick {
  readonly n: number
  readonly person: string
  /** Customer.io refuses it for good. */
  readonly bad: boolean
}

/** A ULID that ascends with the number. */
export const idOf = (n: number): string => `01K${String(n).padStart(23, '0')}`

/** The event in the form of Track v2. Only a good one has a name that is no longer than Customer.io takes. */
export const operationOf = ({ n, person, bad }: Tick) => ({
  type: 'person',
  identifiers: { id: person },
  action: 'event',
  name: bad ? 'x'.repeat(101) : 'tick',
  id: idOf(n),
  attributes: { n },
})

/** For a gateway that lets the bad ones pass, so that it is Customer.io who refuses them: its limits are no guard of these proofs. */
export const LET_BAD_PASS = { SLUICE_PREFLIGHT: 'event_name_bytes=off' }

/** True when the gateway took all of them. Rejects when no answer came: it may have taken them or not. */
export async function postTicks(url: string, ticks: readonly Tick[]): Promise<boolean> {
  const { status, body } = await ask(`${url}/api/v2/batch`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('dev:dev')}` },
    body: JSON.stringify({ batch: ticks.map(operationOf) }),
  })
  await body?.cancel()
  return status === 200
}

export interface LoadOptions {
  readonly url: string
  /** Requests in flight at any time. */
  readonly senders: number
  /** Events in one request. */
  readonly batch: number
  /** Of each sender; nobody is shared, so that each person's events are sent one after the other. */
  readonly people: number
  readonly serial: () => number
  onAcknowledged(ticks: readonly Tick[]): void
}

export function counter(): () => number {
  let n = 0
  return () => {
    n += 1
    return n
  }
}

/** Sends until nobody answers any more. */
export async function sendUntilDead(options: LoadOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.senders }, (_, n) => sender(n, options)))
}

async function sender(
  sender: number,
  { url, batch, people, serial, onAcknowledged }: LoadOptions,
): Promise<void> {
  try {
    for (;;) {
      const ticks = Array.from({ length: batch }, (_, at) => ({
        n: serial(),
        person: `s${sender}p${at % people}`,
        bad: false,
      }))
      if (await postTicks(url, ticks)) onAcknowledged(ticks)
    }
  } catch {
    // the connection broke: the process is dead
  }
}
