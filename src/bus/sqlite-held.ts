/** A topic of the embedded bus: its log, and who reads it. */
import type { Dirty } from './sqlite-commit.ts'
import type { SqliteLog } from './sqlite-log.ts'
import type { Topic } from './topic.ts'

export interface Held {
  readonly log: SqliteLog
  readonly topic: Topic
}

export const groupsOf = ({ log, topic }: Held): Dirty[] =>
  [...topic.groups].map((group) => [group, log] as const)
