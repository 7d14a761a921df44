/** What happens to operations, for whoever watches the live feed; nothing is built while nobody does. */
import type { Feed, Happening } from '../core/feed.ts'
import type { Attempt } from '../core/outcome.ts'
import type { Ended, Op } from './op.ts'

export function tellAttempt(feed: Feed, ops: readonly Op[], attempt: Attempt): void {
  if (!feed.watched) return
  feed.tell(
    ops.map((op) => ({
      ...subject(op, attempt.at),
      what: 'attempted',
      ...attempt,
      attempt: op.attempts.length,
    })),
  )
}

export function tellEnd(feed: Feed, ended: readonly Ended[], at: number): void {
  if (!feed.watched) return
  feed.tell(
    ended.map(({ op, outcome, refusal }) => ({
      ...subject(op, at),
      what: 'ended',
      outcome,
      ...(refusal ? { code: refusal.code, detail: refusal.message ?? refusal.reason } : {}),
    })),
  )
}

const subject = ({ id, key, kind }: Op, at: number): Omit<Happening, 'what'> => ({
  at,
  id,
  key,
  kind,
})
