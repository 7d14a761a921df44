/** What is stored at once of what ended: a dead operation alone, others together as long as they ended at one time. Pure. */
import type { Entry } from './ledger.ts'
import { type Batch, makeBatch } from './sqlite-batch.ts'

/** Plain data: it crosses to another thread. */
export type Group = Batch | Entry

export function groupsOf(entries: readonly Entry[]): Group[] {
  const groups: Group[] = []
  let start = 0
  for (let end = 1; end <= entries.length; end += 1) {
    const [before, entry] = [entries[end - 1], entries[end]]
    const joins =
      before?.endedAt === entry?.endedAt && before?.outcome !== 'dead' && entry?.outcome !== 'dead'
    if (joins) continue
    groups.push(before?.outcome === 'dead' ? before : makeBatch(entries.slice(start, end)))
    start = end
  }
  return groups
}
