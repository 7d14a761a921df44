/** The life of one operation, whatever state it is in. */
import type { Bus } from '../bus/bus.ts'
import { SluiceError } from '../core/errors.ts'
import type { Attempt } from '../core/outcome.ts'
import type { Received } from '../core/record.ts'
import type { Entry, Ledger } from '../ledger/ledger.ts'
import type { Trace } from './wire.ts'

export interface TraceSources {
  readonly ledger: Ledger
  readonly bus: Pick<Bus, 'read'>
  /** The record of an operation that has no outcome yet. */
  findPending(id: string): Promise<Received | undefined>
  /** The attempts that such an operation has had so far. */
  attemptsOf(id: string): readonly Attempt[]
}

/** Throws `not_found` for an id that nobody has seen, or that was forgotten after the retention time. */
export async function traceOf(id: string, sources: TraceSources): Promise<Trace> {
  const entry = await sources.ledger.find(id)
  if (entry?.outcome === 'dead') return traceOfDead(entry, sources.ledger)
  if (entry) return { ...entry, state: entry.outcome, ...(await keptValue(entry, sources.bus)) }
  const pending = await sources.findPending(id)
  if (pending) return { ...traceOfPending(pending), attempts: sources.attemptsOf(id) }
  throw new SluiceError('not_found', `No operation ${id} is known.`, { details: { id } })
}

async function traceOfDead(entry: Entry, ledger: Ledger): Promise<Trace> {
  const letter = await ledger.dead.find(entry.id)
  if (letter === undefined) return { ...entry, state: 'dead' }
  return { ...letter, state: letter.state === 'waiting' ? 'dead' : letter.state }
}

const traceOfPending = ({ id, key, kind, headers, at, topic, lane, offset, value }: Received): Trace => ({
  id,
  key,
  kind,
  state: 'pending',
  headers,
  receivedAt: at,
  topic,
  lane,
  offset,
  attempts: [],
  value,
})

/** The ledger keeps the values of dead letters only: the others are still in the log, until it is trimmed. */
async function keptValue(entry: Entry, bus: Pick<Bus, 'read'>): Promise<{ value?: string }> {
  if (entry.value !== undefined) return { value: entry.value }
  const [record] = await bus.read(entry.topic, { lane: entry.lane, from: entry.offset, limit: 1 })
  return record?.id === entry.id ? { value: record.value } : {}
}
