/**
 * Links that were published and not written: a process ended between its log and its people/. What was said under either key
 * from then on would go two ways, the second of them without regard to what lies in the log. So the log says who is whom as
 * well, and who starts on it learns that before anything is placed.
 *
 * Whoever publishes links waits until they are written (accept.ts), so that those which are owed are of the last publication.
 */
import type { Bus } from '../bus/bus.ts'
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

/** A log of this process alone. */
interface Log extends Pick<Bus, 'read'> {
  /** The offset that the next record of the topic gets. */
  head(topic: string): number
}

/**
 * Writes what the log says last and people/ does not know. To be called before anything is placed. Throws what both throw,
 * `log_damaged` among it.
 */
export async function linkOwed(log: Log, people: OwnPeople): Promise<void> {
  const records = await lastPublication(log)
  const known = await people.lastBy()
  const owed = records.slice(records.findLastIndex(({ id }) => id === known) + 1)
  await Promise.all(
    owed.flatMap(({ id, headers }) =>
      linksIn(headers).map(([key, canonical]) => people.link(key, canonical, id)),
    ),
  )
}

/** What it makes links with, from the first link on; nothing where it makes none. */
async function lastPublication(log: Log): Promise<readonly Received[]> {
  const last = await lastOperation(log)
  const span = Number(last?.headers[HEADER.linkSpan] ?? 0)
  if (last === undefined || span === 0 || HEADER.copiedFrom in last.headers) return []
  return log.read(TOPICS.events, { from: last.offset + 1 - span, limit: span })
}

const LOOK = 100
/** Of the topics that are read beside HTTP each hands over a thousand records at once. */
const MOST_BEHIND = 5_000

/** What is no operation was published beside the line (topics.ts), and may lie behind. */
async function lastOperation(log: Log): Promise<Received | undefined> {
  const head = log.head(TOPICS.events)
  for (let end = head; end > Math.max(0, head - MOST_BEHIND); end -= LOOK) {
    const from = Math.max(0, end - LOOK)
    const records = await log.read(TOPICS.events, { from, limit: end - from })
    const last = records.findLast(({ kind }) => kind !== UNREADABLE)
    if (last !== undefined) return last
  }
  return undefined
}

const makesLinks = ({ headers }: BusRecord): boolean => HEADER.links in headers

const linksIn = (headers: Headers): readonly (readonly [string, string])[] =>
  JSON.parse(headers[HEADER.links] ?? '[]') // writeLinks wrote it
