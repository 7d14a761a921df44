/** A record: an operation, a report or an outcome as it lies on the bus. Plain data, no methods, no hidden state. */

/** What is said beside the value. Keys are lower case; values are text without line breaks. */
export interface Headers {
  readonly [name: string]: string
}

export interface BusRecord {
  /**
   * The operation id, a ULID. For an event it is also the `id` that Customer.io dedupes on. Empty, as is `kind`, where a
   * stranger wrote the record: a producer that knows nothing of Sluice and its headers.
   */
  readonly id: string
  /** What orders it: records with one key arrive in the order in which they were published. */
  readonly key: string
  /** What it is, as `type.action`: `person.identify`, `person.event`, … (see operation.ts). */
  readonly kind: string
  /** When Sluice received it, milliseconds since 1970; of a stranger's record the time that it carries. */
  readonly at: number
  readonly headers: Headers
  /** JSON text, byte for byte what will be sent on. With the header `encoding: base64` it stands for bytes that are no text. */
  readonly value: string
}

/** Where a record lies. `epoch` says under which ownership of the lane it was handed out. */
export interface Place {
  readonly topic: string
  readonly lane: number
  readonly offset: number
  readonly epoch: number
}

/** A record as a subscriber receives it. */
export interface Received extends BusRecord, Place {}

/** Where a record lies, as text; of one that was moved from another bus, where it was first. */
export const placeOf = ({ topic, lane, offset, headers }: Received): string =>
  headers[HEADER.copiedFrom] ?? `${topic}/${lane}/${offset}`

export const TOPICS = {
  /** People, objects, deliveries: all that must stay in order. */
  events: 'customerio.events',
  /** Dead letters and ranges put through delivery again; apart from `events`, so that live traffic goes first. */
  replay: 'customerio.replay',
  /** The reference architecture's own topics, for producers written to it. Each keeps order within itself only. */
  identify: 'customerio.identify',
  track: 'customerio.track',
  /** Sends. Kept until the stage that sends them exists; nothing reads them yet. */
  transactional: 'customerio.transactional',
  /** Which identifiers are one person, told among the processes that share a bus: one lane, kept for ever. */
  people: 'customerio.people',
  processed: 'customerio.processed',
  dlq: 'customerio.dlq',
} as const

/** The names of headers that Sluice itself reads. */
export const HEADER = {
  /** The name of the source whose credentials published it. */
  source: 'source',
  correlationId: 'correlation-id',
  /** Further person keys that the record holds, as a JSON array: the other side of a merge, the e-mail that an identify brings. */
  alsoKeys: 'also-keys',
  /** What the record says of who is whom, as a JSON array of `[key, canonical]`, in their order (ingest/owed-links.ts). */
  links: 'links',
  /** Of the last record of a publication that makes links: how many it is from the first that makes one to this. */
  linkSpan: 'link-span',
  /** For `person.identify` only: the wall clock at Sluice stamped it because the caller gave no timestamp. */
  stamped: 'stamped',
  /** Of an operation that a stranger's record said: where that lies, as `topic/lane/offset`. */
  origin: 'origin',
  /** Of a replay where several processes share the bus: whose ledger holds the letter, and so who puts it through. */
  ledger: 'ledger',
  /** Of a replay: the how many-eth it is of its letter. One that comes late is not taken for the one that is awaited. */
  round: 'sluice-replay',
  /** Why a record is no operation: JSON with `reason`, `field` and `message`. */
  fault: 'fault',
  /** Of a record that was moved from another bus: where it was first. */
  copiedFrom: 'sluice-copied-from',
  /** `base64`: the record came as bytes that are not UTF-8 text, and its value is these in base64. */
  encoding: 'encoding',
  /** What preflight found and let pass, as a JSON array of `{rule, field, fixed?}`; the first ten. */
  preflight: 'preflight',
} as const

/** The kind of a record that is no operation: whatever a stranger wrote, on its way to the dead letters. */
export const UNREADABLE = 'unreadable'

const NO_KEYS: readonly string[] = []

/** The further person keys that a record holds, besides its own. */
export function alsoKeys({ key, headers }: Pick<BusRecord, 'key' | 'headers'>): readonly string[] {
  const text = headers[HEADER.alsoKeys]
  if (text === undefined) return NO_KEYS
  const keys = JSON.parse(text) as readonly string[] // ingest wrote it
  return keys.filter((other) => other !== key)
}
