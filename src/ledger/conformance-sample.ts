/** Sample entries for the conformance suite: complete ones, of which a scenario names only what it is about. */
import type { Attempt, Refusal } from '../core/outcome.ts'
import { TOPICS } from '../core/record.ts'
import type { Entry } from './ledger.ts'

/** 2026-08-01, a fixed day: no scenario reads a clock. */
export const NOON = Date.UTC(2026, 7, 1, 12)

export const OK: Attempt = { at: NOON + 10, ms: 41, status: 200, code: 'ok' }

export const REFUSED: Attempt = {
  at: NOON + 10,
  ms: 38.5,
  status: 400,
  code: 'upstream_rejected',
  detail: 'attribute "name" is too long',
}

export const REFUSAL: Refusal = { code: 'upstream_rejected', reason: 'invalid', field: 'attributes' }

/** An operation that was delivered at offset 1 of lane 0 of the live topic, unless told otherwise. */
export function entry(id: string, fields: Partial<Entry> = {}): Entry {
  return {
    id,
    key: 'id:42',
    kind: 'person.event',
    headers: { source: 'default', 'correlation-id': `c-${id}` },
    receivedAt: NOON,
    endedAt: NOON + 51,
    topic: TOPICS.events,
    lane: 0,
    offset: 1,
    outcome: 'delivered',
    attempts: [OK],
    ...fields,
  }
}

export function deadEntry(id: string, fields: Partial<Entry> = {}): Entry {
  return entry(id, {
    outcome: 'dead',
    attempts: [REFUSED],
    refusal: REFUSAL,
    value: `{"type":"person","id":"${id}"}`,
    ...fields,
  })
}

/** The end of a replay: recorded from the replay topic. */
export const replayed = (ended: Entry, offset = 7): Entry => ({ ...ended, topic: TOPICS.replay, offset })
