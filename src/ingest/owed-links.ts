/**
 * Links that were published and not written: a process ended between its log and its people/. What was said under either key
 * from then on would go two ways, the second of them without regard to what lies in the log. So the log says who is whom as
 * well, and who starts on it learns that before anything is placed.
 *
 * Whoever publishes links waits until they are written (accept.ts), so that those which are owed are of the last publication.
 * Where anything of it or after it was lost nothing is made good: what a link does depends on those before it and after it.
 */
import type { Bus } from '../bus/bus.ts'
import { SluiceError } from '../core/errors.ts'
import type { Notify } from '../core/notices.ts'
import { type BusRecord, HEADER, type Headers, type Received, TOPICS, UNREADABLE } from '../core/record.ts'
import type { Link, OwnPeople } from '../people/people.ts'

/** Links as a header has them. */
export const writeLinks = (links: readonly Link[]): string =>
  JSON.stringify(links.map(({ key, canonical }) => [key, canonical]))

/** Says of a publication that makes links how far back the first of them lies. */
export function withSpan(records: readonly BusRecord[]): readonly BusRecord[] {
  const first = records.findIndex(makesLinks)
  const last = records.at(-1)
  if (first < 0 || last === undefined) return records
  const span = String(records.length - first)
  return [...records.slice(0, -1), { ...last, headers: { ...last.headers, [HEADER.linkSpan]: span } }]
}

/** By what people/ knows the links of a publication. Two tries of one request may have the same ids, and not the same time. */
export function markOf(records: readonly BusRecord[]): string | undefined {
  const last = records.findLast(makesLinks)
  return last && `${last.id} ${last.at}`
}

/** A log of this process alone. */
interface Log extends Pick<Bus, 'read'> {
  /** The offset that the next record of the topic gets. */
  head(topic: string): number
}

/**
 * Writes what the log says last and people/ does not know. To be called before anything is placed. Damage found there
 * lies in what is delivered, for which no start is refused: it is told. Throws what else both throw.
 */
export async function linkOwed(log: Log, people: OwnPeople, notify: Notify): Promise<void> {
  const records = await lastPublication(log).catch((thrown) => {
    if (!(thrown instanceof SluiceError) || thrown.code !== 'log_damaged') throw thrown
    notify('ingest.unlinked', { detail: thrown.message })
    return []
  })
  const mark = markOf(records)
  const known = await people.lastBy()
  if (mark === known) return
  const links = records.flatMap(({ headers }) => linksIn(headers))
  await Promise.all(links.map(([key, canonical]) => people.link(key, canonical, mark)))
}

/** What it makes links with, from the first link on; nothing where it makes none. */
async function lastPublication(log: Log): Promise<readonly Received[]> {
  const last = await lastOperation(log)
  const span = Number(last?.headers[HEADER.linkSpan] ?? 0)
  if (last === undefined || span === 0 || HEADER.copiedFrom in last.headers) return []
  const records = await log.read(TOPICS.events, { from: last.offset + 1 - span, limit: span })
  const isWhole = records.length === span && records.at(-1)?.offset === last.offset
  return isWhole ? records : []
}

/** Records that are read at once: unreadable ones may be large. */
const LOOK = 100
/** Of the topics that are read beside HTTP each hands over a thousand records at once. */
const MOST_BEHIND = 5_000

/** Of Sluice's own; what else there is was published beside the line, and may lie behind (topics.ts). */
const isOperation = ({ id, kind }: BusRecord): boolean => id !== '' && kind !== UNREADABLE

/** Mostly it is the last record, and no other is looked at: it may be damaged. */
async function lastOperation(log: Log): Promise<Received | undefined> {
  const head = log.head(TOPICS.events)
  for (let [end, look] = [head, 1]; head - end < MOST_BEHIND; look = LOOK) {
    const from = Math.max(0, end - look)
    const records = await log.read(TOPICS.events, { from, limit: end - from })
    for (const record of records.toReversed()) {
      end -= 1
      if (record.offset !== end) return undefined
      if (isOperation(record)) return record
    }
    if (end > from || end === 0) return undefined
  }
  return undefined
}

const makesLinks = ({ headers }: BusRecord): boolean => HEADER.links in headers

const linksIn = (headers: Headers): readonly (readonly [string, string])[] =>
  JSON.parse(headers[HEADER.links] ?? '[]') // writeLinks wrote it
