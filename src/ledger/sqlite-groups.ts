/** What is stored at once of what ended: a dead operation alone, others together as long as they ended at one time. Pure. */
import { type Ends, isMany } from '../core/ends.ts'
import type { Entry } from './ledger.ts'
import { type Batch, batchOf, makeBatch } from './sqlite-batch.ts'
import type { Reach } from './sqlite-reached.ts'

/** Plain data: it crosses to another thread. */
export type Group = Batch | Entry

/** How far into its lanes it lies. */
export const reachOf = (group: Group): readonly Reach[] =>
  'body' in group ? group.reached : [[group.topic, { [group.lane]: group.offset }]]

export function groupsOf(ended: readonly (Entry | Ends)[]): Group[] {
  const groups: Group[] = []
  let together: Entry[] = []
  const close = () => {
    if (together.length > 0) groups.push(batchOf(together))
    together = []
  }
  for (const one of ended) {
    const joins = !isMany(one) && one.outcome !== 'dead' && one.endedAt === together[0]?.endedAt
    if (!joins) close()
    if (isMany(one)) groups.push(makeBatch(one))
    else if (one.outcome === 'dead') groups.push(one)
    else together.push(one)
  }
  close()
  return groups
}
